/** What tasks may do to the executor, and what is recorded and logged then. */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { asyncTask, currentTask, move, runTask, syncTask, type Task } from '#index';
import { gate, prepare, test } from './fixtures/executor.js';
import { within } from './fixtures/gates.js';
import { until } from './support/wait.js';

test('A task that throws or rejects is logged with name, id and stack, and the loop goes on', async (t) => {
  const { tx, tasks, errors, start } = prepare(t, {
    throws: syncTask((_text: string, _options: { depth: number }) => {
      throw Object.assign(new RangeError('too deep', { cause: new Error('the cause') }), { code: 'E_DEEP' });
    }),
    rejects: asyncTask(async (_n: number) => {
      await setImmediate();
      throw new Error('later');
    }),
    throwsText: syncTask(() => {
      throw 'only text';
    }),
    fine: syncTask(() => 'fine'),
  });
  void start();
  const throws = await runTask(tasks.throws('foo', { depth: 3 }), tx);
  const rejects = await runTask(tasks.rejects(42), tx);
  const text = await runTask(tasks.throwsText(), tx);
  const fine = await runTask(tasks.fine(), tx);
  await assert.rejects(throws.finished(), (error: RangeError & { code?: string }) => {
    assert.ok(error instanceof RangeError);
    assert.equal(error.message, 'too deep');
    assert.equal(error.code, 'E_DEEP');
    assert.equal((error.cause as Error).message, 'the cause');
    return true;
  });
  await assert.rejects(rejects.finished(), { message: 'later' });
  await assert.rejects(text.finished(), (error) => error === 'only text');
  assert.equal(await fine.finished(), 'fine');
  assert.equal(throws.status()?.state, 'failed');
  assert.equal(errors.length, 3);
  assert.match(errors[0] ?? '', /^task failed: throws, id \d+\nRangeError \[E_DEEP\]: too deep\n/);
  assert.match(errors[0] ?? '', /failure\.test\.ts:\d+:\d+/);
  assert.match(errors[0] ?? '', /the cause/);
  assert.match(errors[1] ?? '', /^task failed: rejects, id \d+\nError: later\n/);
  assert.match(errors[1] ?? '', /failure\.test\.ts:\d+:\d+/);
  assert.match(errors[2] ?? '', /^task failed: throwsText, id \d+\nonly text$/);
});

test('The log shows nothing of what a failed task captured, and does not grow with what it threw', async (t) => {
  const secret = 'https://user:hunter2@host';
  const { tx, tasks, errors, start } = prepare(t, {
    properties: syncTask((url: string) => {
      throw Object.assign(new Error('no', { cause: { url } }), { url, code: { url } });
    }),
    aggregate: syncTask((url: string) => {
      throw new AggregateError([Object.assign(new Error('the one'), { url }), { url }], 'several');
    }),
    object: syncTask((url: string) => {
      throw { url };
    }),
    long: asyncTask(async (_url: string) => {
      throw new Error('x'.repeat(100_000));
    }),
  });
  void start();
  for (const task of Object.values(tasks)) {
    await assert.rejects((await runTask(task(secret), tx)).finished());
  }
  const closure = await runTask(
    move({ secret }, ({ secret }) => secret.length.toFixed(-1)),
    tx,
  );
  await assert.rejects(closure.finished(), RangeError);
  assert.deepEqual(
    errors.map((text) => /^task failed: (\w+), id (\d+)\n/.exec(text)?.slice(1)),
    ['properties', 'aggregate', 'object', 'long', 'closure'].map((name, id) => [name, String(id)]),
  );
  assert.doesNotMatch(errors.join('\n'), /hunter2/);
  assert.match(errors[1] ?? '', /caused by:\nError: the one/);
  assert.ok(errors.every((text) => text.length < 20_000));
});

test('A sync task that returns a promise fails and says why', async (t) => {
  const { tx, tasks, start } = prepare(t, {
    promising: syncTask(((fails: boolean) =>
      fails ? Promise.reject(new Error('unseen')) : Promise.resolve(1)) as unknown as (
      fails: boolean,
    ) => number),
  });
  void start();
  for (const fails of [false, true]) {
    const handle = await runTask(tasks.promising(fails), tx);
    await assert.rejects(
      handle.finished(),
      /^TypeError: Expected a sync task to return no promise: use asyncTask/,
    );
  }
  const closure = await runTask(
    move({}, () => Promise.resolve(1)),
    tx,
  );
  await assert.rejects(closure.finished(), /TypeError: Expected a sync task to return no promise/);
});

test('A result that cannot cross fails the task with the path to what is in the way', async (t) => {
  const result = { user: { save() {} } } as unknown as number;
  const { tx, tasks, start } = prepare(t, {
    sync: syncTask(() => result),
    async: asyncTask(async () => result),
  });
  void start();
  for (const task of [tasks.sync(), tasks.async()]) {
    const handle = await runTask(task, tx);
    await assert.rejects(handle.finished(), { name: 'NotSendableError', code: 'ERR_NOT_SENDABLE' });
    await assert.rejects(handle.finished(), /value\.user\.save is a function/);
  }
});

/** Values that throw at whoever looks at them. */
function hostileValues(): unknown[] {
  const refuse = (): never => {
    throw new Error('not to be looked at');
  };
  const knot = new Error('knot');
  knot.cause = knot;
  const traps = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((name) => [name, refuse]));
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const { proxy: revokedFunction, revoke: revokeFunction } = Proxy.revocable(() => {}, {});
  revokeFunction();
  const getter = (of: object, ...keys: PropertyKey[]) => {
    for (const key of keys) Object.defineProperty(of, key, { get: refuse, enumerable: true });
    return of;
  };
  return [
    ...[
      undefined,
      null,
      0,
      -0,
      1n,
      '',
      'text',
      Symbol('s'),
      () => {},
      new (class Odd {})(),
      { f() {} },
      knot,
    ],
    ...[
      new Proxy({}, traps),
      new Proxy(new Error('e'), traps),
      new Proxy([], traps),
      revoked,
      revokedFunction,
    ],
    getter(new Error('e'), 'stack'),
    getter(new Error('e'), 'stack', 'message', 'name', 'code', 'cause', 'errors', 'constructor', 'toString'),
    getter(new AggregateError([], 'e'), 'errors'),
    Object.assign(new AggregateError([], 'e'), { errors: new Proxy([], traps) }),
    Object.assign(new Error('e'), { cause: revoked, stack: {}, message: Symbol('s'), name: null, code: {} }),
    getter({}, 'then'),
    getter({}, Symbol.toStringTag, Symbol.toPrimitive, 'constructor', 'toJSON'),
    { toString: refuse, valueOf: refuse, toJSON: refuse, [Symbol.toPrimitive]: refuse },
    { [inspect.custom]: refuse },
    Object.assign(new Error('e'), { [inspect.custom]: refuse, toString: refuse }),
    getter(Promise.resolve(1), 'then', 'catch', 'constructor'),
    getter(new Map([[1, 2]]), 'size', Symbol.iterator, 'entries'),
    new Error('e', { cause: new Error('f', { cause: revoked }) }),
    new DOMException('d', 'AbortError'),
    Object.create(null),
    Object.setPrototypeOf(new Error('e'), null),
  ];
}

for (const concurrency of [1, 2]) {
  test(`Whatever a task throws, returns or captures, it ends once and the next runs, concurrency ${concurrency}`, async (t) => {
    const values = hostileValues();
    const { tx, tasks, errors, start } = prepare(
      t,
      {
        throws: syncTask((n: number) => {
          throw values[n];
        }),
        rejects: asyncTask(async (n: number) => {
          throw values[n];
        }),
        rejectsInTime: asyncTask((n: number) => Promise.reject(values[n]), { timeout: 5000 }),
        returns: syncTask((n: number) => ({ value: values[n] }) as unknown),
        resolves: asyncTask((n: number) => values[n] as Promise<unknown>),
        captures: asyncTask(async (n: number, captured: { value?: unknown }) => {
          captured.value = values[n];
          throw new RangeError('captured');
        }),
        fine: syncTask(() => 'fine'),
      },
      { concurrency },
    );
    const executor = start();
    executor.catch(() => {});
    for (const n of values.keys()) {
      for (const name of ['throws', 'rejects', 'rejectsInTime', 'returns', 'resolves', 'captures'] as const) {
        const handle = await runTask(name === 'captures' ? tasks.captures(n, {}) : tasks[name](n), tx);
        const logged = errors.length;
        const ended = handle.finished().catch(() => {});
        await within(1000, Promise.race([ended, executor]), `the task that ${name} value ${n}`);
        const state = handle.status()?.state;
        const mayPass = name === 'returns' || name === 'resolves';
        assert.ok(state === 'failed' || (mayPass && state === 'succeeded'), `${name} ${n}: ${state}`);
        if (state === 'failed') await until(() => errors.length === logged + 1);
        assert.equal(await within(1000, (await runTask(tasks.fine(), tx)).finished()), 'fine');
      }
    }
    tx.close();
    await executor;
  });
}

test('A sync task that returns a promise of a hostile kind fails, and what it rejects with is logged', async (t) => {
  const getters = { get: () => assert.fail('not to be looked at') };
  const { tx, tasks, errors, start } = prepare(t, {
    promising: syncTask((key: string) => {
      const promise = Promise.reject(new Error('unseen'));
      return Object.defineProperty(promise, key, getters) as unknown as number;
    }),
  });
  void start();
  for (const key of ['then', 'catch']) {
    const handle = await runTask(tasks.promising(key), tx);
    await assert.rejects(handle.finished(), /^TypeError: Expected a sync task to return no promise/);
  }
  await until(() => errors.filter((text) => /promising, id \d+\nError: unseen/.test(text)).length === 2);
});

test('A task that replaces or breaks the console does not hurt the executor, nor silence it', async (t) => {
  const { log, error: print } = console;
  const write = process.stdout.write;
  const restore = () => {
    Object.assign(console, { log, error: print });
    process.stdout.write = write;
  };
  t.after(restore);
  const { tx, tasks, errors, lines, start } = prepare(t, {
    remove: syncTask(() => {
      Object.assign(console, { log: null, error: null });
    }),
    poison: syncTask(() => {
      const refuse = () => {
        throw new Error('poisoned');
      };
      Object.assign(console, { log: refuse, error: refuse });
      process.stdout.write = refuse;
    }),
    fails: syncTask(() => {
      throw new Error('told');
    }),
  });
  void start();
  for (const task of [tasks.remove(), tasks.poison()]) {
    await (await runTask(task, tx)).finished();
    const failing = (await runTask(tasks.fails(), tx)).finished();
    restore(); // the test's own reporter needs them
    await assert.rejects(failing, { message: 'told' });
  }
  assert.equal(errors.filter((text) => text.includes('Error: told')).length, 2);
  assert.equal(lines.filter((line) => line === 'start new task').length, 4);
});

test('A log that throws does not end the loop', async (t) => {
  const { tx, tasks, lines, errors, start } = prepare(t, {
    fails: syncTask(() => {
      throw new Error('not told');
    }),
    fine: syncTask(() => 'fine'),
  });
  const refuse = () => {
    throw new Error('disk full');
  };
  Object.assign(lines, { push: refuse });
  Object.assign(errors, { push: refuse });
  void start();
  await assert.rejects((await runTask(tasks.fails(), tx)).finished(), { message: 'not told' });
  assert.equal(await (await runTask(tasks.fine(), tx)).finished(), 'fine');
});

test('A task that breaks its signal, or replaces the timers, still ends by its deadline', async (t) => {
  const finish = gate();
  const { setTimeout, clearTimeout } = globalThis;
  t.after(() => Object.assign(globalThis, { setTimeout, clearTimeout }));
  const { tx, tasks, start } = prepare(t, {
    deaf: asyncTask(
      () => {
        Object.assign(currentTask().signal, {
          dispatchEvent: () => {
            throw new Error('not dispatched');
          },
        });
        return finish.opened;
      },
      { timeout: 30 },
    ),
    fake: syncTask(() => {
      Object.assign(globalThis, { setTimeout: () => 0, clearTimeout: () => {} });
    }),
    fine: syncTask(() => 'fine'),
  });
  void start();
  for (const before of [tasks.fine(), tasks.fake()] as Task[]) {
    await (await runTask(before, tx)).finished();
    const handle = await runTask(tasks.deaf(), tx);
    await assert.rejects(handle.finished(), { code: 'ERR_TASK_TIMEOUT' });
    assert.equal(await (await runTask(tasks.fine(), tx)).finished(), 'fine');
  }
  finish.open();
});

test('An async task is over when its time is up, even if it goes on', async (t) => {
  const finish = gate();
  let aborted: unknown;
  const { tx, tasks, start } = prepare(t, {
    stubborn: asyncTask(
      async () => {
        currentTask().signal.addEventListener('abort', (event) => {
          aborted = (event.target as AbortSignal).reason;
        });
        await finish.opened;
      },
      { timeout: 30 },
    ),
    fine: syncTask(() => 'fine'),
  });
  void start();
  const handle = await runTask(tasks.stubborn(), tx);
  const fine = await runTask(tasks.fine(), tx);
  await assert.rejects(within(1000, handle.finished()), {
    name: 'TaskTimeoutError',
    code: 'ERR_TASK_TIMEOUT',
  });
  assert.equal((aborted as Error).name, 'TaskTimeoutError');
  assert.equal(await within(1000, fine.finished()), 'fine');
  const record = handle.status();
  assert.equal(record?.state, 'failed');
  assert.equal((record.deadline ?? 0) - (record.started ?? 0), 30);
  finish.open();
});

test('A deadline that passes after somebody asked the task to stop still ends it as failed', async (t) => {
  const finish = gate();
  const { tx, tasks, start } = prepare(t, { deaf: asyncTask(() => finish.opened, { timeout: 30 }) });
  void start();
  const handle = await runTask(tasks.deaf(), tx);
  await until(() => handle.status()?.state === 'running');
  assert.equal(handle.cancel(), 'running');
  await assert.rejects(within(1000, handle.finished()), { code: 'ERR_TASK_TIMEOUT' });
  assert.equal(handle.status()?.state, 'failed');
  finish.open();
});
