/** The ring of ends: how the owner hears that tasks have ended, and what happens while it does not listen. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { blockingRunTask, runTask, type TaskHandle, tryRunTask } from '#index';
import { tasks } from './fixtures/tasks.js';
import { start, test } from './support/start.js';
import { eventually, reached, release, within, word, words } from './support/words.js';

/** More ends than the ring has cells for. */
const MANY = 1000;
/** A wait that is as long was not ended by its waker, but by the guard against a dead one. */
const GUARD_MS = 1800;

/** The owner computes: its event loop stands still. */
function compute(until: () => boolean): void {
  for (const deadline = performance.now() + 10_000; !until(); ) assert.ok(performance.now() < deadline);
}

test('While the owner computes, the worker waits once the ring of ends is full, and nothing is lost', async (t) => {
  const { tx, runtime } = await start(t, { capacity: MANY });
  const [at, first] = [word(), word()];
  tryRunTask(tasks.hold(first), tx);
  const handles = Array.from({ length: MANY - 1 }, () => tryRunTask(tasks.count(at), tx));
  release(first);
  compute(() => Atomics.load(words, at) >= 250);
  const computed = performance.now() + 50;
  compute(() => performance.now() > computed);
  assert.ok(Atomics.load(words, at) < 300, 'the worker waits');
  await within(5000, runtime.idle(), 'idle');
  assert.equal(Atomics.load(words, at), MANY - 1);
  assert.ok(handles.every((handle) => handle?.status().state === 'succeeded'));
  assert.equal(runtime.stats().ended.get('count')?.succeeded, MANY - 1);
});

test('A blocked send drains ends: a queue larger than the ring of ends does not stand still', async (t) => {
  const { tx, runtime } = await start(t, { capacity: MANY });
  const at = word();
  let sent = 0;
  tryRunTask(tasks.busy(300), tx);
  while (tryRunTask(tasks.count(at), tx) !== undefined) sent += 1;
  let longest = 0;
  for (; sent < 4 * MANY; sent++) {
    const from = performance.now();
    blockingRunTask(tasks.count(at), tx, { timeout: 5000 });
    longest = Math.max(longest, performance.now() - from);
  }
  await within(5000, runtime.idle(), 'idle');
  assert.ok(longest < GUARD_MS, `a send was blocked for ${longest} ms`);
  assert.equal(runtime.stats().ended.get('count')?.succeeded, 4 * MANY);
});

test('A worker that waits for room in the ring goes on as soon as there is some', async (t) => {
  const { tx, runtime } = await start(t, { capacity: 4 * MANY });
  let [last, longest] = [performance.now(), 0];
  const hear = () => {
    const until = performance.now() + 0.05;
    while (performance.now() < until);
    longest = Math.max(longest, until - last);
    last = until;
  };
  subscribe('async-tasks:end', hear);
  t.after(() => unsubscribe('async-tasks:end', hear));
  for (let n = 0; n < 4 * MANY; n++) tryRunTask(tasks.nothing(), tx);
  await within(20_000, runtime.idle(), 'idle');
  assert.ok(longest < GUARD_MS, `an end came ${longest} ms after the one before it`);
});

test('An end is not kept back by ends that come as fast as they are awaited', async (t) => {
  const { tx } = await start(t);
  for (let n = 0; n < 500; n++) {
    const handle = await runTask(tasks.echo(n), tx);
    assert.equal(await within(1000, handle.finished(), `task ${n}`), n);
  }
});

test('A task that is long over is not taken for one that runs, however long the queue and short the history', async (t) => {
  const { tx, runtime } = await start(t, { capacity: MANY, history: 1 });
  let last: TaskHandle | undefined;
  const listen = () => void runtime.stats();
  subscribe('async-tasks:end', listen);
  t.after(() => unsubscribe('async-tasks:end', listen));
  for (let n = 0; n < 4 * MANY; n++) {
    last = tryRunTask(tasks.nothing(), tx) ?? last;
    if (n % 7 === 0) await last?.ended();
    runtime.stats();
  }
  await within(5000, runtime.idle(), 'idle');
  assert.deepEqual(runtime.stats().running, []);
  assert.equal(runtime.tasks().length, 1);
});

test('The owner learns of an end that it does not await, once the worker has nothing left to do', async (t) => {
  const { tx, runtime } = await start(t);
  const ended: unknown[] = [];
  const hear = (record: unknown) => void ended.push(record);
  subscribe('async-tasks:end', hear);
  t.after(() => unsubscribe('async-tasks:end', hear));
  const at = word();
  await runTask(tasks.count(at), tx);
  await eventually(() => ended.length === 1);
  await runTask(tasks.hold(at + 1), tx);
  word();
  await reached(at + 1);
  release(at + 1);
  await eventually(() => ended.length === 2);
  assert.equal(runtime.stats().queued, 0);
});
