/** Tasks that other threads send: the owner learns of them when they run and end, and counts them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after } from 'node:test';
import type { Task } from '#index';
import { type Production, startProducer } from './fixtures/producer.js';
import { tasks } from './fixtures/tasks.js';
import { errors, type Setup, start, test } from './support/setup.js';
import { reached, release, word, words } from './support/words.js';

const shared = await start({ after });

/** Another thread sends so many of these tasks, and ends. */
function sendElsewhere({ tx }: Setup, production: Omit<Production, 'handle'>): Promise<unknown> {
  return once(startProducer({ handle: tx.share(), ...production }), 'exit');
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
  for (const [name, code] of [
    ['spinUntilCancelled', 'ERR_TASK_CANCELLED'],
    ['spin', 'ERR_TASK_TIMEOUT'],
  ] as const) {
    const at = word();
    await sendElsewhere(shared, { name, args: [at], count: 1 });
    await reached(at);
    const handle = runtime.task(runtime.stats().running[0] ?? -1) ?? assert.fail('nothing runs');
    if (name !== 'spin') assert.equal(handle.cancel(), 'running');
    await assert.rejects(handle.finished(), { code });
  }
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

test('A message that is no task, or that cannot be read, fails, and ends neither the loop nor the end', async (t) => {
  const { tx, hold, runtime, goesOn } = await start(t);
  const knot: Error & { cause?: unknown } = new Error('knot');
  knot.cause = knot;
  const odd = [5, {}, [], 'text', null, tasks.echo({ knot })] as Task[];
  for (const message of odd) await tx.send(message);
  await goesOn();
  const messages = runtime.tasks().map(({ outcome }) => (outcome as Error)?.message);
  const failed = ['null', "'text'", '[]', '{}', '5'].map((what) => `Expected a task, got ${what}`);
  assert.deepEqual(messages.slice(-5), failed);
  assert.equal(runtime.stats().restarts, 0);
  await hold();
  for (const message of odd) await tx.send(message);
  assert.equal((await runtime.close()).unfinished.length, 1 + odd.length);
});
