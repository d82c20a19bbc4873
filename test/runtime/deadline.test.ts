/** Deadlines: each counts from the start of its task, and ends that task alone if it can. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { tasks } from './fixtures/tasks.js';
import { compute, errors, failure, start, test } from './support/setup.js';
import { eventually, reached, release, word, words } from './support/words.js';

const { send, runtime } = await start({ after });

test('A sync task that never returns ends with its thread, and the next task runs in another', async () => {
  const [at, { restarts }] = [word(), runtime.stats()];
  const endless = await send(tasks.spin(at));
  const next = await send(tasks.echo('next'));
  const error = await failure(endless, /^The task ran for longer than its timeout of 60 ms$/);
  assert.deepEqual([error.name, error.code], ['TaskTimeoutError', 'ERR_TASK_TIMEOUT']);
  assert.equal(await next.finished(), 'next');
  assert.equal(Atomics.load(words, at), 1);
  assert.equal(runtime.stats().restarts, restarts + 1);
  assert.equal(endless.status().state, 'failed');
  const log = errors.join('\n');
  assert.match(log, /^task failed: spin, id \d+\nTaskTimeoutError[\s\S]*^worker thread ended: .*deadline/m);
});

test('A deadline counts from the start of the task; an async task that ignores its signal costs no thread', async () => {
  const [at, aborted, { restarts }] = [word(), word(), runtime.stats()];
  await send(tasks.hold(at));
  const stuck = await send(tasks.stuck(word(), aborted));
  const swift = await send(tasks.swift());
  await sleep(200);
  assert.equal(stuck.status().deadline, undefined);
  release(at);
  assert.equal((await failure(stuck)).code, 'ERR_TASK_TIMEOUT');
  const { started = 0, deadline = 0 } = stuck.status();
  assert.equal(Math.round(deadline - started), 60);
  await reached(aborted);
  assert.equal(await swift.finished(), 'swift');
  const late = word();
  assert.equal((await failure(await send(tasks.asksLate(late)))).code, 'ERR_TASK_TIMEOUT');
  await reached(late);
  assert.equal(runtime.stats().restarts, restarts);
});

test('A task that ends while its owner computes beyond the deadline is not late', async () => {
  const [handles, { restarts }] = [[await send(tasks.swift()), await send(tasks.swift())], runtime.stats()];
  const until = performance.now() + 300;
  compute(() => performance.now() > until);
  for (const handle of handles) assert.equal(await handle.finished(), 'swift');
  assert.equal(runtime.stats().restarts, restarts);
});

test('A thread that cannot be ended leaves a runtime that is not ready, until there is another', async () => {
  const stuck = await send(tasks.program(1.6));
  const next = await send(tasks.echo('next'));
  await eventually(() => !runtime.ready);
  assert.equal(next.status().state, 'queued');
  assert.equal((await failure(stuck)).name, 'TaskTimeoutError');
  assert.equal(await next.finished(), 'next');
  await eventually(() => runtime.ready);
});

test('The neighbours of a late task fail with the reason, and queued tasks run in the next thread', async (t) => {
  const { send, run } = await start(t, { concurrency: 3 });
  const beside = await send(tasks.holdAsync(word()));
  const endless = await send(tasks.spinAsync(word()));
  const queued = [run(tasks.echo(1)), run(tasks.later(2, 1))];
  assert.equal((await failure(endless)).code, 'ERR_TASK_TIMEOUT');
  const { code } = await failure(beside, /a task's deadline ended the thread/);
  assert.equal(code, 'ERR_WORKER_CRASHED');
  assert.deepEqual(await Promise.all(queued), [1, 2]);
});

test('A sync task that waits for async ones to end is not late meanwhile, and has not started', async (t) => {
  const { send, runtime } = await start(t, { concurrency: 2 });
  const at = word();
  const long = await send(tasks.holdAsync(at));
  await reached(at);
  const swift = await send(tasks.swift());
  await sleep(300);
  const { state, started } = swift.status();
  assert.deepEqual([state, started], ['queued', undefined]);
  release(at);
  assert.deepEqual([await long.finished(), await swift.finished()], [at, 'swift']);
  assert.equal(runtime.stats().restarts, 0);
});
