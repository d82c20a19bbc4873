/** Tasks that other threads send: the owner learns of them when they run and end, and counts them. */
import assert from 'node:assert/strict';
import { runTask, Sender, type Task } from '#index';
import { tasks } from './fixtures/tasks.js';
import { ended, produce } from './support/producer.js';
import { assertGoesOn, start, test } from './support/start.js';
import { eventually, reached, release, within, word, words } from './support/words.js';

for (const how of ['async', 'try', 'blocking'] as const) {
  test(`All that other threads send is run and counted once, how: ${how}`, async (t) => {
    const { tx, runtime } = await start(t, { capacity: 8 });
    const at = word();
    const [args, name, count] = [[at], 'count', 300];
    const producers = [0, 1].map(() => ended(produce(t, { handle: tx.share(), name, args, count, how })));
    for (let n = 0; n < 300; n++) await runTask(tasks.count(at), tx);
    await within(10_000, Promise.all(producers), 'the producers');
    await eventually(() => Atomics.load(words, at) === 900);
    await assertGoesOn(tx);
    const counted = runtime.stats().ended.get('count');
    assert.equal(counted?.succeeded, 900);
    assert.equal(
      counted?.run.counts.reduce((sum, each) => sum + each, 0),
      900,
    );
    assert.equal(runtime.tasks().length, 901);
    assert.equal(new Set(runtime.tasks().map(({ id }) => id)).size, 901);
  });
}

test('A task of another thread is shown while it runs, can be awaited, and has a record when it has ended', async (t) => {
  const { tx, runtime } = await start(t);
  const at = word();
  await ended(produce(t, { handle: tx.share(), name: 'tellHold', args: [at, 0.5], count: 1 }));
  await reached(at);
  const [record] = runtime.tasks();
  assert.deepEqual(
    [record?.name, record?.kind, record?.state, record?.progress],
    ['tellHold', 'sync', 'running', 0.5],
  );
  const handle = runtime.task(record?.id ?? -1);
  const idle = runtime.idle();
  release(at);
  assert.equal((await within(3000, handle?.ended() ?? assert.fail(), 'the task')).state, 'succeeded');
  await within(3000, idle, 'idle');
  assert.equal(runtime.tasks().length, 1);
});

test('A task of another thread can be asked to stop', async (t) => {
  const { tx, runtime } = await start(t);
  const at = word();
  await ended(produce(t, { handle: tx.share(), name: 'spinUntilCancelled', args: [at], count: 1 }));
  await reached(at);
  const handle = runtime.task(runtime.stats().running[0] ?? -1);
  assert.equal(handle?.cancel(), 'running');
  await assert.rejects(within(3000, handle.finished(), 'the task'), { code: 'ERR_TASK_CANCELLED' });
  assert.equal(runtime.stats().ended.get('spinUntilCancelled')?.cancelled, 1);
});

test('A task of another thread fails with the worker thread, and is reported', async (t) => {
  const { tx, runtime, errors } = await start(t);
  const at = word();
  await ended(produce(t, { handle: tx.share(), name: 'exit', args: [at, 3], count: 2 }));
  await reached(at, 2);
  await assertGoesOn(tx);
  assert.equal(runtime.stats().ended.get('exit')?.failed, 2);
  const crashed = runtime.tasks().filter(({ name }) => name === 'exit');
  for (const { outcome } of crashed) assert.equal((outcome as { code: string }).code, 'ERR_WORKER_CRASHED');
  assert.equal(errors.filter((line) => line.startsWith('task failed: exit')).length, 2);
});

test('What other threads have queued is run by drain, and counted as lost by close', async (t) => {
  for (const end of ['drain', 'close'] as const) {
    const { tx, runtime } = await start(t);
    const at = word();
    const hold = await runTask(tasks.hold(at), tx);
    await reached(at);
    await ended(produce(t, { handle: tx.share(), name: 'count', args: [word()], count: 5 }));
    const report = runtime[end]();
    release(at);
    const { unfinished } = await within(5000, report, end);
    const lost = unfinished.filter(({ name }) => name === 'count');
    assert.equal(lost.length, end === 'close' ? 5 : 0);
    assert.equal(new Set(lost.map(({ id }) => id)).size, lost.length);
    assert.ok(lost.every(({ state }) => state === 'cancelled'));
    const { succeeded = 0, cancelled = 0 } = runtime.stats().ended.get('count') ?? {};
    assert.deepEqual([succeeded, cancelled], end === 'close' ? [0, 5] : [5, 0]);
    assert.ok(end === 'close' || hold.status().state === 'succeeded');
  }
});

test('A message that is no task, or that cannot be read, ends neither the loop nor the end', async (t) => {
  const { tx, runtime } = await start(t);
  const knot: Error & { cause?: unknown } = new Error('knot');
  knot.cause = knot;
  const odd = [5, {}, [], 'text', null, tasks.echo({ knot })] as Task[];
  for (const message of odd) await tx.send(message);
  await assertGoesOn(tx);
  const at = word();
  await runTask(tasks.hold(at), tx);
  await reached(at);
  for (const message of odd) await tx.send(message);
  const { unfinished } = await within(3000, runtime.close(), 'close');
  assert.equal(unfinished.length, 1 + odd.length);
});

test('A producer that is terminated and buried takes nothing along that it had sent', async (t) => {
  const { tx, runtime } = await start(t, { capacity: 2 });
  for (let n = 0; n < 10; n++) {
    const handle = tx.share();
    const at = word();
    const producer = produce(t, {
      handle,
      name: 'count',
      args: [at],
      count: 1e6,
      how: n % 2 === 0 ? 'async' : 'blocking',
    });
    await reached(at);
    await producer.terminate();
    tx.bury(handle);
    await assertGoesOn(tx);
    await within(3000, runtime.idle(), 'idle');
    assert.equal(
      runtime.stats().ended.get('count')?.succeeded,
      [...Array(n + 1).keys()].reduce((sum, k) => sum + Atomics.load(words, at - n + k), 0),
    );
  }
});

test('A sender that was handed to the same thread makes tasks with handles, too', async (t) => {
  const { tx } = await start(t);
  const other = Sender.attach(tx.share());
  const handle = await runTask(tasks.echo('two'), other);
  const at = word();
  await runTask(tasks.hold(at), tx);
  const behind = await runTask(tasks.echo(3), other);
  assert.equal(behind.cancel(), 'queued');
  assert.equal(await within(3000, handle.finished(), 'the task'), 'two');
  release(at);
});
