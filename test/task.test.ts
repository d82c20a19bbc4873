/** Tasks as values: how they are built, what is refused, and what `move` makes of a function. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { channel } from '#channel';
import { NotSendableError, TaskTooLargeError } from '#codec';
import { move } from '#runtime/closure';
import { asyncTask, type Definition, defineTasks, moduleOf, syncTask, Task } from '#runtime/task';

const tasks = defineTasks({
  first: syncTask((text: string, count: number) => text.repeat(count)),
  second: asyncTask(async (value: unknown) => value),
});

/** What arrives at the other end of a channel. */
function sent(task: Task): Task {
  const [tx, rx] = channel<Task>(1);
  assert.equal(tx.trySend(task), true);
  const arrived = rx.tryRecv();
  assert.ok(arrived instanceof Task);
  return arrived;
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
  test('names its function and captures its arguments', () => {
    const task = tasks.first('ab', 2);
    assert.ok(task instanceof Task);
    assert.equal(task.kind, 'sync');
    assert.equal(task.number, 0);
    assert.deepEqual(task.args, ['ab', 2]);
    assert.equal(tasks.second(null).kind, 'async');
    assert.equal(tasks.second(null).number, 1);
  });

  test('arrives as it was sent', () => {
    const value = { when: new Date(0), tags: new Set(['a']), list: [undefined, null, -0, 2n ** 70n] };
    const arrived = sent(tasks.second(value));
    assert.equal(arrived.kind, 'async');
    assert.equal(arrived.number, 1);
    assert.deepEqual(arrived.args, [value]);
    const closure = sent(move({ value }, () => 1));
    assert.equal(closure.kind, 'sync');
    assert.equal(closure.number, -1);
    assert.equal(closure.fn, '() => 1');
    assert.deepEqual(closure.args, [{ value }]);
  });

  test('copies its arguments when it is sent, so that changes made later do not arrive', () => {
    const [tx, rx] = channel<Task>(1);
    const value = { text: 'before' };
    tx.trySend(tasks.second(value));
    value.text = 'after';
    assert.deepEqual(rx.tryRecv()?.args, [{ text: 'before' }]);
  });

  test('does not run the function when it is built', () => {
    let runs = 0;
    const counting = defineTasks({
      count: syncTask(() => {
        runs += 1;
      }),
    });
    counting.count();
    assert.equal(runs, 0);
  });

  test('whose argument cannot cross is refused with the path to what is in the way', () => {
    const error = refusal(tasks.second({ user: { save() {} } }));
    assert.equal(error.path, 'args[0].user.save');
    assert.match(error.message, /^args\[0\]\.user\.save is a function/);
    assert.equal(error.code, 'ERR_NOT_SENDABLE');
    assert.equal(refusal(tasks.second([1, Promise.resolve()])).path, 'args[0][1]');
    assert.equal(refusal(tasks.second(Symbol('s'))).path, 'args[0]');
    assert.equal(refusal(tasks.second(new Map([['k', () => {}]]))).path, 'args[0].get("k")');
    class Account {}
    assert.match(refusal(tasks.second(new Account())).message, /^args\[0\] is an instance of Account/);
    assert.equal(refusal(move({ a: { b: [{}, () => {}] } } as never, () => {})).path, 'args[0].a.b[1]');
  });

  test('that is too large says how large it is, and how large it may be', () => {
    const [tx] = channel<Task>(1, { maxBytes: 1024 });
    assert.throws(
      () => tx.trySend(tasks.first('x'.repeat(2000), 1)),
      (error) => error instanceof TaskTooLargeError && error.bytes > 2000 && error.maxBytes === 1024,
    );
    assert.equal(tx.trySend(tasks.first('x'.repeat(900), 1)), true);
  });
});

describe('defineTasks', () => {
  test('makes one builder for each definition, in a frozen object', () => {
    assert.deepEqual(Object.keys(tasks), ['first', 'second']);
    assert.ok(Object.isFrozen(tasks));
    assert.deepEqual(moduleOf(tasks)?.names, ['first', 'second']);
  });

  test('tells the tasks of two modules apart', () => {
    const other = defineTasks({ first: syncTask((_text: string) => {}), third: syncTask(() => {}) });
    assert.notEqual(other.first('a').module, tasks.first('a', 1).module);
    assert.equal(moduleOf(other)?.id, other.first('a').module);
    const reordered = defineTasks({ second: syncTask(() => {}), first: syncTask(() => {}) });
    assert.notEqual(
      moduleOf(reordered)?.id,
      moduleOf(tasks)?.id,
      'the order counts: a number names a function',
    );
  });

  test('refuses what syncTask and asyncTask have not made, and names it', () => {
    const wrong = { fine: syncTask(() => {}), wrong: (() => {}) as unknown as Definition };
    assert.throws(
      () => defineTasks(wrong),
      /^TypeError: Expected task wrong to be made by syncTask or asyncTask$/,
    );
    assert.throws(() => defineTasks({ missing: undefined as unknown as Definition }), TypeError);
    const forged = { run: { kind: 'sync', fn: () => {}, timeout: Number.NaN } as const };
    assert.throws(() => defineTasks(forged), /^TypeError: Expected task run to be made by syncTask/);
    for (const none of [null, undefined, 7, 'run'])
      assert.throws(() => defineTasks(none as never), /^TypeError: Expected an object with tasks, got /);
    assert.ok(Object.isFrozen(syncTask(() => {})), 'what was checked cannot be changed');
  });

  test('alone makes what the worker accepts as tasks', () => {
    for (const other of [undefined, null, 1, 'tasks', {}, { ...tasks }])
      assert.equal(moduleOf(other), undefined);
  });
});

describe('syncTask and asyncTask', () => {
  test('refuse what is not a function', () => {
    for (const wrong of [undefined, null, 1, 'f', {}]) {
      assert.throws(() => syncTask(wrong as never), TypeError);
      assert.throws(() => asyncTask(wrong as never), TypeError);
    }
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
    for (const timeout of [-1, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY]) {
      assert.throws(() => syncTask(() => {}, { timeout }), RangeError);
      assert.throws(() => asyncTask(async () => {}, { timeout }), RangeError);
    }
  });
});

describe('move', () => {
  test('sends the source of a function written in place', () => {
    assert.equal(move({ a: 1 }, ({ a }) => a + 1).fn, '({ a }) => a + 1');
    const expression = move({}, function named() {
      return 1;
    });
    assert.match(String(expression.fn), /^function named\(\)/);
  });

  test('makes an async task of an async function, and a sync task of any other', () => {
    assert.equal(move({}, async () => 1).kind, 'async');
    assert.equal(move({}, async () => 1).kind, 'async');
    assert.equal(move({}, () => 1).kind, 'sync');
  });

  test('refuses at once what has no source that stands alone', () => {
    const holder = {
      shorthand() {
        return 1;
      },
      async asyncShorthand() {
        return 1;
      },
      get accessor() {
        return 1;
      },
    };
    const getter = Object.getOwnPropertyDescriptor(holder, 'accessor')?.get;
    const bound = function (this: unknown) {
      return this;
    }.bind(1);
    const native = Math.max as () => number;
    for (const fn of [holder.shorthand, holder.asyncShorthand, getter, bound, native]) {
      assert.throws(
        () => move({}, fn as () => number),
        (error) =>
          error instanceof TypeError &&
          error.message.startsWith('Expected an arrow function or a function expression, got ') &&
          error.cause instanceof SyntaxError,
      );
    }
    for (const wrong of [undefined, 1, {}]) assert.throws(() => move({}, wrong as never), TypeError);
  });

  test('shortens the source in its complaint', () => {
    const holder = {
      long() {
        return 'a text that makes this function longer than what fits into a line of a terminal, by far';
      },
    };
    assert.throws(
      () => move({}, holder.long),
      (error: Error) => error.message.length < 160,
    );
  });
});

describe('A definition', () => {
  for (const timeout of [null, '200', Number.NaN, -1, Number.POSITIVE_INFINITY, 2 ** 31, {}, 5n]) {
    test(`with a timeout of ${String(timeout)} is refused`, () => {
      const options = { timeout } as never;
      for (const define of [() => syncTask(() => 1, options), () => asyncTask(async () => 1, options)])
        assert.throws(define, { name: 'RangeError', message: /^Expected `timeout` to be a number/ });
    });
  }

  test('with options that do not exist, or are none, is refused', () => {
    assert.throws(() => syncTask(() => 1, { timeOut: 5 } as never), /no option but `timeout`, got `timeOut`/);
    for (const options of [null, 5, 'timeout']) {
      assert.throws(
        () => syncTask(() => 1, options as never),
        /^TypeError: Expected `options` to be an object/,
      );
    }
  });

  test('without a function of its own is refused by name', () => {
    for (const definition of [null, 5, { fn: Symbol('fn') }, { kind: 'sync' }])
      assert.throws(
        () => defineTasks({ run: definition } as never),
        /^TypeError: Expected task run to be made by/,
      );
  });

  test('is told by the source of its function, not by what its toString says', () => {
    const silent = (fn: () => number) => Object.assign(fn, { toString: () => 'silent' });
    const one = defineTasks({ run: syncTask(silent(() => 1)) });
    const two = defineTasks({ run: syncTask(silent(() => 2)) });
    assert.notEqual(moduleOf(one)?.id, moduleOf(two)?.id);
  });

  test('is told from one of another module with the same name', () => {
    const ids = [
      defineTasks({ run: syncTask(() => 'one') }),
      defineTasks({ run: syncTask(() => 'two') }),
      defineTasks({ run: syncTask(() => 'one', { timeout: 1 }) }),
      defineTasks({ run: asyncTask(async () => 'one') }),
      defineTasks({ walk: syncTask(() => 'one') }),
    ].map((tasks) => moduleOf(tasks)?.id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(moduleOf(defineTasks({ run: syncTask(() => 'one') }))?.id, ids[0]);
  });
});
