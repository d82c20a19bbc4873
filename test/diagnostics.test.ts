/** What tracing tools hear, by `node:diagnostics_channel`. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TestContext } from 'node:test';
import { asyncTask, channel, runTask, startRuntime, syncTask, type Task, tryRunTask } from '#index';
import { prepare, test } from './fixtures/executor.js';
import { tasks as runtimeTasks } from './fixtures/runtime-tasks.js';
import { keepStderr } from './support/stderr.js';

function listen(t: TestContext, name: string): Record<string, unknown>[] {
  const heard: Record<string, unknown>[] = [];
  const hear = (event: unknown) => void heard.push(event as Record<string, unknown>);
  subscribe(name, hear);
  t.after(() => unsubscribe(name, hear));
  return heard;
}

test('Each task is told of when it is queued, started, and has ended', async (t) => {
  const queued = listen(t, 'async-tasks:enqueue');
  const started = listen(t, 'async-tasks:start');
  const ended = listen(t, 'async-tasks:end');
  const { tx, tasks, start } = prepare(t, {
    give: syncTask((value: number) => value),
    fail: asyncTask(async () => {
      throw new RangeError('no');
    }),
  });
  const give = await runTask(tasks.give(7), tx, { requestId: 'r-1' });
  const fail = tryRunTask(tasks.fail(), tx);
  const dropped = await runTask(tasks.give(8), tx);
  dropped.cancel();
  assert.deepEqual(queued, [
    { id: give.id, fn: 0, kind: 'sync', requestId: 'r-1' },
    { id: fail?.id, fn: 1, kind: 'async', requestId: undefined },
    { id: dropped.id, fn: 0, kind: 'sync', requestId: undefined },
  ]);
  void start();
  await give.finished();
  await assert.rejects(fail?.finished() ?? Promise.resolve());
  const first = { id: give.id, name: 'give', requestId: 'r-1' };
  const second = { id: fail?.id, name: 'fail', requestId: undefined };
  assert.deepEqual(started, [first, second]);
  const times = ended.map(({ duration }) => duration);
  for (const duration of times) assert.ok(typeof duration === 'number' && duration >= 0);
  const outcomes = [
    { state: 'succeeded', outcome: 7 },
    { state: 'failed', outcome: new RangeError('no') },
  ];
  assert.deepEqual(ended, [
    { ...first, ...outcomes[0], duration: times[0] },
    { ...second, ...outcomes[1], duration: times[1] },
  ]);
});

test('A refused task is not told of', async (t) => {
  const queued = listen(t, 'async-tasks:enqueue');
  const { tx, tasks } = prepare(t, { give: syncTask(() => {}) }, { capacity: 1 });
  await runTask(tasks.give(), tx);
  assert.equal(tryRunTask(tasks.give(), tx), undefined);
  await assert.rejects(runTask(tasks.give(), tx, { timeout: 0 }), { code: 'ERR_SEND_TIMEOUT' });
  assert.equal(queued.length, 1);
});

test('The death of a worker thread is told of, with its cause', async (t) => {
  keepStderr(t);
  const deaths = listen(t, 'async-tasks:worker:death');
  const [tx, rx] = channel<Task>();
  const url = new URL('./fixtures/runtime-tasks.js', import.meta.url);
  const runtime = await startRuntime(rx, { tasks: url, log: false });
  t.after(() => runtime.close());
  await assert.rejects((await runTask(runtimeTasks.exit(0, 3), tx)).finished());
  await runTask(runtimeTasks.exit(0, 3), tx).then((handle) => assert.rejects(handle.finished()));
  const [first] = deaths;
  assert.match(String(first?.['cause']), /exit code 3/);
  assert.equal(first?.['delay'], 0);
});
