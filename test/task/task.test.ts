/** Tasks and closures as values: how they are built, what is refused, how they travel, what a closure sees. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asyncTask, channel, defineTasks, move, syncTask, type Task, TaskTooLargeError } from '#index';
import { compile, moduleOf, Task as TaskClass } from '#task';

const tasks = defineTasks({
  first: syncTask((text: string, count: number) => text.repeat(count)),
  second: asyncTask(async (value: unknown) => value, { timeout: 1500 }),
});

/** Runs a function whose source is this text, as it arrives in the worker thread. */
function run(source: string, ...args: unknown[]): unknown {
  const { kind, fn } = move({}, new Function(`return ${source}`)());
  return (compile(kind, String(fn)) as (...args: unknown[]) => unknown)(...args);
}

test('A task names its function and captures its arguments, and does not run it', () => {
  const { never } = defineTasks({ never: syncTask((_: string) => assert.fail()) });
  const task = never('ab');
  assert.ok(task instanceof TaskClass);
  assert.deepEqual([task.name, task.kind, task.args], ['never', 'sync', ['ab']]);
  assert.deepEqual([tasks.second(null).name, tasks.second(null).kind], ['second', 'async']);
});

test('A task arrives as it was when it was sent', () => {
  const [tx, rx] = channel<Task>(2);
  const value = { when: new Date(0), list: [undefined, null, -0, 2n ** 70n], text: 'before' };
  const task = tasks.second(value);
  for (const each of [task, move({ value }, () => 1)]) tx.trySend(each);
  const expected = structuredClone(value);
  value.text = 'after';
  const [arrived, closure] = [rx.tryRecv(), rx.tryRecv()];
  assert.deepEqual([arrived?.kind, arrived?.fn, arrived?.args], ['async', task.fn, [expected]]);
  assert.deepEqual([closure?.kind, closure?.fn, closure?.args], ['sync', '() => 1', [{ value: expected }]]);
});

test('A task whose argument cannot cross is refused with the path to what is in the way', () => {
  const [tx] = channel<Task>(1);
  for (const [task, message] of [
    [tasks.second({ user: { save() {} } }), /^args\[0\]\.user\.save is a function/],
    [tasks.second(Symbol('s')), /^args\[0\] cannot be cloned: Symbol\(s\)/],
    [move({ a: { b: [{}, () => {}] } } as never, () => {}), /^args\[0\]\.a\.b\[1\] is a function/],
  ] as const)
    assert.throws(() => tx.trySend(task), { code: 'ERR_NOT_SENDABLE', message });
});

test('A task that is too large says how large it is, and how large it may be', () => {
  const [tx] = channel<Task>(1, { maxBytes: 1024 });
  assert.throws(
    () => tx.trySend(tasks.first('x'.repeat(2000), 1)),
    (error) => error instanceof TaskTooLargeError && error.bytes > 1024,
  );
  assert.equal(tx.trySend(tasks.first('x'.repeat(900), 1)), true);
});

test('defineTasks makes one builder for each definition, and alone what the worker accepts as tasks', () => {
  assert.ok(Object.isFrozen(tasks));
  assert.equal(Object.keys(tasks).join(), 'first,second');
  const module = [...(moduleOf(tasks)?.values() ?? [])];
  assert.equal(
    module.map(({ name, kind, timeout }) => `${name} ${kind} ${timeout}`).join(),
    'first sync 0,second async 1500',
  );
  for (const other of [undefined, null, 1, 'tasks', {}, { ...tasks }])
    assert.equal(moduleOf(other), undefined);
});

test('defineTasks refuses what syncTask and asyncTask have not made, and two names with one key', () => {
  const refuses = (tasks: unknown, message: string) =>
    assert.throws(() => defineTasks(tasks as never), { name: 'TypeError', message });
  const forged = { kind: 'sync', fn: () => {}, timeout: Number.NaN };
  for (const wrong of [() => {}, undefined, null, 5, { fn: Symbol('fn') }, forged, { ...syncTask(() => {}) }])
    refuses({ fine: syncTask(() => {}), wrong }, 'Expected task wrong to be made by syncTask or asyncTask');
  const same = { task51wu: syncTask(() => 1), taskktfa: syncTask(() => 2) };
  refuses(same, 'Expected taskktfa to have another key than task51wu: rename it');
});

test('syncTask and asyncTask refuse what cannot be, and keep async functions out of sync tasks', () => {
  for (const define of [syncTask, asyncTask]) {
    const refuses = (fn: unknown, options: unknown, message: RegExp, name = 'TypeError') =>
      assert.throws(() => define(fn as never, options as never), { name, message });
    for (const wrong of [undefined, null, 1, 'f', {}]) refuses(wrong, {}, /^Expected a function, got /);
    for (const timeout of [null, '200', -1, 0.5, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY, {}, 5n])
      refuses(() => {}, { timeout }, /^Expected `timeout` to be an integer from 0 to/, 'RangeError');
    refuses(() => {}, { timeOut: 5 }, /no option but `timeout`, got `timeOut`/);
    for (const wrong of [null, 5, 'timeout']) refuses(() => {}, wrong, /^Expected `options` to be an object/);
  }
  assert.throws(
    () => syncTask((async () => {}) as never),
    /^TypeError: Expected a sync function: use asyncTask$/,
  );
});

test('A closure runs in strict mode, as the module in which it was written', () => {
  assert.equal(run('function () { return this; }'), undefined);
  assert.equal(run('() => this'), undefined);
  assert.throws(() => run('(frozen) => { frozen.a = 1; }', Object.freeze({ a: 0 })), TypeError);
  assert.throws(() => run('() => { undeclared = 1; }'), /undeclared is not defined/);
  assert.equal('undeclared' in globalThis, false);
});

test('A closure that misses a variable is told what a closure sees, async or not', async () => {
  const message =
    /^outside is not defined: a closure of `move` sees only its captures, globals and .*`__name`/;
  const expected = { name: 'ReferenceError', message };
  assert.throws(() => run('() => outside'), expected);
  await assert.rejects(async () => run('async () => { await 1; return outside; }'), expected);
  assert.throws(() => run("() => { throw new ReferenceError('mine'); }"), { message: 'mine' });
});

test('A closure is async if its function is, and named `closure`', () => {
  const [sync, async] = [move({ a: 1 }, ({ a }) => a + 1), move({}, async () => 1)];
  assert.deepEqual([sync.kind, sync.name, sync.fn], ['sync', 'closure', '({ a }) => a + 1']);
  assert.deepEqual([async.kind, async.name], ['async', 'closure']);
});

test('move refuses what has no source that stands alone, in a short message', () => {
  class Holder {
    long(): string {
      return 'a text that makes this function longer than what fits into a line of a terminal, by far';
    }
  }
  const { long } = Holder.prototype;
  for (const fn of [long, long.bind(1 as never), Math.max]) {
    const message = /^Expected an arrow function or a function expression, got [\s\S]{1,80}$/;
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
