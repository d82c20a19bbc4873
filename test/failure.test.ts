/** How tasks fail: what is recorded, and what the log says. */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { asyncTask, currentTask, move, runTask, syncTask } from '#index';
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
