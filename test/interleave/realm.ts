/**
 * The built channel and ledger, instrumented: an instance of each module for every thread. The codec, the errors and the
 * description of a record have no `Atomics` in them and are used as they are, and so is what encodes outcomes.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as channelErrors from '#channel/errors';
import * as options from '#channel/options';
import * as codec from '#codec';
import * as diagnostics from '#runtime/diagnostics';
import * as errors from '#runtime/errors';
import * as outcome from '#runtime/outcome';
import type { TaskRecord } from '#runtime/record';
import * as record from '#runtime/record';
import * as totals from '#runtime/totals';
import { globalsOf, type Seat } from './globals.js';
import { type Instrumented, instrument } from './instrument.js';
import { Await, call, GeneratorObject, promiseOf, runAsync, type Steps, Thread } from './loop.js';
import { Machine } from './machine.js';

/** In the order of their imports. */
const FILES = [
  'park',
  'blocked',
  'line',
  'memory',
  'ring',
  'patience',
  'late',
  'waiting',
  'sender',
  'receiver',
  'records',
  'lease',
  'watchers',
  'tally',
  'ledger',
  'handle',
] as const;
const RUNTIME: ReadonlySet<string> = new Set(['records', 'lease', 'watchers', 'tally', 'ledger', 'handle']);

/** A change to a built file, before it is instrumented. `from` must be there exactly once. */
export interface Edit {
  readonly file: (typeof FILES)[number];
  readonly from: string;
  readonly to: string;
}

/**
 * More looks before parking are the same look again, and the schedules with them are too many to explore. So every
 * constant that says how long to spin becomes `looks`. With one look, senders also nap at each wait; as shipped, they would
 * come to that only after more sends than a scenario has.
 */
function fewLooks(text: string, looks: number): string {
  let changed = 0;
  const set = (value: number) => (_: string, name: string) => {
    changed += 1;
    return `const ${name} = ${value};`;
  };
  const result = text
    .replace(/const (\w+_SPIN_US) = \d+;/g, set(looks))
    .replace(/const (IN_LINE_MS) = \d+;/, set(100)) // a whole slice: see machine.ts
    .replace(/const (\w+_WAITS) = (\d+);/g, (all, name, value) =>
      set(looks === 0 ? Number(value) : 0)(all, name),
    );
  if (changed !== 5) throw new Error(`Expected five constants of patience.ts, found ${changed}`);
  return result;
}

/**
 * Plain accesses of the ledger that another thread's may come between: a point to stop before each of them. It makes no
 * difference to what the code does.
 */
function torn(text: string): string {
  const access = /^( +)(words\[at \+ |times\[.*\] = |(?:label|run)\.set|for \(let i = [A-Z]|if \(size > 0)/gm;
  const changed = text.replaceAll(access, '$1Atomics.plain(words, 0);\n$1$2');
  if (changed.split('Atomics.plain').length < 6) throw new Error('Expected more plain accesses');
  return changed;
}

/** What scenarios use of an instrumented sender and receiver. Every call is to be run with `call`. */
export interface Instance {
  /** The thread's sends that wait: to be forgotten before its code begins anew. */
  readonly blocked: { readonly waiting: Set<unknown> };
  readonly line: Record<string, number>;
  readonly memory: Record<string, number> & { readonly Phase: Record<string, number> };
  readonly sender: { readonly Sender: { attach(handle: unknown): Steps<InstrumentedSender> } };
  readonly receiver: {
    readonly Receiver: { attach(handle: unknown, onSkip?: unknown): Steps<InstrumentedReceiver> };
  };
  readonly ledger: LedgerLayout & { readonly Ledger: new (memory: SharedArrayBuffer) => InstrumentedLedger };
  readonly handle: {
    readonly TaskHandle: new (task: unknown, enqueuer: unknown, options: object) => InstrumentedHandle;
    enqueuerOf(tx: InstrumentedSender): unknown;
    runTask(task: unknown, tx: InstrumentedSender, options?: object): unknown;
    blockingRunTask(task: unknown, tx: InstrumentedSender, options?: object): unknown;
  };
}
export type LedgerLayout = Record<string, number> & {
  readonly Label: Record<string, number>;
  readonly State: Record<string, number>;
};
type Made<T> = T | Steps<T>;
export interface InstrumentedHandle {
  readonly id: number;
  claimed(position: number): Made<boolean>;
  withdraw(): Made<void>;
  status(): Made<TaskRecord | undefined>;
  cancel(): Made<string | undefined>;
  finished(): unknown;
}
export interface InstrumentedLedger {
  readonly tally: { reach(position: number): Made<void> };
  enqueue(position: number, fn: number, kind: string): Made<number>;
  withdraw(id: number): Made<void>;
  skip(position: number): Made<void>;
  start(position: number, now: number): Made<boolean>;
  begin(position: number, now: number, timeout: number): Made<void>;
  idAt(position: number): Made<number>;
  progress(id: number, fraction: number): Made<void>;
  finish(id: number, state: string, outcome: unknown, now: number): Made<string | undefined>;
  cancelRequested(id: number): Made<boolean>;
  read(id: number): Made<TaskRecord | undefined>;
  cancel(id: number): Made<string | undefined>;
  endOverdue(id: number): Made<boolean>;
  fail(id: number, error: unknown): Made<void>;
  handOver(): Made<void>;
  close(): Made<void>;
  open(): Made<number[]>;
  running(): Made<number[]>;
}
export interface InstrumentedSender {
  send(value: unknown, options?: object, claimant?: object): unknown;
  trySend(value: unknown, claimant?: object, late?: boolean): unknown;
  blockingSend(value: unknown, options?: object, claimant?: object): unknown;
  share(): unknown;
  bury(handle: unknown): unknown;
  close(): unknown;
}
export interface InstrumentedReceiver {
  recv(accept?: unknown, patient?: boolean): unknown;
  tryRecv(accept?: unknown): unknown;
  blockingRecv(): unknown;
  close(): unknown;
  discard(each: (position: number) => unknown): unknown;
}

function folderOf(file: (typeof FILES)[number]): string {
  return RUNTIME.has(file) ? 'runtime' : 'channel';
}

/** The built text. Read once, so that a build that runs meanwhile changes nothing. */
const built = new Map(
  FILES.map((file) => [
    file,
    readFileSync(fileURLToPath(import.meta.resolve(`#${folderOf(file)}/${file}`)), 'utf8'),
  ]),
);

const NO_MACHINE = new Machine(new SharedArrayBuffer(0), new SharedArrayBuffer(0), []);

type Factory = ($: object) => Record<string, unknown>;

/** The instrumented text, compiled: makes instances. */
export class Build {
  /** Receivers may nap. Without looks, that is left out, too. */
  readonly patient: boolean;
  readonly #modules: [string, Instrumented, Factory][];
  /** Made once: compiled code is fast only after some time. */
  readonly #seats: (Seat & { readonly instance: Instance })[] = [];

  /** `looks`: see {@link fewLooks}; 'as shipped': the text is not changed, and not {@link torn}. */
  constructor(edits: readonly Edit[] = [], looks: number | 'as shipped' = 0) {
    this.patient = looks !== 0;
    const sources: Record<string, string> = {};
    for (const file of FILES) {
      const text = edits.filter((edit) => edit.file === file).reduce(apply, built.get(file) ?? '');
      if (looks === 'as shipped') sources[file] = text;
      else
        sources[file] =
          file === 'patience'
            ? fewLooks(text, looks)
            : file === 'ledger' || file === 'records'
              ? torn(text)
              : text;
    }
    this.#modules = Object.entries(instrument(sources)).map(([file, module]) => [
      file,
      module,
      new Function('$', module.code) as Factory,
    ]);
  }

  /** The thread with this index. Worlds share it: whoever runs one tells it which. */
  seat(index: number): Seat & { readonly instance: Instance } {
    let seat = this.#seats[index];
    if (seat === undefined) {
      const empty = { thread: new Thread(index), machine: NO_MACHINE, decoded: () => undefined };
      seat = Object.assign(empty, { instance: this.#instance(empty) });
      this.#seats[index] = seat;
    }
    return seat;
  }

  #instance(seat: Seat): Instance {
    const { thread } = seat;
    const kind = promiseOf(thread);
    const globals = globalsOf(seat);
    const $async = (body: Steps): Steps => runAsync(kind, body);
    const imports: Record<string, object> = {
      'node:worker_threads': { threadId: thread.index },
      'node:timers': { setImmediate: globals['setImmediate'] },
      'node:events': { setMaxListeners: () => undefined },
      '../codec/index.js': { ...codec, Decoder: listening((value) => seat.decoded(value)) },
      './clock.js': { now: () => thread.date },
      './errors.js': { ...channelErrors, ...errors },
      './diagnostics.js': diagnostics,
      './options.js': options,
      './outcome.js': outcome,
      './record.js': record,
      './totals.js': totals,
    };
    const shared = { ...globals, $async, $filter, $Await: Await, $Generator: GeneratorObject, imports };
    const made: Record<string, object> = {};
    for (const [file, , factory] of this.#modules) {
      // What the ledger decodes are no messages.
      const own =
        file === 'records' ? { ...shared, imports: { ...imports, '../codec/index.js': codec } } : shared;
      made[file] = imports[`./${file}.js`] = factory(own);
      imports['../channel/index.js'] = { ...options, ...imports['../channel/index.js'], ...made[file] };
    }
    made['ledger'] = { ...made['records'], ...made['lease'], ...made['ledger'] };
    return made as unknown as Instance;
  }
}

function* $filter<T>(list: readonly T[], test: (value: T) => unknown): Steps<T[]> {
  const kept: T[] = [];
  for (const value of list) if (yield* call(test(value))) kept.push(value);
  return kept;
}

function apply(text: string, { file, from, to }: Edit): string {
  if (text.split(from).length !== 2)
    throw new Error(`Expected exactly one place in ${file}.js with: ${from}`);
  return text.replace(from, () => to);
}

function listening(decoded: (value: unknown) => void): typeof codec.Decoder {
  return class extends codec.Decoder {
    override decode(length: number): unknown {
      const value = super.decode(length);
      decoded(value);
      return value;
    }
  };
}
