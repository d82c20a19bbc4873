/** Closures written in place: a task brings the source of its function along, and nothing of the place where it stands. */
import { isAsyncFunction } from 'node:util/types';
import { shown } from '../expect.js';
import type { TaskContext } from './context.js';
import type { Checked } from './sendable.js';
import { Task, type TaskKind } from './task.js';

type Fn = (...args: readonly never[]) => unknown;

/**
 * A task from a function written in place. It sees its `captures`, globals, and what it imports with `await import(…)`
 * by a package's name or an absolute URL. It runs in strict mode. Async functions make async tasks.
 *
 * @throws TypeError if `fn` is not an arrow function or function expression
 */
export function move<C, R>(
  captures: C & Checked<C, 'captures'>,
  fn: ((captures: C, context: TaskContext) => R) & Checked<Awaited<R>, 'result'>,
): Task<Awaited<R>> {
  if (typeof fn !== 'function') {
    const forgot = typeof captures === 'function' ? ': `move` takes the captures first, `move({}, fn)`' : '';
    throw new TypeError(`Expected a function, got ${shown(fn)}${forgot}`);
  }
  const source = Function.prototype.toString.call(fn);
  maker(source);
  return new Task(isAsyncFunction(fn) ? 'async' : 'sync', source, [captures], 'closure');
}

/**
 * By an indirect eval: a closure sees nothing of this module. It is strict, as the module in which it was written. V8 keeps
 * what it has compiled, so a source that is known costs little.
 */
function maker(source: string): () => Fn {
  try {
    // biome-ignore lint/security/noGlobalEval: the source is the program's own function, given to `move`
    return globalThis.eval(`(function () { 'use strict'; return (${source}); })`);
  } catch (cause) {
    const got = source.slice(0, 80);
    throw new TypeError(`Expected an arrow function or a function expression, got ${got}`, { cause });
  }
}

/** The worker thread's: makes a function of a closure's source. */
export function compile(kind: TaskKind, source: string): Fn {
  let fn: Fn | undefined;
  return (...args) => {
    try {
      fn ??= maker(source)();
      const result = fn(...args);
      return kind === 'async' ? (result as Promise<unknown>).catch(rethrow) : result;
    } catch (error) {
      return rethrow(error);
    }
  };
}

/** Says why a variable is missing. Any other error stays as it is. */
function rethrow(error: unknown): never {
  if (!(error instanceof ReferenceError && /is not defined$/.test(error.message))) throw error;
  const why =
    'a closure of `move` sees only its captures, globals and imports, and no helper (`__name`) of a build tool';
  throw new ReferenceError(`${error.message}: ${why}`, { cause: error });
}
