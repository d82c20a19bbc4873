/** Closures of `move`: what they see, how they run, and what is refused where they are written. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compile, move } from '#task';

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
    for (const thrown of ['undefined', 'null', '7', "Symbol.for('x')", 'Object.create(null)']) {
      const caught = [];
      try {
        run(written(`() => { throw ${thrown}; }`));
      } catch (error) {
        caught.push(error);
      }
      assert.equal(caught.length, 1);
    }
  });

  test('is async if its function is, and named `closure`', () => {
    const tasks = [move({}, async () => 1), move({}, () => 1)];
    assert.deepEqual(
      tasks.map(({ kind, name }) => [kind, name]),
      [
        ['async', 'closure'],
        ['sync', 'closure'],
      ],
    );
    assert.equal(move({ a: 1 }, ({ a }) => a + 1).fn, '({ a }) => a + 1');
  });
});

describe('move refuses', () => {
  test('what has no source that stands alone, in a short message', () => {
    const holder = {
      long() {
        return 'a text that makes this function longer than what fits into a line of a terminal, by far';
      },
      get accessor() {
        return 1;
      },
    };
    const getter = Object.getOwnPropertyDescriptor(holder, 'accessor')?.get;
    for (const fn of [holder.long, getter, holder.long.bind(1 as never), Math.max, class {}])
      assert.throws(
        () => move({}, fn as () => number),
        (error: Error) =>
          error.message.startsWith('Expected an arrow function or a function expression, got ') &&
          error.message.length < 160,
      );
    assert.throws(
      () => move({}, () => import.meta.url),
      (error: Error) => /Cannot use 'import.meta' outside a module/.test(String(error.cause)),
    );
  });

  test('what is no function, and says so if the captures were forgotten', () => {
    for (const wrong of [undefined, null, 5, {}])
      assert.throws(() => move({}, wrong as never), /^TypeError: Expected a function, got /);
    const forgot = move as unknown as (fn: () => number) => void;
    assert.throws(
      () => forgot(() => 1),
      /^TypeError: Expected a function, got undefined: `move` takes the captures first, `move\({}, fn\)`$/,
    );
  });
});
