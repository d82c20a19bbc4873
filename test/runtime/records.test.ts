/** What the owner knows of recent tasks: records, counts, events, also while it does not listen to the ring of ends. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TestContext } from 'node:test';
import { blockingRunTask, type TaskHandle, type TaskRecord, tryRunTask } from '#index';
import { tasks } from './fixtures/tasks.js';
import { compute, failure, start, test } from './support/setup.js';
import { eventually, reached, release, word, words } from './support/words.js';

/** More than the ring of ends has cells for, and the ledger places in its ring of open tasks. */
const MANY = 1200;
/** A wait that is as long was not ended by its waker, but by the guard against a dead one. */
const GUARD_MS = 1800;

const sum = (list: readonly number[]) => list.reduce((total, each) => total + each, 0);

function hear(t: TestContext, event: string, listen: (record: TaskRecord) => void): void {
  const name = `async-tasks:${event}`;
  subscribe(name, listen as () => void);
  t.after(() => unsubscribe(name, listen as () => void));
}

test('A task that has ended has no second record, though the worker may still name it', async (t) => {
  const { tx, runtime } = await start(t);
  for (let round = 0; round < 400; round++) {
    const handles: TaskHandle[] = [];
    for (let n = 0; n < 32; n++) handles.push(tryRunTask(tasks.echo(n), tx) ?? assert.fail('no room'));
    await handles[0]?.ended();
    for (const handle of handles) handle.cancel();
    for (const id of runtime.stats().running) assert.equal(runtime.task(id), handles[id % 32]);
    await runtime.idle();
    while (runtime.stats().queued > 0) await new Promise(setImmediate); // cancelled ones keep their places
  }
});

test('`tasks` has the records, newest first: the last 1,024 that have ended, and all that are open', async (t) => {
  const { send, runtime } = await start(t, { concurrency: 2 });
  const [long, at] = [word(), word()];
  const handles: TaskHandle[] = [await send(tasks.holdAsync(long))];
  for (let n = 0; n < 1100; n++) handles.push(await send(tasks.later(n, 0)));
  await handles.at(-1)?.ended();
  for (const task of [tasks.holdAsync(at), tasks.echo(1), tasks.echo(2)]) handles.push(await send(task));
  await reached(at);
  const records = [...handles.slice(0, 1), ...handles.slice(-3 - 1024)]
    .toReversed()
    .map((each) => each.status());
  assert.deepEqual(runtime.tasks(), records);
  const states = ['queued', 'queued', 'running', ...new Array(1024).fill('succeeded'), 'running'];
  assert.deepEqual(
    records.map(({ state }) => state),
    states,
  );
  const [found, old] = [runtime.task(handles[0]?.id ?? -1), handles[1]];
  for (const each of [long, at]) release(each);
  await runtime.idle();
  assert.equal(runtime.tasks().length, 1024);
  assert.equal(await found?.finished(), long, 'a handle that was found is as good as the first one');
  for (const id of [-1, 1e6, 0.5, old?.id ?? 0]) assert.equal(runtime.task(id), undefined);
  assert.deepEqual([await old?.finished(), old?.cancel()], [0, 'succeeded'], 'a handle keeps its record');
});

test('`idle` resolves once nothing is queued or runs', async (t) => {
  const { send, hold, runtime } = await start(t);
  await runtime.idle();
  const { release } = await hold();
  const [next, cancelled] = [await send(tasks.echo(1)), await send(tasks.echo(2))];
  const idle = runtime.idle().then(() => [next.status().state, cancelled.status().state]);
  assert.equal(cancelled.cancel(), 'queued');
  release();
  assert.deepEqual(await idle, ['succeeded', 'cancelled']);
});

test('`stats` are exact, and a copy', async (t) => {
  const { send, hold, runtime } = await start(t, { capacity: 40 });
  const before = runtime.stats();
  const none = { queued: 0, waiting: 0, running: [], ended: new Map(), restarts: 0, deaths: [] };
  assert.deepEqual(before, { capacity: 40, ...none });
  const { handle, release } = await hold();
  const handles: TaskHandle[] = [handle];
  for (let n = 0; n < 30; n++) handles.push(await send(n % 3 === 0 ? tasks.fails('no') : tasks.echo(n)));
  for (const each of handles.slice(21)) each.cancel();
  const middle = runtime.stats();
  assert.deepEqual(middle.running, [handle.id]);
  assert.equal(middle.queued, 30, 'those that were cancelled keep their places until their turn');
  release();
  await runtime.idle();
  await eventually(() => runtime.stats().queued === 0); // those that were cancelled
  const { ended } = runtime.stats();
  const counts = { hold: '1,0,0,1,1', echo: '13,0,7,13,13', fails: '0,7,3,7,7' };
  for (const [name, expected] of Object.entries(counts)) {
    const { succeeded, failed, cancelled, wait, run } = ended.get(name) ?? assert.fail();
    assert.equal([succeeded, failed, cancelled, sum(wait.counts), sum(run.counts)].join(), expected);
  }
  assert.deepEqual([before.ended.size, middle.ended.get('hold')], [0, undefined], 'not changed since');
});

test('Each task is told of on the owner’s thread: queued, started, ended; a refused one is not', async (t) => {
  const heard: [event: string, record: TaskRecord][] = [];
  for (const event of ['enqueue', 'start', 'end']) hear(t, event, (record) => heard.push([event, record]));
  const { tx, send, hold, runtime, goesOn } = await start(t, { capacity: 2 });
  const { release } = await hold();
  const dropped = await send(tasks.echo(1));
  dropped.cancel();
  const failed = await send(tasks.fails('no'), { requestId: 'r-1' });
  assert.equal(tryRunTask(tasks.echo(3), tx), undefined);
  await assert.rejects(send(tasks.echo(4), { timeout: 5 }), { code: 'ERR_SEND_TIMEOUT' });
  await assert.rejects(send(tasks.echo(() => 5) as never), { code: 'ERR_NOT_SENDABLE' });
  release();
  await runtime.idle();
  const lost = await send(tasks.exit(word(), 2));
  await failure(lost);
  await goesOn();
  for (const [handle, events] of [
    [dropped, 'enqueue,end'],
    [failed, 'enqueue,start,end'],
    [lost, 'enqueue,start,end'],
  ] as const) {
    const mine = heard.filter(([, { id }]) => id === handle.id);
    assert.equal(mine.map(([event]) => event).join(), events);
    assert.deepEqual([mine[0]?.[1].state, mine[0]?.[1].outcome], ['queued', undefined]);
    assert.deepEqual(mine.at(-1)?.[1], handle.status());
  }
  assert.equal(heard.length, 3 * 5 - 1);
});

test('A subscriber may enqueue, ask and cancel; it hears of an end that is not awaited', async (t) => {
  const { tx, send, runtime } = await start(t);
  const seen: TaskHandle[] = [];
  let isInside = false;
  hear(t, 'end', () => {
    assert.ok(!isInside, 'one event after the other, however many ends an answer brings');
    isInside = true;
    runtime.tasks();
    if (seen.length < 200) seen.push(tryRunTask(tasks.echo(seen.length), tx) ?? assert.fail());
    if (seen.length % 7 === 0) seen.at(-1)?.cancel();
    isInside = false;
  });
  for (let n = 0; n < 10; n++) await send(tasks.echo('first'));
  await eventually(() => seen.length >= 200); // a send may hear of ends itself
  await runtime.idle();
  const { succeeded, cancelled } = runtime.stats().ended.get('echo') ?? assert.fail();
  assert.equal(succeeded + cancelled, 10 + seen.length);
  assert.ok(seen.every((each) => each.status().finished !== undefined));
});

test('A task of blockingRunTask has one record, though a subscriber sends another and computes until it has run', async (t) => {
  const { send, tx } = await start(t, { capacity: 8 });
  const at = word();
  await send(tasks.later('busy', 150));
  for (let n = 0; n < 8; n++) await send(tasks.count(at));
  const others: Promise<TaskHandle>[] = [];
  hear(t, 'enqueue', ({ id }) => {
    if (others.length === 1) others.push(send(tasks.count(at)));
    else compute(() => Atomics.load(words, at) >= id); // it runs, and so those before it have ended
  });
  hear(t, 'end', () => {}); // each end is learnt of at once
  others.push(send(tasks.count(at))); // waits for room before the next one
  const handles = [blockingRunTask(tasks.count(at), tx), ...(await Promise.all(others))];
  for (const handle of handles) assert.equal((await handle.ended()).state, 'succeeded');
});

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
  await runtime.idle();
  assert.ok(handles.every((handle) => handle?.status().state === 'succeeded'));
  let longest = 0;
  for (let n = 0; n < 4 * MANY; n++) {
    const from = performance.now();
    blockingRunTask(tasks.count(at), tx, { timeout: 5000 });
    longest = Math.max(longest, performance.now() - from);
    assert.ok(runtime.stats().running.length <= 1, 'a task that is over is not taken for one that runs');
  }
  await runtime.idle();
  assert.ok(longest < GUARD_MS, `a send took ${longest} ms`);
  const counted = runtime.stats().ended.get('count')?.succeeded;
  assert.deepEqual([Atomics.load(words, at), counted], [5 * MANY - 1, 5 * MANY - 1]);
});
