/**
 * Closures written in place: a task brings the source of its function along.
 *
 * Only the source crosses. So a closure sees its captures, globals, and what it imports with `await import(…)`, and
 * nothing else of the place where it stands. Whatever it misses is told at `move`, as far as the source shows it, or
 * by the error that it meets in the worker thread.
 */
import { isAsyncFunction, isNativeError } from 'node:util/types';
import { Script } from 'node:vm';
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

/**
 * What shows that a source needs something of the place where it stands: helpers that build tools put into functions
 * (esbuild and tsx, Vite, Babel and SWC, TypeScript, webpack; counters of istanbul), and relative imports. Comments and
 * strings match first, so that nothing is found inside them. No pattern can match one text in two ways: that keeps a
 * long source from taking forever.
 */
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/.*/;
const IMPORT = /\bimport\s*\((?:\s|\/\*(?:[^*]|\*(?!\/))*\*\/)*['"`](?<path>\.{1,2}(?:\/[^'"`]*)?)['"`]/;
const STRING = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/;
const HELPER =
  /(?<![.\w$])(?<helper>__(?:name\d*|async|awaiter|generator|spread\w+|rest|objRest|(?:add|dispose)\w*Resources?|using|callDispose|vite_ssr_\w+|vi_import_\w+|webpack_require__)|_async(?:ToGenerator|_to_generator)|cov_(?=[a-z]*\d)[\da-z]{6,}|tslib_\w+)(?=\s*[.([])/;
const PLACE = new RegExp([COMMENT, IMPORT, STRING, HELPER].map(({ source }) => source).join('|'), 'g');

/** @throws TypeError if the source shows that it needs something of the place where it stands */
function expectNothingBesides(source: string): void {
  for (const { groups } of source.matchAll(PLACE)) {
    if (groups?.['helper'] !== undefined) {
      throw new TypeError(
        `Expected a function as it was written, got one in which a build tool uses its own \`${groups['helper']}\`, ` +
          'which the worker thread does not have: put the function into the tasks module, or switch that off ' +
          '(esbuild: keepNames)',
      );
    }
    if (groups?.['path'] !== undefined) {
      throw new TypeError(
        `Expected a closure to import by a package's name or an absolute URL, got ${JSON.stringify(groups['path'])}, ` +
          'which would be looked for beside this library: put the function into the tasks module',
      );
    }
  }
}

/** Called by this name, eval compiles in the global scope: a closure sees nothing of this module. */
// biome-ignore lint/security/noGlobalEval: the source is the program's own function, sent by `move`
const globalEval: (source: string) => unknown = eval;

type Fn = (...args: readonly never[]) => unknown;

/** The worker thread's: makes a function of a closure's source, strict as the module in which it was written. */
export function compile(kind: Task['kind'], source: string): Fn {
  // Inside a function, since an arrow function would have the global object for its `this`; a module's has none.
  const make = globalEval(`(function () { 'use strict'; return (${source}); })`) as () => Fn;
  const fn = make();
  if (kind === 'async') {
    return async (...args) => {
      try {
        return await fn(...args);
      } catch (error) {
        throw explained(error);
      }
    };
  }
  return (...args) => {
    try {
      return fn(...args);
    } catch (error) {
      throw explained(error);
    }
  };
}

/** Says why a variable is missing. Whatever else was thrown stays as it is. */
function explained(error: unknown): unknown {
  if (!isNativeError(error) || Object.getPrototypeOf(error) !== ReferenceError.prototype) return error;
  const { message } = error;
  if (typeof message !== 'string' || !message.endsWith('is not defined')) return error;
  const why =
    'a closure of `move` sees only its captures, globals, and what it imports itself; if the name is not yours, a build ' +
    'tool has added it (`__name` of esbuild and tsx, `__vite_ssr_import…`, `cov_…` counters, `_asyncToGenerator`, …): ' +
    'put the function into the tasks module';
  return new ReferenceError(`${message}: ${why}`, { cause: error });
}
