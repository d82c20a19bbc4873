/**
 * Tasks: which function to run in the worker thread, and the values it captured.
 *
 * A function cannot cross threads, so a task names it. Both threads import the same module of `defineTasks`, and the
 * name is the function's number there; or the task brings the function's source along: see closure.ts.
 */
import { isAsyncFunction } from 'node:util/types';
import { registerWireClass } from '../codec/index.js';
import type { Checked, CheckedArgs } from './sendable.js';

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

type NoPromise<R> = [R] extends [never]
  ? unknown
  : R extends PromiseLike<unknown>
    ? 'Expected a function that returns no promise: use asyncTask'
    : unknown;

/**
 * A task that keeps the worker thread busy until it returns.
 *
 * @throws TypeError or RangeError for what is no function, an async one, or options that do not exist or cannot be
 */
export function syncTask<A extends readonly unknown[], R>(
  fn: ((...args: A) => R) & ((...args: CheckedArgs<A>) => unknown) & NoPromise<R> & Checked<R, 'result'>,
  options: TaskOptions = {},
): Definition<A, R> {
  return define<A, R>('sync', fn, options);
}

/** A task that waits, for timers, sockets, files; the thread's event loop goes on meanwhile. Throws as `syncTask`. */
export function asyncTask<A extends readonly unknown[], R>(
  fn: ((...args: A) => PromiseLike<R>) & ((...args: CheckedArgs<A>) => unknown) & Checked<R, 'result'>,
  options: TaskOptions = {},
): Definition<A, R> {
  return define<A, R>('async', fn, options);
}

/** What has passed these checks. */
const made = new WeakSet<object>();

function define<A extends readonly unknown[], R>(
  kind: TaskKind,
  fn: (...args: A) => R | PromiseLike<R>,
  options: TaskOptions,
): Definition<A, R> {
  if (typeof fn !== 'function') throw new TypeError(`Expected a function, got ${typeof fn}`);
  if (kind === 'sync' && isAsyncFunction(fn)) throw new TypeError('Expected a sync function: use asyncTask');
  const definition = Object.freeze({ kind, fn, timeout: timeoutOf(options) });
  made.add(definition);
  return definition;
}

function timeoutOf(options: TaskOptions): number {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`Expected \`options\` to be an object, got ${String(options)}`);
  const other = Object.keys(options).find((name) => name !== 'timeout');
  if (other !== undefined) throw new TypeError(`Expected no option but \`timeout\`, got \`${other}\``);
  const { timeout = 0 } = options;
  if (typeof timeout === 'number' && timeout >= 0 && timeout < 2 ** 31) return timeout;
  throw new RangeError(
    `Expected \`timeout\` to be a number of milliseconds from 0 to 2147483647, or none, got ${String(timeout)}`,
  );
}

type Definitions = Readonly<Record<string, Definition>>;
/** Shown by the compiler where something else stands. */
type Defined<D> = {
  readonly [K in keyof D]: D[K] extends Definition
    ? unknown
    : 'Expected a task made by syncTask or asyncTask';
};

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
export function defineTasks<const D extends Readonly<Record<string, unknown>>>(
  given: D & Defined<D>,
): Tasks<D> {
  const definitions = given as Definitions;
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`Expected an object with tasks, got ${String(given)}`);
  const names = Object.keys(definitions);
  for (const name of names) {
    if (!made.has(definitions[name] ?? {}))
      throw new TypeError(`Expected task ${name} to be made by syncTask or asyncTask`);
  }
  const id = fingerprint(definitions);
  const build =
    (definition: Definition, number: number) =>
    (...args: unknown[]) =>
      new Task(definition.kind, number, id, args);
  const builders = Object.entries(definitions).map(([name, each], number) => [name, build(each, number)]);
  const tasks = Object.freeze(Object.fromEntries(builders)) as Tasks<D>;
  modules.set(tasks, { id, names, definitions: Object.values(definitions) });
  return tasks;
}

/** The functions behind what `defineTasks` returned, or `undefined` for anything else. */
export function moduleOf(tasks: unknown): TaskModule | undefined {
  return typeof tasks === 'object' && tasks !== null ? modules.get(tasks) : undefined;
}

/**
 * A number for names, kinds, timeouts and sources (FNV-1a): tells a task of another module, or of another version of it.
 * Never 0, which stands for no module.
 */
function fingerprint(definitions: Definitions): number {
  const text = Object.entries(definitions).map(([name, { kind, timeout, fn }]) => [
    name,
    kind,
    timeout,
    Function.prototype.toString.call(fn), // `fn` may have a toString of its own
  ]);
  let hash = 0x811c_9dc5;
  for (const char of JSON.stringify(text)) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x0100_0193);
  return hash | 0 || 1;
}
