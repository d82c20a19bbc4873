/**
 * Closures written in place: a task brings the source of its function along.
 *
 * Only the source crosses. So a closure sees its captures, globals, and what it imports with `await import(…)`, and
 * nothing else of the place where it stands. The error that it meets in the worker thread says so.
 */
import { isAsyncFunction, isNativeError } from 'node:util/types';
import { Script } from 'node:vm';
import { shown } from '../expect.js';
import type { TaskContext } from './context.js';
import type { Checked } from './sendable.js';
import { Task, type TaskKind } from './task.js';

const known = new Set<string>();
const MAX_KNOWN = 1000;

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
  if (!known.has(source)) {
    expectExpression(source);
    if (known.size >= MAX_KNOWN) known.clear();
    known.add(source);
  }
  return new Task(isAsyncFunction(fn) ? 'async' : 'sync', source, [captures], 'closure');
}

function expectExpression(source: string): void {
  let cause: unknown;
  try {
    new Script(`'use strict';(${source})`);
    if (!/^class\b/.test(source)) return;
  } catch (error) {
    cause = error;
  }
  const shown = source.length > 80 ? `${source.slice(0, 80)}…` : source;
  throw new TypeError(`Expected an arrow function or a function expression, got ${shown}`, { cause });
}

/** Called by this name, eval compiles in the global scope: a closure sees nothing of this module. */
// biome-ignore lint/security/noGlobalEval: the source is the program's own function, sent by `move`
const globalEval: (source: string) => unknown = eval;

type Fn = (...args: readonly never[]) => unknown;

/** The worker thread's: makes a function of a closure's source, strict as the module in which it was written. */
export function compile(kind: TaskKind, source: string): Fn {
  // Inside a function, since an arrow function would have the global object for its `this`; a module's has none.
  const make = globalEval(`(function () { 'use strict'; return (${source}); })`) as () => Fn;
  const fn = make();
  if (kind === 'async')
    return async (...args) => {
      try {
        return await fn(...args);
      } catch (error) {
        throw explained(error);
      }
    };
  return (...args) => {
    try {
      return fn(...args);
    } catch (error) {
      throw explained(error);
    }
  };
}

/** Says why a variable is missing. Any other error stays as it is. */
function explained(error: unknown): unknown {
  if (!isNativeError(error) || Object.getPrototypeOf(error) !== ReferenceError.prototype) return error;
  const { message } = error;
  if (typeof message !== 'string' || !message.endsWith('is not defined')) return error;
  const why =
    'a closure of `move` sees only its captures, globals, and what it imports itself; if the name is not yours, a build ' +
    'tool has added it (`__name`, `cov_…`, …): put the function into the tasks module';
  return new ReferenceError(`${message}: ${why}`, { cause: error });
}
