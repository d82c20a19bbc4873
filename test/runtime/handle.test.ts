/** A handle: the states of its task, its result or error, and how it is cancelled in each state. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { move, TaskCancelledError, tryRunTask } from '#index';
import { tasks } from './fixtures/tasks.js';
import { failure, start, test } from './support/setup.js';
import { reached, release, word, words } from './support/words.js';

const { send, fail, hold } = await start({ after });

test('A task is queued, runs, and succeeds; its record says so, while the worker thread is blocked, too', async () => {
  const [held, at, before] = [await hold(), word(), Date.now()];
  const handle = await send(tasks.hold(at, 0.25), { requestId: 'r-7' });
  const queued = handle.status();
  const { id } = handle;
  const told = { id, name: 'hold', kind: 'sync', state: 'queued', requestId: 'r-7', cancelRequested: false };
  const times = { enqueued: queued.enqueued, started: undefined, finished: undefined, deadline: undefined };
  const outcome = { progress: undefined, outcome: undefined };
  assert.deepEqual(queued, { ...told, ...times, ...outcome });
  assert.ok(Math.abs(queued.enqueued - before) < 1000);
  held.release();
  await reached(at);
  const running = handle.status();
  assert.deepEqual([running.state, running.progress, running.finished], ['running', 0.25, undefined]);
  assert.ok((running.started ?? 0) >= queued.enqueued);
  release(at);
  await handle.finished();
  const { state, progress, started, finished = 0 } = handle.status();
  assert.deepEqual([state, progress, started], ['succeeded', 1, running.started]);
  assert.ok(finished >= (started ?? Number.NaN));
});

test('Ids are in the order of the queue, also of senders that wait for room, and each result is its task’s', async () => {
  const handles = await Promise.all(Array.from({ length: 100 }, (_, n) => send(tasks.echo(n))));
  assert.ok(handles.every(({ id }, n) => id === (handles[0]?.id ?? 0) + n));
  assert.deepEqual(await Promise.all(handles.map((each) => each.finished())), [...handles.keys()]);
});

test('A result of any kind arrives. One above the channel’s `maxBytes` makes the task fail', async (t) => {
  const { send, run } = await start(t, { maxBytes: 10_000 });
  for (const value of [undefined, null, false, -0, '', 'ä€😀', { a: [1] }, new Date(5), new RangeError('r')])
    assert.deepEqual(await run(tasks.echo(value)), value);
  for (const length of [76, 92, 93, 4096, 9980]) // around what an end has room for by itself
    assert.equal(await run(tasks.text(length)), 'x'.repeat(length));
  const { code, message } = await failure(await send(tasks.text(10_001)));
  assert.equal(code, 'ERR_TASK_TOO_LARGE');
  assert.match(message, /^Expected at most 10000 bytes, got at least 100\d\d: pass a key or a path/);
});

test('`finished` rejects with what the task threw, with class, code, cause and stack', async () => {
  const handle = await send(tasks.fails('no'));
  const error = await failure(handle);
  assert.ok(error instanceof RangeError);
  assert.deepEqual([error.name, error.message, error.code], ['RangeError', 'no', 'E_RANGE']);
  assert.equal((error.cause as Error).message, 'the cause');
  assert.match(error.stack ?? '', /^RangeError: no\n.*fixtures\/tasks\.[jt]s/);
  assert.equal(await failure(handle), error);
  assert.equal(handle.status().outcome, error);
  const thrown = move({}, () => { throw 7; }); // biome-ignore format: one line
  assert.equal(await fail(thrown), 7);
});

test('A queued task that is cancelled never runs, and its place is free in its turn', async (t) => {
  const { tx, run, hold, runtime } = await start(t, { capacity: 4 });
  const [held, never] = [await hold(), word()];
  const queued = [1, 2, 3, 4].map(() => tryRunTask(tasks.count(never), tx) ?? assert.fail());
  for (const handle of queued) {
    const ended = handle.ended();
    assert.equal(handle.cancel(), 'queued');
    const record = await ended;
    assert.deepEqual([record.state, record.cancelRequested, record.started], ['cancelled', true, undefined]);
    assert.deepEqual([record, handle.cancel()], [await handle.ended(), 'cancelled']);
    const error = await failure(handle);
    assert.ok(error instanceof TaskCancelledError);
    assert.deepEqual([error.code, error.cause], ['ERR_TASK_CANCELLED', undefined]);
  }
  assert.equal(tryRunTask(tasks.echo(1), tx), undefined, 'still full');
  held.release();
  assert.equal(await run(tasks.echo('next')), 'next');
  assert.deepEqual([Atomics.load(words, never), runtime.stats().ended.get('count')?.cancelled], [0, 4]);
});

test('A running task that is cancelled sees it: a sync one that looks, an async one by its signal', async () => {
  for (const build of [tasks.spinUntilCancelled, tasks.waitUntilCancelled]) {
    const at = word();
    const handle = await send(build(at));
    await reached(at);
    assert.equal(handle.cancel(), 'running');
    assert.equal(handle.status().cancelRequested, true);
    const error = await failure(handle);
    assert.deepEqual([error.code, (error.cause as Error).name], ['ERR_TASK_CANCELLED', 'AbortError']);
    assert.equal(handle.status().state, 'cancelled');
  }
});

test('Cancel is no more than a question to a task that does not look, and nothing to one that has ended', async () => {
  const { handle, release } = await hold();
  assert.equal(handle.cancel(), 'running');
  release();
  await handle.finished();
  assert.equal(handle.cancel(), 'succeeded');
});
