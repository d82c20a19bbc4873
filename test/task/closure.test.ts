/** Closures of `move`: what they see, how they run, and what is refused where they are written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, move } from '#task';

/** Runs a function whose source is this text, as it arrives in the worker thread. */
function run(source: string, ...args: unknown[]): unknown {
  const { kind, fn } = move({}, new Function(`return ${source}`)());
  return (compile(kind, String(fn)) as (...args: unknown[]) => unknown)(...args);
}

test('A closure runs in strict mode, as the module in which it was written', () => {
  assert.equal(run('function () { return this; }'), undefined);
  assert.equal(run('() => this'), undefined);
  assert.throws(() => run('(frozen) => { frozen.a = 1; }', Object.freeze({ a: 0 })), TypeError);
  assert.throws(() => run('() => { undeclared = 1; }'), /undeclared is not defined/);
  assert.equal('undeclared' in globalThis, false);
});

test('A closure that misses a variable is told what a closure sees, async or not', async () => {
  const message = /^outside is not defined: a closure of `move` sees only its captures, globals, .*`__name`/;
  const expected = { name: 'ReferenceError', message };
  assert.throws(() => run('() => outside'), expected);
  await assert.rejects(async () => run('async () => { await 1; return outside; }'), expected);
  assert.throws(() => run("() => { throw new ReferenceError('mine'); }"), { message: 'mine' });
});

test('A closure passes its result and whatever it throws', async () => {
  assert.equal(run('(a, b) => a + b', 1, 2), 3);
  assert.equal(await run('async (a) => a', 4), 4);
  for (const thrown of ['undefined', 'null', '7', "Symbol.for('x')", '{ __proto__: null }'])
    await assert.rejects(
      async () => run(`() => { throw ${thrown}; }`),
      () => true,
    );
});

test('A closure is async if its function is, and named `closure`', () => {
  const [sync, async] = [move({ a: 1 }, ({ a }) => a + 1), move({}, async () => 1)];
  assert.deepEqual([sync.kind, sync.name, sync.fn], ['sync', 'closure', '({ a }) => a + 1']);
  assert.deepEqual([async.kind, async.name], ['async', 'closure']);
});

test('move refuses what has no source that stands alone, in a short message', () => {
  const holder = {
    long() {
      return 'a text that makes this function longer than what fits into a line of a terminal, by far';
    },
    get accessor() {
      return 1;
    },
  };
  const getter = Object.getOwnPropertyDescriptor(holder, 'accessor')?.get;
  for (const fn of [holder.long, getter, holder.long.bind(1 as never), Math.max, class {}]) {
    const message = /^Expected an arrow function or a function expression, got [\s\S]{1,81}$/;
    assert.throws(() => move({}, fn as () => number), { name: 'TypeError', message });
  }
  const cause = (error: Error) => /Cannot use 'import.meta' outside a module/.test(String(error.cause));
  assert.throws(() => move({}, () => import.meta.url), cause);
});

test('move refuses what is no function, and says so if the captures were forgotten', () => {
  for (const wrong of [undefined, null, 5, {}])
    assert.throws(() => move({}, wrong as never), /^TypeError: Expected a function, got /);
  const forgot = move as unknown as (fn: () => number) => void;
  const hint =
    /^TypeError: Expected a function, got undefined: `move` takes the captures first, `move\({}, fn\)`$/;
  assert.throws(() => forgot(() => 1), hint);
});
