/** Closures of `move`: what they see, how they run, and what is refused where they are written. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compile, move } from '#runtime/closure';

/** As the source arrives in the worker thread. */
function run(fn: Parameters<typeof move>[1], ...args: unknown[]): unknown {
  const { kind, fn: source } = move({}, fn);
  return (compile(kind, String(source)) as (...args: unknown[]) => unknown)(...args);
}

/** A function whose source is this text, as a build tool would leave it. */
function written(source: string): () => unknown {
  return new Function(`return ${source}`)();
}

describe('A closure', () => {
  test('runs in strict mode, as the module in which it was written', () => {
    assert.equal(run(written('function () { return this; }')), undefined);
    assert.equal(run(written('() => this')), undefined);
    assert.throws(() => run(written('(frozen) => { frozen.a = 1; }'), Object.freeze({ a: 0 })), TypeError);
    assert.throws(() => run(written('() => { undeclared = 1; }')), /undeclared is not defined/);
    assert.equal('undeclared' in globalThis, false);
  });

  test('that misses a variable is told what a closure sees, async or not', async () => {
    const expected = {
      name: 'ReferenceError',
      message: /^outside is not defined: a closure of `move` sees only its captures, globals, .*`__name`/,
    };
    assert.throws(() => run(written('() => outside')), expected);
    await assert.rejects(async () => run(written('async () => { await 1; return outside; }')), expected);
    assert.throws(() => run(written("() => { throw new ReferenceError('mine'); }")), { message: 'mine' });
  });

  test('passes its result and whatever it throws', async () => {
    assert.equal(run(written('(a, b) => a + b'), 1, 2), 3);
    assert.equal(await run(written('async (a) => a'), 4), 4);
    for (const thrown of ['undefined', 'null', '7', "Symbol.for('x')", 'Object.create(null)'])
      assert.throws(
        () => run(written(`() => { throw ${thrown}; }`)),
        () => true,
      );
  });
});

describe('move refuses', () => {
  for (const name of [
    '__name',
    '__vite_ssr_import_0__',
    '_asyncToGenerator',
    '_async_to_generator',
    '__awaiter',
    '__name2',
    '__spreadValues',
    '__addDisposableResource',
    'cov_1a2b3c4d5e',
  ]) {
    test(`what a build tool has added: ${name}`, () => {
      const fn = written(`() => { const f = ${name}(() => 1, 'f'); return f; }`);
      const message = new RegExp(`a build tool uses its own \`${name}\``);
      assert.throws(() => move({}, fn), { name: 'TypeError', message });
    });
  }

  for (const path of ['./tasks.js', '../lib/x.js', '..']) {
    test(`a relative import: ${path}`, () => {
      for (const quote of ["'", '"', '`', '/* webpackIgnore: true */ "']) {
        const fn = written(`async () => (await import( ${quote}${path}${quote.at(-1)})).x`);
        assert.throws(() => move({}, fn), { name: 'TypeError', message: /absolute URL, got "\.\.?[/"]/ });
      }
    });
  }

  test('methods, and what is no function', () => {
    assert.throws(() => move({}, { method() {} }.method), /Expected an arrow function/);
    assert.throws(() => move({}, class {} as never), /./);
    assert.throws(() => move({}, 5 as never), {
      name: 'TypeError',
      message: /Expected a function, got number/,
    });
    assert.throws(() => move({}, Math.max as never), /Expected an arrow function/);
  });

  test('what no function outside its place can be, and says why', () => {
    assert.throws(
      () => move({}, () => import.meta.url),
      (error: Error) => /Cannot use 'import.meta' outside a module/.test(String(error.cause)),
    );
  });

  test('nothing that a closure may do', () => {
    for (const source of [
      "async () => (await import('node:fs')).existsSync('./x')",
      '(captures) => captures.name',
      'function named() { return named.name; }',
      '({ cov_matrix }) => cov_matrix.length',
      'async (captures) => captures.__name("x")',
      '() => "__name(f)"',
      "async () => { /* import('./x') */ // __name(f)\n }",
    ])
      assert.ok(move({}, written(source)));
  });
});
