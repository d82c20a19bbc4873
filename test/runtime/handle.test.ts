/** A handle: the states of its task, its result or error, and how it is cancelled in each state. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { move, OutcomeOmittedError, runTask, TaskCancelledError, type TaskHandle, tryRunTask } from '#index';
import { tasks } from './fixtures/tasks.js';
import { failure, start, test } from './support/start.js';
import { reached, release, within, word, words } from './support/words.js';

test('A task is queued, runs, and succeeds; its record says so, while the worker thread is blocked, too', async (t) => {
  const { tx } = await start(t);
  const [first, second] = [word(), word()];
  await runTask(tasks.hold(first), tx);
  const before = Date.now();
  const handle = await runTask(tasks.tellHold(second, 0.25), tx, { requestId: 'r-7' });
  const queued = handle.status();
  assert.deepEqual(queued, {
    id: handle.id,
    name: 'tellHold',
    kind: 'sync',
    state: 'queued',
    requestId: 'r-7',
    cancelRequested: false,
    progress: undefined,
    enqueued: queued.enqueued,
    started: undefined,
    finished: undefined,
    deadline: undefined,
    outcome: undefined,
    omittedBytes: undefined,
  });
  assert.ok(Math.abs(queued.enqueued - before) < 1000);
  release(first);
  await reached(second);
  const running = handle.status();
  assert.deepEqual([running.state, running.progress, running.finished], ['running', 0.25, undefined]);
  assert.ok((running.started ?? 0) >= queued.enqueued);
  release(second);
  await within(3000, handle.finished(), 'the task');
  const { state, progress, started, finished = 0 } = handle.status();
  assert.deepEqual([state, progress], ['succeeded', 1]);
  assert.equal(started, running.started);
  assert.ok(finished >= (started ?? Number.NaN));
});

test('Ids are unique and in the order of the queue', async (t) => {
  const { tx } = await start(t, { capacity: 3 });
  const handles = await Promise.all(Array.from({ length: 20 }, (_, n) => runTask(tasks.echo(n), tx)));
  const [first] = handles;
  assert.deepEqual(
    handles.map(({ id }) => id - (first?.id ?? 0)),
    handles.map((_, n) => n),
  );
  assert.deepEqual(
    await within(3000, Promise.all(handles.map((each) => each.finished())), 'all'),
    handles.map((_, n) => n),
  );
});

test('A result of any kind that can be sent arrives, up to the channel’s `maxBytes`', async (t) => {
  const { tx } = await start(t, { maxBytes: 10_000 });
  const results = [
    ...[undefined, null, false, 0, -0, Number.NaN, 1n << 70n, '', 'ä€😀', [], {}, [1, [2]], { a: { b: 1 } }],
    ...[new Date(5), /x/g, new Map([[1, 'a']]), new Set([1]), new Uint8Array([1, 2, 3]), new RangeError('r')],
  ];
  for (const value of results) {
    const handle = await runTask(tasks.echo(value), tx);
    assert.deepEqual(await within(2000, handle.finished(), String(value)), value);
    assert.deepEqual(handle.status().outcome, value);
  }
  let largest = 0;
  for (let length = 9_900; length < 10_100; length++) {
    const handle = await runTask(tasks.text(length), tx);
    const record = await within(2000, handle.ended(), `${length}`);
    assert.equal(record.state, 'succeeded');
    if (record.omittedBytes === undefined) {
      assert.equal(record.outcome, 'x'.repeat(length));
      largest = length;
    } else {
      assert.equal(record.outcome, undefined);
      assert.ok(record.omittedBytes > 10_000 && record.omittedBytes < length + 16);
    }
  }
  assert.ok(largest > 9_980 && largest <= 10_000, `${largest}`);
  for (const length of [0, 76, 92, 93, 4096, 9_000]) {
    const handle = await runTask(tasks.text(length), tx);
    assert.equal(await handle.finished(), 'x'.repeat(length));
  }
});

test('A result above `maxBytes` is left out: the task has succeeded, and `finished` says how large it was', async (t) => {
  const { tx } = await start(t);
  const handle = await runTask(tasks.text(100_000), tx);
  const error = await failure(handle);
  assert.ok(error instanceof OutcomeOmittedError);
  assert.equal(error.code, 'ERR_OUTCOME_OMITTED');
  assert.match(error.message, /^The task succeeded, but its result of 1000\d\d bytes was too large to keep/);
  assert.equal(handle.status().state, 'succeeded');
  assert.ok((handle.status().omittedBytes ?? 0) > 100_000);
});

test('`finished` rejects with what the task threw, with class, code, cause and both stacks', async (t) => {
  const { tx } = await start(t);
  const handle = await runTask(tasks.fails('no'), tx);
  const error = await failure(handle);
  assert.ok(error instanceof RangeError);
  assert.deepEqual([error.name, error.message, error.code], ['RangeError', 'no', 'E_RANGE']);
  assert.equal((error.cause as Error).message, 'the cause');
  assert.match(
    error.stack ?? '',
    /^RangeError: no\n.*fixtures\/tasks\.[jt]s[\s\S]*---- awaited ----[\s\S]*failure/,
  );
  assert.equal(await failure(handle), error);
  assert.equal(error.stack?.split('---- awaited ----').length, 2, 'added once');
  assert.equal(handle.status().outcome, error);
  const thrown = await runTask(move({}, () => { throw 7; }), tx); // biome-ignore format: one line
  assert.equal(
    await within(
      2000,
      thrown.finished().catch((value) => value),
      'the task',
    ),
    7,
  );
});

test('`ended` resolves with the record, whatever became of the task, in all places and afterwards', async (t) => {
  const { tx } = await start(t);
  const at = word();
  const held = await runTask(tasks.hold(at), tx);
  const failed = await runTask(tasks.fails('no'), tx);
  const cancelled = await runTask(tasks.echo(1), tx);
  const places = [held, held, failed, cancelled].map((each) => each.ended());
  cancelled.cancel();
  release(at);
  const records = await within(3000, Promise.all(places), 'all');
  assert.deepEqual(
    records.map(({ state }) => state),
    ['succeeded', 'succeeded', 'failed', 'cancelled'],
  );
  assert.deepEqual(await failed.ended(), records[2]);
});

test('A handle keeps its record, however short the history', async (t) => {
  const { tx, runtime } = await start(t, { history: 2 });
  const first = await runTask(tasks.echo('first'), tx);
  const handles: TaskHandle[] = [];
  for (let n = 0; n < 10; n++) handles.push(await runTask(tasks.echo(n), tx));
  assert.deepEqual(await Promise.all(handles.map((each) => each.finished())), [...handles.keys()]);
  assert.equal(await first.finished(), 'first');
  assert.equal(first.status().state, 'succeeded');
  assert.equal(first.cancel(), 'succeeded');
  assert.equal(runtime.task(first.id), undefined);
});

test('A queued task that is cancelled never runs, and its place is free in its turn', async (t) => {
  const { tx, runtime } = await start(t, { capacity: 4 });
  const [at, never] = [word(), word()];
  await runTask(tasks.hold(at), tx);
  await reached(at);
  const queued = [1, 2, 3, 4].map(() => tryRunTask(tasks.count(never), tx));
  assert.equal(tryRunTask(tasks.count(never), tx), undefined, 'full');
  for (const handle of queued) assert.equal(handle?.cancel(), 'queued');
  const error = await failure(queued[0] ?? assert.fail());
  assert.ok(error instanceof TaskCancelledError);
  assert.deepEqual([error.code, error.cause], ['ERR_TASK_CANCELLED', undefined]);
  assert.deepEqual(
    queued.map((each) => [each?.status().state, each?.status().cancelRequested, each?.status().started]),
    queued.map(() => ['cancelled', true, undefined]),
  );
  assert.equal(queued[0]?.cancel(), 'cancelled');
  release(at);
  const next = await within(3000, runTask(tasks.echo('next'), tx), 'room');
  assert.equal(await within(3000, next.finished(), 'the next task'), 'next');
  assert.equal(Atomics.load(words, never), 0);
  assert.deepEqual(runtime.stats().ended.get('count')?.cancelled, 4);
});

test('A running task that is cancelled sees it: a sync one that looks, an async one by its signal', async (t) => {
  const { tx } = await start(t);
  for (const build of [tasks.spinUntilCancelled, tasks.waitUntilCancelled]) {
    const at = word();
    const handle = await runTask(build(at), tx);
    await reached(at);
    assert.equal(handle.cancel(), 'running');
    assert.equal(handle.status().cancelRequested, true);
    const error = await failure(handle);
    assert.equal(error.code, 'ERR_TASK_CANCELLED');
    assert.equal((error.cause as Error).name, 'AbortError');
    assert.equal(handle.status().state, 'cancelled');
  }
});

test('Cancel is no more than a question to a task that does not look, and nothing to one that has ended', async (t) => {
  const { tx } = await start(t);
  const at = word();
  const handle = await runTask(tasks.hold(at), tx);
  await reached(at);
  assert.equal(handle.cancel(), 'running');
  release(at);
  await within(3000, handle.finished(), 'the task');
  assert.equal(handle.cancel(), 'succeeded');
  const next = await runTask(tasks.waitUntilCancelled(word()), tx);
  await sleep(20);
  assert.equal(next.status().state, 'running', 'the request was about the task before');
  next.cancel();
});

test('Either a cancel or the start of a task wins, and both sides agree', async (t) => {
  const { tx, runtime } = await start(t);
  let cancelled = 0;
  const base = word();
  for (let n = 0; n < 1000; n++) {
    Atomics.store(words, base, 0);
    const handle = await runTask(tasks.count(base), tx);
    for (let spin = (n * 37) % 2000; spin > 0; spin--);
    const had = handle.cancel();
    const { state } = await within(2000, handle.ended(), `task ${n}`);
    if (had === 'queued') assert.equal(state, 'cancelled');
    else assert.equal(state, 'succeeded');
    assert.equal(Atomics.load(words, base), state === 'succeeded' ? 1 : 0);
    if (had === 'queued') cancelled += 1;
  }
  t.diagnostic(`${cancelled} of 1000 were cancelled in the queue`);
  const { succeeded, cancelled: counted } = runtime.stats().ended.get('count') ?? {};
  assert.deepEqual([succeeded, counted], [1000 - cancelled, cancelled]);
});

test('The states of a task never go back', async (t) => {
  const { tx } = await start(t, { concurrency: 2 });
  const order = ['queued', 'running', 'succeeded'];
  const at = word();
  for (let n = 0; n < 500; n++) {
    const handle = await runTask(n % 2 === 0 ? tasks.count(at) : tasks.countLater(at, 0), tx);
    let last = 0;
    for (const until = performance.now() + 1000; last < 2; await (last === 1 ? sleep(0) : undefined)) {
      const now = order.indexOf(handle.status().state);
      assert.ok(now >= last, `${order[last]}, then ${order[now]}`);
      assert.ok(performance.now() < until);
      last = now;
    }
  }
});
