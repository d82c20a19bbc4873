/**
 * The built channel, ring of ends and table of runs, as shipped: an instance of each module for every thread. Only what
 * they find around them is another one: `Atomics`, typed arrays of shared memory, timers. The codec, the errors and the
 * options have no `Atomics` in them and are used as they are.
 *
 * Others may go on before each `Atomics` call. A wait that is only for safety never ends by itself, so a lost wake-up cannot
 * hide behind it.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as errors from '#channel/errors';
import { RECEIVER_THREAD } from '#channel/memory';
import * as options from '#channel/options';
import { type duties, SLICE_MS } from '#channel/park';
import type * as receiver from '#channel/receiver';
import type * as ring from '#channel/ring';
import type * as sender from '#channel/sender';
import { LOOK_MS } from '#channel/waiting';
import * as codec from '#codec';
import type * as ends from '#runtime/ends';
import type * as runs from '#runtime/runs';
import type { Change, Machine } from './machine.js';
import { BEGIN } from './shared.js';
import type { Seen, Thread, Timer } from './thread.js';

/** In the order of their imports. */
const FILES = { channel: 'park look cells memory ring waiting seats sender receiver', runtime: 'ends runs' };

/** A change to a built file without its comments. `from`, with any space, must be there exactly once. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Looks and naps are left out; or one look, and a nap at each wait. More are the same again, and too many to explore. */
function edits(looks: boolean): Edit[] {
  const look = (from: string, to: string): Edit => ({ file: 'look', from, to });
  return [
    // Left by a throw when the code has to stop, and by no other.
    { file: 'waiting', from: 'void this.#listen();', to: 'this.#listen().catch($.threw);' },
    // A receiver may be killed between the take and this: a point to stop at.
    {
      file: 'ring',
      from: 'this.taken += 1;',
      to: 'Atomics.plain(this.words, 0); this.taken += 1;',
    },
    ...(looks
      ? [
          look('LOOK_US = 80', 'LOOK_US = 1'),
          look('MOST_WAITS = 63', 'MOST_WAITS = 0'),
          look('STEPS = 800', 'STEPS = 0'),
        ]
      : [look('isDue() {', 'isDue() { return false;')]),
  ];
}

/** What scenarios use of a thread's modules. */
export interface Instance {
  readonly park: { readonly duties: typeof duties };
  readonly ring: typeof ring;
  readonly sender: typeof sender;
  readonly receiver: typeof receiver;
  readonly ends: typeof ends & Readonly<Record<string, number>>;
  readonly runs: typeof runs & Readonly<Record<string, number>>;
}

/** The built text. Read once, so that a build that runs meanwhile changes nothing. */
const built = Object.entries(FILES).flatMap(([folder, files]) =>
  files.split(' ').map((file) => {
    const text = readFileSync(fileURLToPath(import.meta.resolve(`#${folder}/${file}`)), 'utf8');
    return [file, text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '')] as const;
  }),
);

type Factory = ($: object) => object;

const GLOBALS =
  'const { Atomics, Int32Array, Float64Array, Uint8Array, performance, setTimeout, clearTimeout } = $;';

/** A module as a function that returns all its names. It knows the JavaScript that `tsc` prints for this project. */
function compile(text: string): Factory {
  const names = [...text.matchAll(/^(?:export )?(?:const|let|function|async function|class) (\w+)/gm)].map(
    ([, name]) => name,
  );
  const body = text
    .replace(/^import (\{.*\}) from ('.*');/gm, 'const $1 = $$.imports[$2];')
    .replace(/^export /gm, '');
  return new Function(
    '$',
    `'use strict'; ${GLOBALS} { ${body}\nreturn { ${names.join(', ')} }; }`,
  ) as Factory;
}

/** The text, changed and compiled: makes instances. */
export class Build {
  readonly #modules: (readonly [string, Factory])[];

  constructor(looks = false, changes: readonly Edit[] = []) {
    const all = [...changes, ...edits(looks)];
    this.#modules = built.map(([file, text]) => [
      file,
      compile(all.filter((edit) => edit.file === file).reduce(apply, text)),
    ]);
  }

  /** Modules for a thread on a machine. */
  instance(thread: Thread, machine: Machine): Instance {
    const globals = globalsOf(thread, machine);
    const imports: Record<string, object> = {
      'node:worker_threads': { threadId: thread.index },
      'node:os': { availableParallelism: () => 2 },
      'node:timers': globals,
      '../codec/index.js': codec,
      './errors.js': errors,
      './options.js': options,
    };
    const made: Record<string, object> = {};
    for (const [file, factory] of this.#modules) {
      const module = factory({ ...globals, imports, threw: thread.threw });
      made[file] = imports[`./${file}.js`] = module;
      imports['../channel/index.js'] = { ...imports['../channel/index.js'], ...module };
    }
    return made as unknown as Instance;
  }
}

function apply(text: string, { file, from, to }: Edit): string {
  const pattern = new RegExp(from.replace(/[^\w\s]/g, '\\$&').replace(/\s+/g, '\\s+'), 'g');
  if (text.match(pattern)?.length !== 1)
    throw new Error(`Expected exactly one place in ${file}.js with: ${from}`);
  return text.replace(pattern, () => to);
}

/** What code on a logical thread finds in place of the globals of a real one. */
function globalsOf(thread: Thread, machine: Machine): Record<string, unknown> {
  const clock = (): number => thread.ask(() => machine.clock);
  /** Shared memory is seen through views. */
  const viewing = (kind: typeof Int32Array | typeof Float64Array | typeof Uint8Array): unknown =>
    new Proxy(kind, {
      construct: (_, [source, begin, length]) => machine.shared.view(kind, source, begin, length, thread),
    });
  return {
    Atomics: atomicsOf(thread, machine),
    Int32Array: viewing(Int32Array),
    Float64Array: viewing(Float64Array),
    Uint8Array: viewing(Uint8Array),
    performance: { now: clock },
    setTimeout: (job: () => unknown, ms: number): Timer & { unref(): Timer; refresh(): Timer } => {
      const timer = { at: clock() + ms, job, unref: () => timer, refresh: () => timer };
      if (ms < SLICE_MS) thread.timers.push(timer); // a slice that ends would hide a wake-up that was lost
      return timer;
    },
    setInterval: () => ({ ref() {}, unref() {} }),
    setImmediate: (job: () => unknown): void => {
      thread.immediates.push(job);
    },
    clearTimeout: (timer: Timer | undefined): void => {
      const at = timer === undefined ? -1 : thread.timers.indexOf(timer);
      if (at >= 0) thread.timers.splice(at, 1);
    },
  };
}

type View = Readonly<Record<typeof BEGIN, number>>;

const same: Change = (before) => before;

function atomicsOf(thread: Thread, machine: Machine): Record<string, unknown> {
  /** What thread has the receiver makes no difference here: no need to stop. */
  const make = <T extends Seen>(at: number, effect: () => T): T =>
    at === RECEIVER_THREAD ? thread.ask(effect) : thread.stop(effect);
  const access = (op: string, change: Change) => (view: View, index: number, a: number, b: number) => {
    const at = view[BEGIN] + index;
    return make(at, () => machine.call(thread, op, at, change, a, b));
  };
  /** It does not see what was there. */
  const store = (view: View, index: number, value: number): number => {
    const at = view[BEGIN] + index;
    make(at, () => {
      machine.call(thread, 'store', at, () => value);
      return undefined;
    });
    return value;
  };

  function notify(view: View, index: number, most = Number.POSITIVE_INFINITY): number {
    const at = view[BEGIN] + index;
    const own = make(at, () => {
      machine.call(thread, 'notify', at, same);
      return machine.wake(thread, at, most);
    });
    const [count = 0, ...numbers] = own.split(' ').map(Number);
    for (const number of numbers) thread.settle(number, 'ok');
    return count;
  }

  function wait(view: View, index: number, value: number, ms = Number.POSITIVE_INFINITY): string {
    const at = view[BEGIN] + index;
    // A look ends by itself only where it counts: in a thread that hears no calls of its async waits; where looks are meant.
    const isTimed = ms < LOOK_MS || (ms < SLICE_MS && (thread.listening > 0 || machine.looks));
    const begin = make(at, () => {
      if (machine.call(thread, 'wait', at, same) !== value) return undefined;
      machine.waits(thread, at);
      return isTimed ? machine.clock : 0;
    });
    return begin === undefined ? 'not-equal' : thread.park(isTimed ? begin + ms : Number.POSITIVE_INFINITY);
  }

  function waitAsync(view: View, index: number, value: number, ms?: number): object {
    const at = view[BEGIN] + index;
    const number = thread.promises.length;
    const promise = thread.promised();
    const parks = make(at, () => {
      if (machine.call(thread, 'waitAsync', at, same) !== value) return false;
      machine.waits(thread, at, number);
      return true;
    });
    if (parks && ms !== undefined) listen(number, promise, ms);
    return parks ? { async: true, value: promise } : { async: false, value: 'not-equal' };
  }

  /** An async wait for room: a sender looks by itself. */
  function listen(number: number, promise: Promise<unknown>, ms: number): void {
    thread.listening += 1;
    void promise.then(() => {
      thread.listening -= 1;
    });
    const job = (): void => {
      if (thread.ask(() => machine.stopsWaiting(thread, number))) thread.settle(number, 'timed-out');
    };
    if (machine.looks) thread.timers.push({ at: thread.ask(() => machine.clock) + ms, job });
  }

  return {
    load: access('load', same),
    store,
    add: access('add', (before, a) => before + a),
    and: access('and', (before, a) => before & a),
    or: access('or', (before, a) => before | a),
    exchange: access('exchange', (_, a) => a),
    compareExchange: access('compareExchange', (before, a, b) => (before === a ? b : before)),
    plain: access('plain', same),
    notify,
    wait,
    waitAsync,
  };
}
