/**
 * Tasks: which function to run in the worker thread, and the values it captured.
 *
 * A function cannot cross threads, so a task names it: both threads import the same module of `defineTasks`, and the
 * message carries a key that follows from the name. Or the task brings the function's source along: see closure.ts.
 */
import { isAsyncFunction } from 'node:util/types';
import { Call } from '../codec/index.js';
import { expectInteger, expectOptions, shown } from '../expect.js';
import type { Checked } from './sendable.js';

export type TaskKind = Call['kind'];

/** A unit of work. `R` is the type of its result. Build it with a function of `defineTasks`, or with `move`. */
export class Task<R = unknown> extends Call {
  /** Of its function; `closure` if it was moved. */
  readonly name: string;
  /** Only for the type checker. */
  declare readonly result?: R;

  /** @internal */
  constructor(kind: TaskKind, fn: number | string, args: readonly unknown[], name: string, note?: string) {
    super(kind, fn, args, note);
    this.name = name;
  }

  /** @internal The same task, with a note for the log of its thread. */
  noted(note: string): Task<R> {
    return new Task<R>(this.kind, this.fn, this.args, this.name, note);
  }
}

export interface TaskOptions {
  /** In milliseconds, counted from the start of the task. Default 0: none. */
  readonly timeout?: number;
}

/** A function that may become a task: see {@link syncTask} and {@link asyncTask}. */
export class Definition<A extends readonly unknown[] = never[], R = unknown> {
  readonly kind: TaskKind;
  readonly fn: (...args: A) => R | PromiseLike<R>;
  /** In milliseconds; 0: none. */
  readonly timeout: number;

  /** @internal */
  constructor(kind: TaskKind, fn: (...args: A) => R | PromiseLike<R>, options: TaskOptions) {
    if (typeof fn !== 'function') throw new TypeError(`Expected a function, got ${shown(fn)}`);
    if (kind === 'sync' && isAsyncFunction(fn))
      throw new TypeError('Expected a sync function: use asyncTask');
    expectOptions(options, 'timeout');
    const { timeout = 0 } = options;
    expectInteger('timeout', timeout, 0, 2_000_000_000); // longer than that is more than a timer can wait
    this.kind = kind;
    this.fn = fn;
    this.timeout = timeout;
  }
}

/**
 * A task that keeps the worker thread busy until it returns. If its result is a promise, use `asyncTask`.
 *
 * @throws TypeError or RangeError for what is no function, an async one, or options that do not exist or cannot be
 */
export function syncTask<A extends readonly unknown[], R>(
  fn: ((...args: A) => R) & Checked<A, 'args'> & Checked<R, 'result'>,
  options: TaskOptions = {},
): Definition<A, R> {
  return new Definition<A, R>('sync', fn, options);
}

/** A task that waits, for timers, sockets, files; the thread's event loop goes on meanwhile. Throws as `syncTask`. */
export function asyncTask<A extends readonly unknown[], R>(
  fn: ((...args: A) => PromiseLike<R>) & Checked<A, 'args'> & Checked<R, 'result'>,
  options: TaskOptions = {},
): Definition<A, R> {
  return new Definition<A, R>('async', fn, options);
}

/** For each definition a function that builds the task: same parameters, but it only captures them. */
export type Tasks<D> = {
  readonly [K in keyof D]: D[K] extends Definition<infer A, infer R> ? (...args: A) => Task<R> : never;
};

/** A definition with the name that `defineTasks` gave it, and the key of that name. */
export interface NamedDefinition extends Definition {
  readonly key: number;
  readonly name: string;
}

/** The definitions of one module, by their keys. */
export type TaskModule = ReadonlyMap<number, NamedDefinition>;

const modules = new WeakMap<object, TaskModule>();

/** Gives definitions their names. Export the result as `tasks` from the module that the worker thread imports. */
export function defineTasks<const D extends Readonly<Record<string, Definition>>>(definitions: D): Tasks<D> {
  const module = new Map<number, NamedDefinition>();
  const builders: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries<Definition>(definitions)) {
    if (!(definition instanceof Definition))
      throw new TypeError(`Expected task ${name} to be made by syncTask or asyncTask`);
    const { kind } = definition;
    const key = keyOf(name);
    const other = module.get(key)?.name;
    if (other !== undefined)
      throw new TypeError(`Expected ${name} to have another key than ${other}: rename it`);
    module.set(key, { ...definition, key, name });
    builders[name] = (...args: unknown[]) => new Task(kind, key, args, name);
  }
  const tasks = Object.freeze(builders) as Tasks<D>;
  modules.set(tasks, module);
  return tasks;
}

/** The functions behind what `defineTasks` returned, or `undefined` for anything else. */
export function moduleOf(tasks: unknown): TaskModule | undefined {
  return typeof tasks === 'object' && tasks !== null ? modules.get(tasks) : undefined;
}

/** What a message carries for a name: its FNV-1a hash in 32 bits. Never 0 or 1, which stand for closures. */
function keyOf(name: string): number {
  let hash = 0x811c_9dc5;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x0100_0193);
  return hash | 2;
}
