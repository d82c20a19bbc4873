/** What tasks may do to the executor: whatever they throw, return or break, each ends once, and the next one runs. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { asyncTask, currentTask, runTask, syncTask, type Task } from '#index';
import { gate, prepare, test } from './fixtures/executor.js';
import { within } from './fixtures/gates.js';
import { until } from './support/wait.js';

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
