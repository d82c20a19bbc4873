/** Tasks as values: how they are built, what is refused, and how they travel. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  asyncTask,
  channel,
  type Definition,
  defineTasks,
  move,
  NotSendableError,
  syncTask,
  type Task,
  TaskTooLargeError,
} from '#index';
import { moduleOf, Task as TaskClass } from '#task';

const tasks = defineTasks({
  first: syncTask((text: string, count: number) => text.repeat(count)),
  second: asyncTask(async (value: unknown) => value, { timeout: 1500 }),
});

/** What arrives at the other end of a channel. */
function sent(task: Task): Task {
  const [tx, rx] = channel<Task>(1);
  assert.equal(tx.trySend(task), true);
  return rx.tryRecv() ?? assert.fail('nothing arrived');
}

function refusal(task: Task): NotSendableError {
  const [tx] = channel<Task>(1);
  try {
    tx.trySend(task);
  } catch (error) {
    assert.ok(error instanceof NotSendableError, String(error));
    return error;
  }
  return assert.fail('was sent');
}

describe('A task', () => {
  test('names its function and captures its arguments, and does not run it', () => {
    let runs = 0;
    const counting = defineTasks({
      count: syncTask((_: string) => {
        runs += 1;
      }),
    });
    const task = counting.count('ab');
    assert.ok(task instanceof TaskClass);
    assert.deepEqual([task.name, task.kind, task.args], ['count', 'sync', ['ab']]);
    assert.deepEqual([tasks.second(null).name, tasks.second(null).kind], ['second', 'async']);
    assert.equal(runs, 0);
  });

  test('arrives as it was sent', () => {
    const value = { when: new Date(0), tags: new Set(['a']), list: [undefined, null, -0, 2n ** 70n] };
    const task = tasks.second(value);
    const arrived = sent(task);
    assert.deepEqual([arrived.kind, arrived.fn, arrived.args], ['async', task.fn, [value]]);
    const closure = sent(move({ value }, () => 1));
    assert.deepEqual([closure.kind, closure.fn, closure.args], ['sync', '() => 1', [{ value }]]);
  });

  test('carries a number that follows from its name, whatever module it is of', () => {
    const reordered = defineTasks({ other: syncTask(() => 1), first: syncTask(() => 2) });
    assert.equal(reordered.first().fn, tasks.first('a', 1).fn);
    assert.notEqual(reordered.other().fn, reordered.first().fn);
    assert.equal(typeof tasks.first('a', 1).fn, 'number');
  });

  test('copies its arguments when it is sent, so that changes made later do not arrive', () => {
    const [tx, rx] = channel<Task>(1);
    const value = { text: 'before' };
    tx.trySend(tasks.second(value));
    value.text = 'after';
    assert.deepEqual(rx.tryRecv()?.args, [{ text: 'before' }]);
  });

  test('whose argument cannot cross is refused with the path to what is in the way', () => {
    const error = refusal(tasks.second({ user: { save() {} } }));
    assert.equal(error.code, 'ERR_NOT_SENDABLE');
    assert.match(error.message, /user\.save is a function/);
    assert.match(error.path, /user\.save$/);
    for (const value of [
      Symbol('s'),
      [1, Promise.resolve()],
      new Map([['k', () => {}]]),
      new SharedArrayBuffer(8),
    ])
      assert.ok(refusal(tasks.second(value)));
    assert.match(refusal(move({ a: { b: [{}, () => {}] } } as never, () => {})).path, /a\.b\[1\]$/);
  });

  test('that is too large says how large it is, and how large it may be', () => {
    const [tx] = channel<Task>(1, { maxBytes: 1024 });
    assert.throws(
      () => tx.trySend(tasks.first('x'.repeat(2000), 1)),
      (error) => error instanceof TaskTooLargeError && error.bytes > 1024 && error.maxBytes === 1024,
    );
    assert.equal(tx.trySend(tasks.first('x'.repeat(900), 1)), true);
  });
});

describe('defineTasks', () => {
  test('makes one builder for each definition, in a frozen object', () => {
    assert.deepEqual(Object.keys(tasks), ['first', 'second']);
    assert.ok(Object.isFrozen(tasks));
    const module = [...(moduleOf(tasks)?.values() ?? [])];
    assert.deepEqual(
      module.map(({ name, kind, timeout }) => [name, kind, timeout]),
      [
        ['first', 'sync', 0],
        ['second', 'async', 1500],
      ],
    );
  });

  test('refuses what syncTask and asyncTask have not made, and names it', () => {
    const wrong = { fine: syncTask(() => {}), wrong: (() => {}) as unknown as Definition };
    assert.throws(
      () => defineTasks(wrong),
      /^TypeError: Expected task wrong to be made by syncTask or asyncTask$/,
    );
    const forged = { kind: 'sync', fn: () => {}, timeout: Number.NaN };
    for (const definition of [undefined, null, 5, { fn: Symbol('fn') }, forged, { ...syncTask(() => {}) }])
      assert.throws(
        () => defineTasks({ run: definition } as never),
        /^TypeError: Expected task run to be made by/,
      );
    for (const none of [null, undefined, 7, 'run'])
      assert.throws(() => defineTasks(none as never), /^TypeError: Expected an object with tasks, got /);
    assert.ok(Object.isFrozen(syncTask(() => {})), 'what was checked cannot be changed');
  });

  test('refuses two names with the same key', () => {
    const names = collision();
    const definitions = Object.fromEntries(names.map((name) => [name, syncTask(() => name)]));
    assert.throws(
      () => defineTasks(definitions as never),
      /^TypeError: Expected \w+ to have another key than \w+: rename it$/,
    );
  });

  test('alone makes what the worker accepts as tasks', () => {
    for (const other of [undefined, null, 1, 'tasks', {}, { ...tasks }])
      assert.equal(moduleOf(other), undefined);
  });
});

/** Two names with one key. Among 200,000 names there are some. */
function collision(): [string, string] {
  const seen = new Map<number, string>();
  for (let n = 0; ; n++) {
    const name = `task${n.toString(36)}`;
    let hash = 0x811c_9dc5;
    for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x0100_0193);
    const other = seen.get(hash);
    if (other !== undefined) return [other, name];
    seen.set(hash, name);
  }
}

describe('syncTask and asyncTask', () => {
  test('refuse what is not a function', () => {
    for (const wrong of [undefined, null, 1, 'f', {}])
      for (const define of [syncTask, asyncTask])
        assert.throws(() => define(wrong as never), /^TypeError: Expected a function, got /);
  });

  test('keep async functions out of sync tasks', () => {
    assert.throws(
      () => syncTask((async () => {}) as never),
      /^TypeError: Expected a sync function: use asyncTask$/,
    );
  });

  test('take a timeout in milliseconds, and check it', () => {
    assert.equal(syncTask(() => {}).timeout, 0);
    assert.equal(syncTask(() => {}, { timeout: 1500 }).timeout, 1500);
    assert.equal(asyncTask(async () => {}, { timeout: 0.5 }).timeout, 0.5);
    for (const timeout of [null, '200', -1, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY, {}, 5n])
      for (const define of [
        () => syncTask(() => 1, { timeout } as never),
        () => asyncTask(async () => 1, { timeout } as never),
      ])
        assert.throws(define, {
          name: 'RangeError',
          message: /^Expected `timeout` to be a number of milliseconds/,
        });
  });

  test('refuse options that do not exist, or are none', () => {
    assert.throws(() => syncTask(() => 1, { timeOut: 5 } as never), /no option but `timeout`, got `timeOut`/);
    assert.throws(
      () => asyncTask(async () => 1, { timout: 5 } as never),
      /no option but `timeout`, got `timout`/,
    );
    for (const options of [null, 5, 'timeout'])
      assert.throws(
        () => syncTask(() => 1, options as never),
        /^TypeError: Expected `options` to be an object/,
      );
  });
});
