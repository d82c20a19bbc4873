import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runEvery, runLater } from '../src/later.js';
import { tasks } from '../src/tasks.js';
import { start } from './start.js';

test('A task later is queued when its time has come', async (t) => {
  const { tx, runtime } = await start(t);
  const later = runLater(tasks.countWords('a b'), tx, 50);
  assert.deepEqual(runtime.tasks(), []);
  const from = performance.now();
  assert.equal(await (await later).finished(), 2);
  assert.ok(performance.now() - from > 40);
});

test('A task later is never queued if it is given up before', async (t) => {
  const { tx, runtime } = await start(t);
  const controller = new AbortController();
  const later = runLater(tasks.countWords('a b'), tx, 60_000, controller.signal);
  controller.abort();
  await assert.rejects(later, { name: 'AbortError' });
  assert.deepEqual(runtime.tasks(), []);
});

test('A task every so often runs until it is given up, one at a time', async (t) => {
  const { tx, runtime } = await start(t);
  const controller = new AbortController();
  const running = runEvery(tasks.wait(20), tx, 1, controller.signal);
  while (runtime.tasks().length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort();
  await running;
  await runtime.idle();
  const records = runtime.tasks().reverse();
  for (const [index, record] of records.entries()) {
    assert.equal(record.state, 'succeeded');
    assert.ok(record.enqueued >= (records[index - 1]?.finished ?? 0));
  }
});
