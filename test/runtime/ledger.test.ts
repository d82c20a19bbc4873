/** What the owner knows of recent tasks: records, counts, and the events that are published. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TestContext } from 'node:test';
import { runTask, type TaskHandle, type TaskRecord, tryRunTask } from '#index';
import { tasks } from './fixtures/tasks.js';
import { assertGoesOn, failure, start, test } from './support/start.js';
import { eventually, reached, release, within, word } from './support/words.js';

test('`tasks` has the records, newest first: the last `history` that have ended, and all that are open', async (t) => {
  const { tx, runtime } = await start(t, { history: 3 });
  assert.deepEqual(runtime.tasks(), []);
  const ended: TaskHandle[] = [];
  for (let n = 0; n < 5; n++) ended.push(await runTask(tasks.echo(n), tx));
  await within(3000, runtime.idle(), 'idle');
  const at = word();
  const open: TaskHandle[] = [await runTask(tasks.hold(at), tx)];
  for (let n = 0; n < 4; n++) open.push(await runTask(tasks.echo(n), tx));
  await reached(at);
  const records = runtime.tasks();
  const expected = [...ended.slice(-3), ...open].toReversed();
  assert.deepEqual(
    records.map(({ id }) => id),
    expected.map(({ id }) => id),
  );
  assert.deepEqual(
    records.map(({ state }) => state),
    [...new Array(4).fill('queued'), 'running', ...new Array(3).fill('succeeded')],
  );
  assert.deepEqual(
    records,
    expected.map((each) => each.status()),
  );
  release(at);
  await within(3000, runtime.idle(), 'idle');
  assert.equal(runtime.tasks().length, 3);
});

test('`task` finds a recent task, whose handle is as good as the first one', async (t) => {
  const { tx, runtime } = await start(t);
  const at = word();
  const handle = await runTask(tasks.hold(at), tx);
  const queued = await runTask(tasks.echo(1), tx);
  await reached(at);
  assert.deepEqual(runtime.task(handle.id)?.status(), handle.status());
  assert.equal(runtime.task(queued.id)?.cancel(), 'queued');
  assert.equal(queued.status().state, 'cancelled');
  const found = runtime.task(handle.id)?.finished();
  release(at);
  assert.equal(await within(3000, found ?? assert.fail(), 'the task'), undefined);
  for (const id of [-1, queued.id + 1, 0.5, Number.NaN]) assert.equal(runtime.task(id), undefined);
});

test('`idle` resolves once nothing is queued or runs', async (t) => {
  const { tx, runtime } = await start(t, { concurrency: 2 });
  await within(1000, runtime.idle(), 'idle from the start');
  const [one, two] = [word(), word()];
  await runTask(tasks.holdAsync(one), tx);
  await runTask(tasks.holdAsync(two), tx);
  const queued = await runTask(tasks.echo(1), tx);
  let isIdle = false;
  const idle = runtime.idle().then(() => {
    isIdle = true;
  });
  await reached(two);
  assert.equal(queued.cancel(), 'queued');
  await assert.rejects(queued.finished());
  release(one);
  assert.equal(isIdle, false);
  release(two);
  await within(3000, idle, 'idle');
  assert.deepEqual(runtime.stats().running, []);
});

test('`stats` are exact, and a copy', async (t) => {
  const { tx, runtime } = await start(t, { capacity: 40 });
  const before = runtime.stats();
  assert.deepEqual(before, {
    capacity: 40,
    queued: 0,
    waiting: 0,
    running: [],
    ended: new Map(),
    restarts: 0,
    deaths: [],
  });
  const at = word();
  const held = await runTask(tasks.hold(at), tx);
  const handles: TaskHandle[] = [];
  for (let n = 0; n < 30; n++)
    handles.push(await runTask(n % 3 === 0 ? tasks.fails('no') : tasks.echo(n), tx));
  for (const each of handles.slice(20)) each.cancel();
  await reached(at);
  const middle = runtime.stats();
  assert.deepEqual(middle.running, [held.id]);
  assert.equal(middle.queued, 30, 'those that were cancelled keep their places until their turn');
  release(at);
  await within(5000, runtime.idle(), 'idle');
  await eventually(() => runtime.stats().queued === 0); // those that were cancelled
  const { ended, running } = runtime.stats();
  assert.deepEqual(running, []);
  const sums = [...ended].map(([name, { succeeded, failed, cancelled, wait, run }]) => [
    name,
    [succeeded, failed, cancelled],
    [wait, run].map(({ counts }) => counts.reduce((sum, each) => sum + each, 0)),
  ]);
  assert.deepEqual(Object.fromEntries(sums.map(([name, ...numbers]) => [name, numbers])), {
    echo: [
      [13, 0, 7],
      [13, 13],
    ],
    hold: [
      [1, 0, 0],
      [1, 1],
    ],
    fails: [
      [0, 7, 3],
      [7, 7],
    ],
  });
  const waited = [...handles, held]
    .map((each) => each.status())
    .filter(({ started }) => started !== undefined);
  const total = waited.reduce((sum, { started = 0, enqueued }) => sum + started - enqueued, 0);
  const wait = [...ended.values()].reduce((sum, each) => sum + each.wait.sum, 0);
  assert.ok(Math.abs(total - wait) < 0.1, `${total} ${wait}`);
  assert.equal(before.ended.size, 0, 'not changed since');
  assert.equal(middle.ended.get('echo')?.succeeded ?? 0, 0);
});

function listen(t: TestContext): [event: string, record: TaskRecord][] {
  const heard: [string, TaskRecord][] = [];
  for (const event of ['enqueue', 'start', 'end']) {
    const hear = (record: unknown) => void heard.push([event, record as TaskRecord]);
    subscribe(`async-tasks:${event}`, hear);
    t.after(() => unsubscribe(`async-tasks:${event}`, hear));
  }
  return heard;
}

test('Each task is told of on the owner’s thread: queued, started, ended, in this order', async (t) => {
  const heard = listen(t);
  const { tx, runtime } = await start(t);
  const handles: TaskHandle[] = [];
  for (let n = 0; n < 100; n++)
    handles.push(
      await runTask(n % 10 === 3 ? tasks.fails('no') : tasks.echo(n), tx, { requestId: `r-${n}` }),
    );
  await within(5000, runtime.idle(), 'idle');
  for (const [n, { id }] of handles.entries()) {
    const mine = heard.filter(([, record]) => record.id === id);
    assert.deepEqual(
      mine.map(([event]) => event),
      ['enqueue', 'start', 'end'],
    );
    const [queued, , ended] = mine.map(([, record]) => record);
    assert.deepEqual([queued?.state, queued?.requestId, queued?.outcome], ['queued', `r-${n}`, undefined]);
    assert.equal(ended?.state, n % 10 === 3 ? 'failed' : 'succeeded');
    assert.deepEqual(ended, handles[n]?.status());
  }
});

test('A task that was cancelled in the queue is not told to have started, a refused one not at all', async (t) => {
  const heard = listen(t);
  const { tx, runtime } = await start(t, { capacity: 2 });
  const at = word();
  await runTask(tasks.hold(at), tx);
  await reached(at);
  const dropped = await runTask(tasks.echo(1), tx);
  dropped.cancel();
  assert.ok(tryRunTask(tasks.echo(2), tx));
  assert.equal(tryRunTask(tasks.echo(3), tx), undefined);
  await assert.rejects(runTask(tasks.echo(4), tx, { timeout: 5 }), { code: 'ERR_SEND_TIMEOUT' });
  await assert.rejects(runTask(tasks.echo(() => 5) as never, tx), { code: 'ERR_NOT_SENDABLE' });
  release(at);
  await within(3000, runtime.idle(), 'idle');
  const events = (name: string) =>
    heard.filter(([event]) => event === name).map(([, { id }]) => id - dropped.id);
  assert.deepEqual(events('enqueue'), [-1, 0, 1]);
  assert.deepEqual(events('start'), [-1, 1]);
  assert.deepEqual(events('end').toSorted(), [-1, 0, 1]);
});

test('A subscriber may enqueue, ask and cancel', async (t) => {
  const { tx, runtime } = await start(t);
  let left = 200;
  const seen: TaskHandle[] = [];
  const hear = () => {
    runtime.tasks();
    runtime.stats();
    if (left-- > 0) seen.push(tryRunTask(tasks.echo(left), tx) ?? assert.fail());
    if (left % 7 === 0) seen.at(-1)?.cancel();
  };
  subscribe('async-tasks:end', hear);
  t.after(() => unsubscribe('async-tasks:end', hear));
  await runTask(tasks.echo('first'), tx);
  await eventually(() => left < 0);
  await within(3000, runtime.idle(), 'idle');
  const { succeeded, cancelled } = runtime.stats().ended.get('echo') ?? assert.fail();
  assert.equal(succeeded + cancelled, 201);
  assert.ok(seen.every((each) => each.status().finished !== undefined));
});

test('A task that is lost with its thread has both times, its error, and is told of', async (t) => {
  const heard = listen(t);
  const { tx, runtime } = await start(t);
  const handle = await runTask(tasks.exit(word(), 2), tx);
  await failure(handle);
  await assertGoesOn(tx);
  const { started = 0, finished = 0, enqueued, outcome } = handle.status();
  assert.ok(enqueued <= started && started <= finished);
  assert.equal((outcome as { code: string }).code, 'ERR_WORKER_CRASHED');
  assert.equal(heard.filter(([event, { id }]) => event === 'end' && id === handle.id).length, 1);
  assert.equal(
    runtime
      .stats()
      .ended.get('exit')
      ?.run.counts.reduce((sum, each) => sum + each, 0),
    1,
  );
});
