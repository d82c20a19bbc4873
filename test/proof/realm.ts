/**
 * The built channel, ring of ends and table of runs, instrumented: an instance of each module for every thread. The codec,
 * the errors and the options have no `Atomics` in them and are used as they are.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as errors from '#channel/errors';
import * as options from '#channel/options';
import * as codec from '#codec';
import { globalsOf, type Seat } from './globals.js';
import { type Instrumented, instrument } from './instrument.js';
import { Await, call, GeneratorObject, promiseOf, runAsync, type Steps, Thread } from './loop.js';
import { Machine } from './machine.js';

/** In the order of their imports. */
const FILES = {
  park: 'channel',
  look: 'channel',
  memory: 'channel',
  ring: 'channel',
  waiting: 'channel',
  seats: 'channel',
  sender: 'channel',
  receiver: 'channel',
  ends: 'runtime',
  runs: 'runtime',
} as const;
type File = keyof typeof FILES;

/** A change to a built file, before it is instrumented. `from` must be there exactly once. */
export interface Edit {
  readonly file: File;
  readonly from: string;
  readonly to: string;
}

/** How long threads look and nap before they sleep: not at all; one look, and a nap at each wait; as shipped. */
export type Looks = 'none' | 'some' | 'as shipped';

/** More looks are the same look again, and the schedules with them are too many to explore. */
function looking(looks: Looks): Edit[] {
  const edit = (from: string, to: string): Edit => ({ file: 'look', from, to });
  if (looks === 'as shipped') return [];
  // A receiver may be killed between the take and this: a point to stop at.
  const torn: Edit = {
    file: 'ring',
    from: 'this.memory.taken += 1;',
    to: 'Atomics.plain(this.#words, 0); this.memory.taken += 1;',
  };
  if (looks === 'none') return [torn, edit('isDue() {', 'isDue() { return false;')];
  return [
    torn,
    edit('LOOK_US = 80', 'LOOK_US = 1'),
    edit('MOST_WAITS = 255', 'MOST_WAITS = 0'),
    edit('STEPS = 800', 'STEPS = 0'),
  ];
}

type Made<T> = T | Steps<T>;

/** What scenarios use of an instrumented thread. Every call is to be run with `call`. */
export interface Instance {
  readonly park: { readonly duties: Set<() => unknown> };
  readonly sender: { readonly Sender: { attach(handle: unknown): Steps<InstrumentedSender> } };
  readonly receiver: {
    readonly Receiver: { attach(handle: unknown, hooks?: object): Steps<InstrumentedReceiver> };
  };
  readonly ends: Record<string, number> & {
    readonly Reporter: new () => { $construct(...args: unknown[]): Steps<InstrumentedReporter> };
    readonly Collector: new () => { $construct(...args: unknown[]): Steps<InstrumentedCollector> };
  };
  readonly runs: Record<string, number> & {
    readonly Runs: new (memory: SharedArrayBuffer) => InstrumentedRuns;
  };
}
export interface InstrumentedSender {
  readonly position: number;
  readonly waiting: number;
  send(value: unknown, options?: object, onSent?: object, late?: boolean): unknown;
  trySend(value: unknown): unknown;
  blockingSend(value: unknown, options?: object): unknown;
  takeBack(position: number): Made<boolean>;
  isHere(position: number): Made<boolean>;
  share(): unknown;
  bury(handle: unknown): unknown;
  close(): unknown;
}
export interface InstrumentedReceiver {
  recv(): unknown;
  tryRecv(): unknown;
  blockingRecv(): unknown;
  close(): unknown;
  callAll(): unknown;
  isHere(position: number): Made<boolean>;
  discard(each: (position: number, decode: () => unknown) => unknown): unknown;
}
export interface InstrumentedReporter {
  report(end: object, outcome: object, size: number): unknown;
  look(): unknown;
}
export interface InstrumentedCollector {
  drain(): unknown;
  listen(isEager: () => boolean, look: () => unknown): unknown;
  beEager(): unknown;
  wake(): unknown;
  stop(): unknown;
}
export interface Running {
  readonly entry: number;
  readonly position: number;
  readonly key: number | undefined;
}
export interface InstrumentedRuns {
  name(entry: number, key: number): void;
  start(entry: number, position: number, time: number): unknown;
  end(entry: number): unknown;
  list(): Made<Running[]>;
  revoke(late: Running): Made<boolean>;
  giveBack(): unknown;
  reset(): unknown;
}

/** The built text. Read once, so that a build that runs meanwhile changes nothing. */
const built = new Map(
  Object.entries(FILES).map(([file, folder]) => [
    file as File,
    readFileSync(fileURLToPath(import.meta.resolve(`#${folder}/${file}`)), 'utf8'),
  ]),
);

const NO_MACHINE = new Machine([], []);

type Factory = ($: object) => Record<string, unknown> & { readonly $reset: () => void };

export interface ThreadSeat extends Seat {
  readonly instance: Instance;
  /** Its code begins anew: the modules' variables have their first values again. */
  readonly reset: () => void;
}

/** The instrumented text, compiled: makes instances. */
export class Build {
  readonly #modules: [string, Instrumented, Factory][];
  /** Made once: compiled code is fast only after some time. */
  readonly #seats: ThreadSeat[] = [];

  constructor(edits: readonly Edit[] = [], looks: Looks = 'none') {
    const all = [...edits, ...looking(looks)];
    const texts = [...built].map(([file, text]) => [
      file,
      all.filter((edit) => edit.file === file).reduce(apply, text),
    ]);
    this.#modules = Object.entries(instrument(Object.fromEntries(texts))).map(([file, module]) => [
      file,
      module,
      new Function('$', module.code) as Factory,
    ]);
  }

  /** The thread with this index. Worlds share it: whoever runs one tells it which. */
  seat(index: number): ThreadSeat {
    let seat = this.#seats[index];
    if (seat === undefined) {
      const empty = { thread: new Thread(index), machine: NO_MACHINE, decoded: () => undefined };
      seat = Object.assign(empty, this.#instance(empty));
      this.#seats[index] = seat;
    }
    return seat;
  }

  #instance(seat: Seat): Pick<ThreadSeat, 'instance' | 'reset'> {
    const { thread } = seat;
    const kind = promiseOf(thread);
    const globals = globalsOf(seat);
    const imports: Record<string, object> = {
      'node:worker_threads': { threadId: thread.index },
      'node:timers': { setImmediate: globals['setImmediate'] },
      '../codec/index.js': { ...codec, Decoder: listening((value) => seat.decoded(value)) },
      './errors.js': errors,
      './options.js': options,
    };
    const $async = (body: Steps): Steps => runAsync(kind, body);
    const shared = {
      ...globals,
      $async,
      $filter,
      $flatMap,
      $Await: Await,
      $Generator: GeneratorObject,
      imports,
    };
    const made: Record<string, ReturnType<Factory>> = {};
    for (const [file, , factory] of this.#modules) {
      made[file] = imports[`./${file}.js`] = factory(shared);
      imports['../channel/index.js'] = { ...imports['../channel/index.js'], ...made[file] };
    }
    const instance = made as unknown as Instance;
    const reset = (): void => {
      for (const { $reset } of Object.values(made)) $reset();
      instance.park.duties.clear();
    };
    return { instance, reset };
  }
}

/** As the scenario wants it: with looks and naps, or without. */
export function buildFor({ naps = false }: { readonly naps?: boolean }, edits: readonly Edit[] = []): Build {
  return new Build(edits, naps ? 'some' : 'none');
}

function* $filter<T>(list: readonly T[], test: (value: T) => unknown): Steps<T[]> {
  const kept: T[] = [];
  for (const value of list) if (yield* call(test(value))) kept.push(value);
  return kept;
}

function* $flatMap<T, U>(list: readonly T[], map: (value: T) => unknown): Steps<U[]> {
  const all: U[] = [];
  for (const value of list) all.push(...([yield* call(map(value))].flat() as U[]));
  return all;
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
