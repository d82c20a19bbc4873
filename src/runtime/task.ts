/**
 * Tasks: which function to run in the worker thread, and the values it captured.
 *
 * A function cannot cross threads, so a task names it. Both threads import the same module of `defineTasks`, and the
 * name is the function's number there; or the task brings the function's source along, if it was made by `move`.
 */
import { isAsyncFunction } from 'node:util/types';
import { Script } from 'node:vm';
import { registerWireClass } from '../codec/index.js';
import type { TaskContext } from './context.js';

export type TaskKind = 'sync' | 'async';

/** A unit of work. `R` is the type of its result. Build it with a function of `defineTasks`, or with `move`. */
export class Task<R = unknown> {
  readonly kind: TaskKind;
  /** The function's number among the tasks of its module, or the source of a moved closure. */
  readonly fn: number | string;
  /** Tells task modules apart; 0 for a moved closure, and in the worker thread. `runTask` checks it. */
  readonly module: number;
  /** The captured values, in the order of the function's parameters. */
  readonly args: readonly unknown[];
  /** In the worker thread: where the task stood in the channel. */
  position = 0;
  /** Only for the type checker. */
  declare readonly result?: R;

  /** @internal */
  constructor(kind: TaskKind, fn: number | string, module: number, args: readonly unknown[]) {
    this.kind = kind;
    this.fn = fn;
    this.module = module;
    this.args = args;
  }

  /** The function's number; -1 for a moved closure. */
  get number(): number {
    return typeof this.fn === 'number' ? this.fn : -1;
  }
}

registerWireClass<Task>({
  tag: 0,
  type: Task,
  write(to, task) {
    const isAsync = task.kind === 'async';
    if (typeof task.fn === 'number') to.write(task.fn * 2 + (isAsync ? 1 : 0));
    else {
      to.write(isAsync);
      to.write(task.fn);
    }
    to.writeNamed('args', task.args);
  },
  read(from) {
    const head = from.read();
    if (typeof head !== 'number') {
      return new Task(head === true ? 'async' : 'sync', from.read() as string, 0, from.read() as unknown[]);
    }
    return new Task((head & 1) === 1 ? 'async' : 'sync', head >> 1, 0, from.read() as unknown[]);
  },
});

// ── What may cross a thread ────────────────────────────────────────────────────────────────────────────────────────

type Leaf =
  | string
  | number
  | boolean
  | bigint
  | null
  | undefined
  | Date
  | RegExp
  | Error
  | ArrayBuffer
  | ArrayBufferView;
type Bound = symbol | ((...args: never) => unknown) | PromiseLike<unknown>;

/**
 * The types inside `T` that cannot cross a thread; `never` if there are none. A class with methods has some. `any` and
 * `unknown` pass, and are checked when the task is sent. `Seen` ends the walk through types that contain themselves.
 */
type Unsendable<T, Seen = never> = unknown extends T
  ? never
  : T extends Leaf | Seen
    ? never
    : T extends Bound
      ? T
      : T extends ReadonlyMap<infer K, infer V>
        ? Unsendable<K | V, Seen | T>
        : T extends ReadonlySet<infer V>
          ? Unsendable<V, Seen | T>
          : T extends readonly (infer V)[]
            ? Unsendable<V, Seen | T>
            : { [K in keyof T]-?: Unsendable<T[K], Seen | T> }[keyof T];

/** `T` if its values can cross a thread, otherwise `never`. */
export type Sendable<T> = [Unsendable<T>] extends [never] ? T : never;

/** `unknown` if the check holds; otherwise a message that TypeScript shows in its error. */
type SendableCheck<T, Message> = [Unsendable<T>] extends [never] ? unknown : Message;
type SyncCheck<R> = [R] extends [never]
  ? unknown
  : R extends PromiseLike<unknown>
    ? 'Expected a function that returns no promise: use asyncTask'
    : unknown;
type ArgsCheck<A extends readonly unknown[]> = SendableCheck<
  A[number],
  'Expected parameters that can cross a thread: no functions, promises, or methods'
>;
type ResultCheck<R> = SendableCheck<
  Awaited<R>,
  'Expected a result that can cross a thread: no functions or methods'
>;

// ── Tasks defined in a module ──────────────────────────────────────────────────────────────────────────────────────

/** `timeout` in milliseconds, counted from the start of the task. Default: none. */
export interface TaskOptions {
  readonly timeout?: number;
}

/** A function that may become a task: see {@link syncTask} and {@link asyncTask}. */
export interface Definition<A extends readonly unknown[] = never[], R = unknown> {
  readonly kind: TaskKind;
  readonly fn: (...args: A) => R | PromiseLike<R>;
  /** In milliseconds; 0: none. */
  readonly timeout: number;
}

/** A task that keeps the worker thread busy until it returns. */
export function syncTask<A extends readonly unknown[], R>(
  fn: ((...args: A) => R) & ArgsCheck<A> & SyncCheck<R> & ResultCheck<R>,
  options: TaskOptions = {},
): Definition<A, R> {
  return define('sync', fn, options);
}

/** A task that waits, for timers, sockets, files; the thread's event loop goes on meanwhile. */
export function asyncTask<A extends readonly unknown[], R>(
  fn: ((...args: A) => PromiseLike<R>) & ArgsCheck<A> & ResultCheck<R>,
  options: TaskOptions = {},
): Definition<A, R> {
  return define('async', fn, options);
}

function define<A extends readonly unknown[], R>(
  kind: TaskKind,
  fn: (...args: A) => R | PromiseLike<R>,
  { timeout = 0 }: TaskOptions,
): Definition<A, R> {
  if (typeof fn !== 'function') throw new TypeError(`Expected a function, got ${typeof fn}`);
  if (kind === 'sync' && isAsyncFunction(fn)) throw new TypeError('Expected a sync function: use asyncTask');
  if (!(timeout >= 0 && timeout < 2 ** 31)) {
    throw new RangeError(
      `Expected \`timeout\` to be a number of milliseconds from 0 to 2147483647, or none, got ${String(timeout)}`,
    );
  }
  return { kind, fn, timeout };
}

type Definitions = Readonly<Record<string, Definition>>;

/** For each definition a function that builds the task: same parameters, but it only captures them. */
export type Tasks<D> = {
  readonly [K in keyof D]: D[K] extends Definition<infer A, infer R> ? (...args: A) => Task<R> : never;
};

/** The functions behind the tasks of one module. */
export interface TaskModule {
  readonly id: number;
  readonly names: readonly string[];
  readonly definitions: readonly Definition[];
}

const modules = new WeakMap<object, TaskModule>();

/** Gives definitions their names. Export the result as `tasks` from the module that the worker thread imports. */
export function defineTasks<const D extends Definitions>(definitions: D): Tasks<D> {
  const names = Object.keys(definitions);
  const id = fingerprint(names);
  const build = (definition: Definition, number: number) => {
    if (typeof definition?.fn !== 'function') {
      throw new TypeError(`Expected task ${names[number]} to be made by syncTask or asyncTask`);
    }
    return (...args: unknown[]) => new Task(definition.kind, number, id, args);
  };
  const builders = Object.entries(definitions).map(([name, each], number) => [name, build(each, number)]);
  const tasks = Object.freeze(Object.fromEntries(builders)) as Tasks<D>;
  modules.set(tasks, { id, names, definitions: Object.values(definitions) });
  return tasks;
}

/** The functions behind what `defineTasks` returned, or `undefined` for anything else. */
export function moduleOf(tasks: unknown): TaskModule | undefined {
  return typeof tasks === 'object' && tasks !== null ? modules.get(tasks) : undefined;
}

/** A number for a list of names (FNV-1a): tells a task of another module, or of another version of it. */
function fingerprint(names: readonly string[]): number {
  let hash = 0x811c_9dc5;
  for (const char of names.join('\n')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x0100_0193);
  return hash | 0;
}

// ── Closures written in place ──────────────────────────────────────────────────────────────────────────────────────

const known = new Set<string>();
const MAX_KNOWN = 1000;

/**
 * A task from a function written in place. It sees its `captures`, globals, and what it imports with `await import(…)`:
 * only its source crosses, so nothing else of the place where it stands. Async functions make async tasks.
 *
 * @throws TypeError if `fn` is not an arrow function or function expression
 */
export function move<C, R>(
  captures: C &
    SendableCheck<C, 'Expected captures that can cross a thread: no functions, promises, or methods'>,
  fn: ((captures: C, context: TaskContext) => R) & ResultCheck<R>,
): Task<Awaited<R>> {
  const source = Function.prototype.toString.call(fn);
  if (!known.has(source)) {
    expectExpression(source);
    if (known.size >= MAX_KNOWN) known.clear();
    known.add(source);
  }
  return new Task(isAsyncFunction(fn) ? 'async' : 'sync', source, 0, [captures]);
}

function expectExpression(source: string): void {
  try {
    new Script(`(${source})`);
  } catch (cause) {
    const shown = source.length > 80 ? `${source.slice(0, 80)}…` : source;
    throw new TypeError(`Expected an arrow function or a function expression, got ${shown}`, { cause });
  }
}
