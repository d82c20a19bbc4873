/** Concurrency: async tasks overlap, a sync task runs alone, and each entry of the table is about its own task. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { runTask, type TaskHandle } from '#index';
import { tasks } from './fixtures/tasks.js';
import { failure, start, tasksFile, test } from './support/start.js';
import { eventually, reached, release, within, word, words } from './support/words.js';

const OVERLAPPING = `
  let running = 0;
  const work = async (ms) => {
    const before = ++running;
    await new Promise((end) => setTimeout(end, ms));
    running -= 1;
    return before;
  };
  export const tasks = defineTasks({ work: asyncTask(work), alone: syncTask(() => running) });`;

for (const concurrency of [1, 4]) {
  test(`Async tasks overlap up to ${concurrency}, start in the order of the queue, and sync ones run alone`, async (t) => {
    const file = tasksFile(t, OVERLAPPING);
    const { tasks: mine } = await import(file.url.href);
    const { tx } = await start(t, { tasks: file.url, concurrency });
    const handles: TaskHandle[] = [];
    for (let n = 0; n < 100; n++)
      handles.push(await runTask(n % 10 === 9 ? mine.alone() : mine.work(n % 5), tx));
    const results = await within(10_000, Promise.all(handles.map((each) => each.finished())), 'all');
    const most = Math.max(...results.map(Number));
    assert.equal(most, concurrency);
    for (let n = 9; n < 100; n += 10) assert.equal(results[n], 0, 'alone');
    const starts = handles.map((each) => each.status().started ?? 0);
    assert.deepEqual(
      starts,
      starts.toSorted((a, b) => a - b),
    );
  });
}

test('A task that waits to be alone can be cancelled, and does not run', async (t) => {
  const { tx } = await start(t, { concurrency: 3 });
  const [long, other, never] = [word(), word(), word()];
  await runTask(tasks.holdAsync(long), tx);
  await runTask(tasks.holdAsync(other), tx);
  await reached(other);
  const waits = await runTask(tasks.count(never), tx);
  await eventually(() => tx.length === 0);
  waits.cancel();
  release(other);
  await sleep(20);
  release(long);
  assert.equal((await failure(waits)).code, 'ERR_TASK_CANCELLED');
  assert.equal(waits.status().state, 'cancelled');
  assert.equal(Atomics.load(words, never), 0);
});

test('Progress and requests to stop reach the task that they are about, while others come and go', async (t) => {
  const { tx, runtime } = await start(t, { concurrency: 3 });
  const [long, asked] = [word(), word()];
  const held = await runTask(tasks.holdAsync(long), tx);
  const waiting = await runTask(tasks.waitUntilCancelled(asked), tx);
  await reached(asked);
  for (let n = 0; n < 100; n++) {
    const short = await runTask(tasks.later(n, n % 2), tx);
    assert.equal(await within(2000, short.finished(), `task ${n}`), n);
    assert.equal(held.status().state, 'running');
  }
  assert.deepEqual(
    runtime.stats().running.toSorted((a, b) => a - b),
    [held.id, waiting.id],
  );
  assert.equal(waiting.cancel(), 'running');
  assert.equal((await failure(waiting)).code, 'ERR_TASK_CANCELLED');
  assert.equal(held.status().state, 'running');
  assert.equal(held.status().cancelRequested, false);
  release(long);
  assert.equal(await held.finished(), long);
});

test('A task that runs for long keeps its record, however many overtake it and short the history', async (t) => {
  const { tx, runtime } = await start(t, { concurrency: 2, history: 4 });
  const at = word();
  const long = await runTask(tasks.holdAsync(at), tx);
  for (let n = 0; n < 50; n++) await (await runTask(tasks.later(n, 0), tx)).finished();
  assert.deepEqual(
    runtime.tasks().map(({ id }) => id - long.id),
    [50, 49, 48, 47, 0],
  );
  assert.equal(runtime.task(long.id)?.status().state, 'running');
  release(at);
  assert.equal(await long.finished(), at);
});

test('When a thread dies, all that ran in it fail, and a task that waited to be alone as well', async (t) => {
  const { tx } = await start(t, { concurrency: 3 });
  const [one, two] = [word(), word()];
  const running = [await runTask(tasks.holdAsync(one), tx), await runTask(tasks.throwLater(two, false), tx)];
  const behind = [await runTask(tasks.echo('sync'), tx), await runTask(tasks.echo('on'), tx)];
  for (const handle of running) assert.equal((await failure(handle)).code, 'ERR_WORKER_CRASHED');
  const [first, second] = await within(3000, Promise.all(behind.map((each) => each.ended())), 'the others');
  const { state, outcome } = first ?? {};
  assert.ok(state === 'succeeded' || (outcome as { code: string }).code === 'ERR_WORKER_CRASHED');
  assert.equal(second?.outcome, 'on');
});
