/** Deadlines: each counts from the start of its task, and ends that task alone if it can. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { runTask, type TaskHandle } from '#index';
import { tasks } from './fixtures/tasks.js';
import { ended, produce } from './support/producer.js';
import { assertGoesOn, failure, start, tasksFile, test } from './support/start.js';
import { eventually, reached, release, within, word, words } from './support/words.js';

test('A sync task that never returns ends with its thread, and the next task runs in another', async (t) => {
  const { tx, runtime, errors } = await start(t);
  const at = word();
  const endless = await runTask(tasks.spin(at), tx);
  const next = await runTask(tasks.echo('next'), tx);
  const error = await failure(endless);
  assert.equal(error.name, 'TaskTimeoutError');
  assert.equal(error.code, 'ERR_TASK_TIMEOUT');
  assert.equal(error.message, 'The task ran for longer than its timeout of 60 ms');
  assert.equal(await within(3000, next.finished(), 'the next task'), 'next');
  assert.equal(Atomics.load(words, at), 1);
  assert.equal(runtime.stats().restarts, 1);
  assert.deepEqual(endless.status().state, 'failed');
  assert.match(errors.join('\n'), new RegExp(`^task failed: spin, id ${endless.id}\nTaskTimeoutError`, 'm'));
  assert.match(errors.join('\n'), /worker thread ended: .*deadline/);
});

test('An async task that never lets the event loop go on ends with its thread', async (t) => {
  const { tx } = await start(t);
  const endless = await runTask(tasks.spinAsync(word()), tx);
  assert.equal((await failure(endless)).code, 'ERR_TASK_TIMEOUT');
  await assertGoesOn(tx);
});

test('An async task that ignores its signal fails, and costs no thread', async (t) => {
  const { tx, runtime } = await start(t);
  const aborted = word();
  const stuck = await runTask(tasks.stuck(word(), aborted), tx);
  assert.equal((await failure(stuck)).code, 'ERR_TASK_TIMEOUT');
  await reached(aborted);
  await assertGoesOn(tx);
  assert.equal(runtime.stats().restarts, 0);
});

test('The neighbours of a late task fail with the reason, and queued tasks run in the next thread', async (t) => {
  const { tx } = await start(t, { concurrency: 3 });
  const beside = await runTask(tasks.holdAsync(word()), tx);
  const endless = await runTask(tasks.spinAsync(word()), tx);
  const queued = [await runTask(tasks.echo(1), tx), await runTask(tasks.later(2, 1), tx)];
  assert.equal((await failure(endless)).code, 'ERR_TASK_TIMEOUT');
  const crashed = await failure(beside);
  assert.equal(crashed.code, 'ERR_WORKER_CRASHED');
  assert.match(crashed.message, /another task's deadline ended the thread/);
  const results = Promise.all(queued.map((each) => each.finished()));
  assert.deepEqual(await within(3000, results, 'the queued tasks'), [1, 2]);
});

test('A deadline counts from the start of the task, not from its place in the queue', async (t) => {
  const { tx } = await start(t);
  const at = word();
  await runTask(tasks.hold(at), tx);
  const stuck = await runTask(tasks.stuck(word(), word()), tx);
  const swift = await runTask(tasks.swift(), tx);
  await sleep(300);
  assert.equal(stuck.status().deadline, undefined);
  release(at);
  assert.equal((await failure(stuck)).code, 'ERR_TASK_TIMEOUT');
  const { started = 0, deadline = 0 } = stuck.status();
  assert.equal(Math.round(deadline - started), 60);
  assert.equal(await within(3000, swift.finished(), 'the task behind'), 'swift');
});

test('A sync task that waits for async ones to end is not late meanwhile, and has not started', async (t) => {
  const { tx, runtime } = await start(t, { concurrency: 2 });
  const at = word();
  const long = await runTask(tasks.holdAsync(at), tx);
  await reached(at);
  const swift = await runTask(tasks.swift(), tx);
  await sleep(500);
  assert.equal(swift.status().state, 'queued');
  assert.equal(swift.status().started, undefined);
  release(at);
  assert.equal(await within(3000, long.finished(), 'the async task'), at);
  assert.equal(await within(3000, swift.finished(), 'the sync task'), 'swift');
  assert.equal(runtime.stats().restarts, 0);
});

test('A task that ends while its owner computes beyond the deadline is not late', async (t) => {
  const { tx, runtime } = await start(t);
  const handles = [await runTask(tasks.swift(), tx), await runTask(tasks.swift(), tx)];
  for (const until = performance.now() + 500; performance.now() < until; );
  for (const handle of handles) assert.equal(await within(3000, handle.finished(), 'the task'), 'swift');
  assert.equal(runtime.stats().restarts, 0);
});

test('Tasks that end about when their time is up have one end each, and those behind them run', async (t) => {
  const file = tasksFile(
    t,
    `const word = new Int32Array(new SharedArrayBuffer(4));
     export const tasks = defineTasks({
       busy: syncTask((ms) => void Atomics.wait(word, 0, 0, ms), { timeout: 50 }),
       wait: asyncTask((ms) => new Promise((end) => setTimeout(end, ms)), { timeout: 50 }),
     });`,
  );
  const { tasks: near } = await import(file.url.href);
  const { tx, runtime } = await start(t, { tasks: file.url, concurrency: 2 });
  const handles: TaskHandle[] = [];
  for (const ms of [49, 50, 51, 148, 149, 150, 151, 152])
    handles.push(await runTask(near.busy(ms), tx), await runTask(near.wait(ms), tx));
  const records = await within(20_000, Promise.all(handles.map((each) => each.ended())), 'all tasks');
  for (const { state, outcome, name } of records) {
    const code = (outcome as { code?: string } | undefined)?.code;
    assert.ok(state === 'succeeded' || code === 'ERR_TASK_TIMEOUT' || code === 'ERR_WORKER_CRASHED', name);
  }
  assert.deepEqual(runtime.stats().running, []);
  assert.equal(runtime.stats().queued, 0);
});

test('The deadline of a task that another thread has sent ends it, too', async (t) => {
  const { tx, runtime } = await start(t);
  const at = word();
  await ended(produce(t, { handle: tx.share(), name: 'spin', args: [at], count: 1 }));
  await reached(at);
  await assertGoesOn(tx);
  assert.equal(runtime.stats().ended.get('spin')?.failed, 1);
});

test('A thread that cannot be ended leaves a runtime that is not ready, until there is another', async (t) => {
  const { tx, runtime } = await start(t);
  const stuck = await runTask(tasks.program(4), tx);
  const next = await runTask(tasks.echo('next'), tx);
  await eventually(() => !runtime.ready);
  assert.equal(next.status().state, 'queued');
  assert.equal((await failure(stuck, 8000)).name, 'TaskTimeoutError');
  assert.equal(await within(3000, next.finished(), 'the next task'), 'next');
  assert.equal(runtime.ready, true);
});
