/** Tasks that other threads send: the owner learns of them when they run and end, and counts them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after } from 'node:test';
import type { Task, TaskHandle } from '#index';
import { type Production, startProducer } from './fixtures/producer.js';
import { tasks } from './fixtures/tasks.js';
import { errors, type Setup, start, test } from './support/setup.js';
import { eventually, reached, release, word, words } from './support/words.js';

const shared = await start({ after });

/** Another thread sends so many of these tasks, and ends. */
function sendElsewhere({ tx }: Setup, production: Omit<Production, 'handle'>): Promise<unknown> {
  return once(startProducer({ handle: tx.share(), ...production }), 'exit');
}

/** The handle of the task that another thread has sent, and that runs. */
async function running(name: 'spin' | 'spinUntilCancelled'): Promise<TaskHandle> {
  const at = word();
  await sendElsewhere(shared, { name, args: [at], count: 1 });
  await reached(at);
  const { runtime } = shared;
  return runtime.task(runtime.stats().running[0] ?? -1) ?? assert.fail('nothing runs');
}

test('All that other threads send in any way is run and counted once', async (t) => {
  const setup = await start(t, { capacity: 8 });
  const { send, runtime, goesOn } = setup;
  const at = word();
  const ways = ['async', 'try', 'blocking'] as const;
  const sent = ways.map((how) => sendElsewhere(setup, { name: 'count', args: [at], count: 300, how }));
  for (let n = 0; n < 300; n++) await send(tasks.count(at));
  await Promise.all(sent);
  await reached(at, 1200);
  await goesOn();
  const { succeeded, run } = runtime.stats().ended.get('count') ?? assert.fail();
  const runs = run.counts.reduce((sum, each) => sum + each, 0);
  assert.deepEqual([succeeded, runs, Atomics.load(words, at)], [1200, 1200, 1200]);
  assert.equal(new Set(runtime.tasks().map(({ id }) => id)).size, 1024);
});

test('A task of another thread is shown while it runs, can be awaited, and has a record when it has ended', async () => {
  const { runtime } = shared;
  const at = word();
  await sendElsewhere(shared, { name: 'hold', args: [at, 0.5], count: 1 });
  await reached(at);
  const [{ name, kind, state, progress, id } = assert.fail()] = runtime.tasks();
  assert.deepEqual([name, kind, state, progress], ['hold', 'sync', 'running', 0.5]);
  const [handle, idle] = [runtime.task(id), runtime.idle()];
  release(at);
  assert.equal((await handle?.ended())?.state, 'succeeded');
  await idle;
  assert.equal(runtime.tasks().length, 1);
});

test('A task of another thread can be asked to stop, has its deadline, and fails with the worker thread', async () => {
  const { runtime, goesOn } = shared;
  const asked = await running('spinUntilCancelled');
  assert.equal(asked.cancel(), 'running');
  await assert.rejects(asked.finished(), { code: 'ERR_TASK_CANCELLED' });
  await assert.rejects((await running('spin')).finished(), { code: 'ERR_TASK_TIMEOUT' });
  const dies = word();
  await sendElsewhere(shared, { name: 'exit', args: [dies, 3], count: 2 });
  await reached(dies, 2);
  await goesOn();
  const crashed = runtime.tasks().filter(({ name }) => name === 'exit');
  for (const { outcome } of crashed) assert.equal((outcome as { code: string }).code, 'ERR_WORKER_CRASHED');
  assert.equal(errors.filter((line) => line.startsWith('task failed: exit')).length, 2);
  const { ended } = runtime.stats();
  assert.deepEqual([ended.get('spinUntilCancelled')?.cancelled, ended.get('spin')?.failed], [1, 1]);
  assert.equal(ended.get('exit')?.failed, 2);
});

for (const end of ['drain', 'close'] as const) {
  const isCut = end === 'close';
  test(`What other threads have queued is ${isCut ? 'counted as lost by close' : 'run by drain'}`, async (t) => {
    const setup = await start(t);
    const { release } = await setup.hold();
    await sendElsewhere(setup, { name: 'count', args: [word()], count: 5 });
    const report = setup.runtime[end]();
    release();
    const lost = (await report).unfinished.filter(({ name }) => name === 'count');
    assert.equal(new Set(lost.map(({ id }) => id)).size, isCut ? 5 : 0);
    assert.ok(lost.every(({ state }) => state === 'cancelled'));
    const { succeeded, cancelled } = setup.runtime.stats().ended.get('count') ?? {};
    assert.deepEqual([succeeded, cancelled], isCut ? [0, 5] : [5, 0]);
  });
}

test('A message that is no task, or that cannot be read, ends neither the loop nor the end', async (t) => {
  const { tx, hold, runtime, goesOn } = await start(t);
  const knot: Error & { cause?: unknown } = new Error('knot');
  knot.cause = knot;
  const odd = [5, {}, [], 'text', null, tasks.echo({ knot })] as Task[];
  for (const message of odd) await tx.send(message);
  await goesOn();
  await hold();
  for (const message of odd) await tx.send(message);
  assert.equal((await runtime.close()).unfinished.length, 1 + odd.length);
});

test('A producer that is terminated and buried takes nothing along that it had sent', async (t) => {
  const { tx, runtime, goesOn } = await start(t, { capacity: 2 });
  let sent = 0;
  for (const how of ['async', 'blocking', 'async', 'blocking'] as const) {
    const [handle, at] = [tx.share(), word()];
    const producer = startProducer({ handle, name: 'count', args: [at], count: 1e6, how });
    await reached(at);
    await producer.terminate();
    tx.bury(handle);
    await goesOn();
    await eventually(() => tx.length === 0);
    await runtime.idle();
    sent += Atomics.load(words, at);
    assert.equal(runtime.stats().ended.get('count')?.succeeded, sent);
  }
});
