/** Tasks as values: how they are built, what is refused, and how they travel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asyncTask, channel, defineTasks, move, syncTask, type Task, TaskTooLargeError } from '#index';
import { moduleOf, Task as TaskClass } from '#task';

const tasks = defineTasks({
  first: syncTask((text: string, count: number) => text.repeat(count)),
  second: asyncTask(async (value: unknown) => value, { timeout: 1500 }),
});

test('A task names its function and captures its arguments, and does not run it', () => {
  const { never } = defineTasks({ never: syncTask((_: string) => assert.fail()) });
  const task = never('ab');
  assert.ok(task instanceof TaskClass);
  assert.deepEqual([task.name, task.kind, task.args], ['never', 'sync', ['ab']]);
  assert.deepEqual([tasks.second(null).name, tasks.second(null).kind], ['second', 'async']);
});

test('A task arrives as it was when it was sent', () => {
  const [tx, rx] = channel<Task>(2);
  const value = {
    when: new Date(0),
    tags: new Set(['a']),
    list: [undefined, null, -0, 2n ** 70n],
    text: 'before',
  };
  const task = tasks.second(value);
  for (const each of [task, move({ value }, () => 1)]) tx.trySend(each);
  const expected = structuredClone(value);
  value.text = 'after';
  const [arrived, closure] = [rx.tryRecv(), rx.tryRecv()];
  assert.deepEqual([arrived?.kind, arrived?.fn, arrived?.args], ['async', task.fn, [expected]]);
  assert.deepEqual([closure?.kind, closure?.fn, closure?.args], ['sync', '() => 1', [{ value: expected }]]);
});

test('A task carries a number that follows from its name, whatever module it is of', () => {
  const reordered = defineTasks({ other: syncTask(() => 1), first: syncTask(() => 2) });
  assert.equal(reordered.first().fn, tasks.first('a', 1).fn);
  assert.notEqual(reordered.other().fn, reordered.first().fn);
  assert.equal(typeof tasks.first('a', 1).fn, 'number');
});

test('A task whose argument cannot cross is refused with the path to what is in the way', () => {
  const [tx] = channel<Task>(1);
  for (const [task, path] of [
    [tasks.second({ user: { save() {} } }), /user\.save$/],
    [tasks.second(Symbol('s')), /\[0\]$/],
    [tasks.second([1, Promise.resolve()]), /\[1\]$/],
    [tasks.second(new SharedArrayBuffer(8)), /\[0\]$/],
    [move({ a: { b: [{}, () => {}] } } as never, () => {}), /a\.b\[1\]$/],
  ] as const)
    assert.throws(() => tx.trySend(task), { code: 'ERR_NOT_SENDABLE', path });
});

test('A task that is too large says how large it is, and how large it may be', () => {
  const [tx] = channel<Task>(1, { maxBytes: 1024 });
  assert.throws(
    () => tx.trySend(tasks.first('x'.repeat(2000), 1)),
    (error) => error instanceof TaskTooLargeError && error.bytes > 1024 && error.maxBytes === 1024,
  );
  assert.equal(tx.trySend(tasks.first('x'.repeat(900), 1)), true);
});

test('defineTasks makes one builder for each definition, and alone what the worker accepts as tasks', () => {
  assert.ok(
    Object.isFrozen(tasks) && Object.isFrozen(syncTask(() => {})),
    'what was checked cannot be changed',
  );
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
  const refuses = (tasks: unknown, message: string | RegExp) =>
    assert.throws(() => defineTasks(tasks as never), { name: 'TypeError', message });
  const forged = { kind: 'sync', fn: () => {}, timeout: Number.NaN };
  for (const wrong of [() => {}, undefined, null, 5, { fn: Symbol('fn') }, forged, { ...syncTask(() => {}) }])
    refuses({ fine: syncTask(() => {}), wrong }, 'Expected task wrong to be made by syncTask or asyncTask');
  for (const none of [null, undefined, 7, 'run']) refuses(none, /^Expected an object with tasks, got /);
  const same = { task51wu: syncTask(() => 1), taskktfa: syncTask(() => 2) };
  refuses(same, 'Expected taskktfa to have another key than task51wu: rename it');
});

test('syncTask and asyncTask refuse what cannot be, and keep async functions out of sync tasks', () => {
  for (const define of [syncTask, asyncTask]) {
    const refuses = (fn: unknown, options: unknown, message: RegExp, name = 'TypeError') =>
      assert.throws(() => define(fn as never, options as never), { name, message });
    for (const wrong of [undefined, null, 1, 'f', {}]) refuses(wrong, {}, /^Expected a function, got /);
    for (const timeout of [null, '200', -1, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY, {}, 5n])
      refuses(() => {}, { timeout }, /^Expected `timeout` to be a number of milliseconds/, 'RangeError');
    refuses(() => {}, { timeOut: 5 }, /no option but `timeout`, got `timeOut`/);
    for (const wrong of [null, 5, 'timeout']) refuses(() => {}, wrong, /^Expected `options` to be an object/);
  }
  assert.throws(
    () => syncTask((async () => {}) as never),
    /^TypeError: Expected a sync function: use asyncTask$/,
  );
  assert.equal(asyncTask(async () => {}, { timeout: 0.5 }).timeout, 0.5);
});
