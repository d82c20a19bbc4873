/**
 * What a `Queue` promises, as tests: of the queue between threads in `conformance.test.ts`, and of any other engine in tests
 * of its own. So they need nothing at run time but what they are given.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Accepted, Queue, TaskRecord } from '#http';
import { defineTasks, syncTask, type Task, type TaskState } from '#index';
import { overHttp } from './http.js';
import { type Http, type Open, PATIENCE_MS, type Subject } from './subject.js';

const never = new AbortController().signal;
const patient = { timeout: PATIENCE_MS, signal: never };
const hasty = { timeout: 60, signal: never };

/** The task's key. */
export async function enqueue(queue: Queue, task: Task, patience = patient): Promise<string> {
  return (await queue.enqueue(task, patience)).key; // a throw becomes a rejection
}

/** The state may be told by another process, so there is nothing to await but its change. */
export async function inState(queue: Queue, key: string, state: TaskState): Promise<TaskRecord> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(2)) {
    const record = await queue.read(key);
    if (record?.state === state) return record;
    if (performance.now() > deadline)
      throw new Error(`Expected task ${key} to be ${state}, got ${record?.state}`);
  }
}

/** Keeps the worker busy until the task is cancelled. */
async function block({ queue, tasks }: Subject): Promise<string> {
  const key = await enqueue(queue, tasks.hold());
  await inState(queue, key, 'running');
  return key;
}

/** The record of a task that has run by itself. */
async function run(queue: Queue, task: Task): Promise<TaskRecord> {
  const record = await queue.ended(await enqueue(queue, task));
  assert.ok(record !== undefined);
  return record;
}

export function conformance(name: string, http: Http, open: Open): void {
  describe(`${name}: running tasks`, () => running(open));
  describe(`${name}: the bound`, () => bound(open));
  describe(`${name}: cancelling`, () => cancelling(open));
  describe(`${name}: its end`, () => ending(open));
  describe(`${name}: over HTTP`, () => overHttp(http, open));
}

function running(open: Open): void {
  test('A task is queued, runs, and succeeds with its result', async (t) => {
    const { queue, tasks } = await open(t, 8);
    assert.deepEqual([queue.ready, queue.failing, queue.ending], [true, false, false]);
    const { key, record: queued }: Accepted = await queue.enqueue(tasks.echo('hello'), patient);
    assert.deepEqual([queued.name, queued.kind, queued.requestId], ['echo', 'sync', undefined]);
    const record = await queue.ended(key);
    const { id, name, state, outcome, progress, enqueued, started = 0, finished = 0 } = record ?? {};
    assert.deepEqual([id, name, state, outcome, progress], [queued.id, 'echo', 'succeeded', 'hello', 1]);
    assert.ok(enqueued !== undefined && enqueued <= started && started <= finished);
    assert.ok(Math.abs(Date.now() - finished) < PATIENCE_MS);
    assert.deepEqual(await queue.read(key), record);
  });

  test('Values arrive as they were sent, there and back', async (t) => {
    const { queue, tasks } = await open(t, 8);
    const values = [
      undefined,
      -0,
      2n ** 70n,
      '\ud800',
      new Map([[1, new Set([new Date(5)])]]),
      Uint8Array.of(0, 255),
      { a: [null, { b: /x/g }] },
    ];
    for (const value of values) assert.deepEqual((await run(queue, tasks.echo(value))).outcome, value);
  });

  test('What a task throws is recorded with name, message, code and cause', async (t) => {
    const { queue, tasks } = await open(t, 8);
    const { state, outcome } = await run(queue, tasks.fail('too far'));
    assert.equal(state, 'failed');
    assert.ok(outcome instanceof RangeError && outcome.cause instanceof TypeError);
    assert.deepEqual([outcome.message, Reflect.get(outcome, 'code')], ['too far', 'E_FAIL']);
    assert.equal(outcome.cause.message, 'the cause');
    assert.match(outcome.stack ?? '', /tasks\.[jt]s/);
  });

  test('A result that is too large to keep is left out, and its size told', async (t) => {
    const { queue, tasks } = await open(t, 8);
    const { state, outcome, omittedBytes = 0 } = await run(queue, tasks.large(200_000));
    assert.deepEqual([state, outcome], ['succeeded', undefined]);
    assert.ok(omittedBytes >= 200_000);
  });

  test('A running task tells its progress', async (t) => {
    const { queue, tasks } = await open(t, 8);
    const id = await enqueue(queue, tasks.wait());
    let record = await inState(queue, id, 'running');
    while (record.progress === undefined) record = await inState(queue, id, 'running');
    assert.deepEqual([record.progress, record.kind], [0.5, 'async']);
    await queue.cancel(id);
    assert.equal((await queue.ended(id))?.state, 'cancelled');
  });

  test('A task that is past its deadline fails, whether it waits or blocks', async (t) => {
    const { queue, tasks } = await open(t, 8);
    for (const task of [tasks.late(), tasks.stuck()]) {
      const { state, outcome } = await run(queue, task);
      assert.equal(state, 'failed');
      assert.equal(Reflect.get(Object(outcome), 'code'), 'ERR_TASK_TIMEOUT');
    }
    assert.equal((await run(queue, tasks.echo(1))).outcome, 1);
  });

  test('A task that ends its thread fails, is not run again, and the next one runs', async (t) => {
    const { queue, tasks } = await open(t, 8);
    const { state, outcome } = await run(queue, tasks.exit(3));
    assert.equal(state, 'failed');
    assert.ok(outcome instanceof Error && outcome.cause instanceof Error);
    assert.equal(Reflect.get(outcome, 'code'), 'ERR_WORKER_CRASHED');
    assert.equal(outcome.cause.message, 'exit code 3');
    assert.equal((await run(queue, tasks.echo(1))).outcome, 1);
  });

  test('All who await an end are told, and an unknown task has none', async (t) => {
    const { queue, tasks } = await open(t, 8);
    const id = await block({ queue, tasks });
    const ends = [queue.ended(id), queue.ended(id)];
    await queue.cancel(id);
    for (const end of ends) assert.equal((await end)?.state, 'cancelled');
    for (const unknown of [`${id}x`, id.slice(1), '', '0', '__proto__']) {
      assert.equal(await queue.read(unknown), undefined);
      assert.equal(await queue.cancel(unknown), undefined);
      assert.equal(await queue.ended(unknown), undefined);
    }
  });
}

function bound(open: Open): void {
  test('As many tasks are accepted as there is room for, and no more', async (t) => {
    const { queue, tasks } = await open(t, 3);
    const blocking = await block({ queue, tasks });
    const queued: string[] = [];
    for (let n = 0; n < 3; n++) queued.push(await enqueue(queue, tasks.echo(n)));
    for (const timeout of [0, 30]) {
      await assert.rejects(enqueue(queue, tasks.echo('more'), { timeout, signal: never }), {
        code: 'ERR_SEND_TIMEOUT',
      });
    }
    for (const id of queued) assert.equal((await queue.read(id))?.state, 'queued');
    await queue.cancel(blocking);
    for (const [n, id] of queued.entries()) assert.equal((await queue.ended(id))?.outcome, n);
  });

  test('Who waits for room is served when there is some, first come, first served', async (t) => {
    const { queue, tasks } = await open(t, 2);
    const blocking = await block({ queue, tasks });
    const ids = [await enqueue(queue, tasks.echo(0)), await enqueue(queue, tasks.echo(1))];
    const served: number[] = [];
    const waiting = [2, 3, 4, 5].map(async (n) => {
      ids[n] = await enqueue(queue, tasks.echo(n));
      served.push(n);
    });
    await queue.cancel(blocking);
    await Promise.all(waiting);
    assert.deepEqual(served, [2, 3, 4, 5]);
    const records = await Promise.all(ids.map((id) => queue.ended(id)));
    assert.deepEqual(
      records.map((record) => record?.outcome),
      [0, 1, 2, 3, 4, 5],
    );
  });

  test('Who gives up while it waits, or before, gets the reason and queues nothing', async (t) => {
    const { queue, tasks } = await open(t, 1);
    const early = enqueue(queue, tasks.echo('early'), {
      timeout: PATIENCE_MS,
      signal: AbortSignal.abort('gone'),
    });
    await assert.rejects(early, (reason) => reason === 'gone');
    const blocking = await block({ queue, tasks });
    const last = await enqueue(queue, tasks.echo('last'));
    const leaving = new AbortController();
    const left = enqueue(queue, tasks.fail('left'), { timeout: PATIENCE_MS, signal: leaving.signal });
    const next = enqueue(queue, tasks.echo('next'));
    await sleep(5);
    leaving.abort('left');
    await assert.rejects(left, (reason) => reason === 'left');
    await queue.cancel(blocking);
    assert.equal((await queue.ended(await next))?.outcome, 'next');
    assert.equal((await queue.read(last))?.outcome, 'last');
  });

  test('A task that is too large, cannot be sent, or is of another module is refused, and takes no room', async (t) => {
    const { queue, tasks } = await open(t, 1);
    await assert.rejects(enqueue(queue, tasks.echo('x'.repeat(70_000))), { code: 'ERR_TASK_TOO_LARGE' });
    await assert.rejects(enqueue(queue, tasks.echo({ f: () => {} })), {
      code: 'ERR_NOT_SENDABLE',
      message: /^args\[0\]\.f is a function/,
    });
    const { elsewhere } = defineTasks({ elsewhere: syncTask(() => {}) });
    await assert.rejects(enqueue(queue, elsewhere()), TypeError);
    const blocking = await block({ queue, tasks });
    const id = await enqueue(queue, tasks.echo(1));
    await queue.cancel(blocking);
    assert.equal((await queue.ended(id))?.outcome, 1);
  });
}

function cancelling(open: Open): void {
  test('A queued task that is cancelled never runs', async (t) => {
    const { queue, tasks } = await open(t, 8);
    const blocking = await block({ queue, tasks });
    const ids = [await enqueue(queue, tasks.echo(0)), await enqueue(queue, tasks.echo(1))];
    const [first = '', second = ''] = ids;
    assert.equal(await queue.cancel(first), 'queued');
    const { state, cancelRequested, started, outcome } = await inState(queue, first, 'cancelled');
    assert.deepEqual([state, cancelRequested, started, outcome], ['cancelled', true, undefined, undefined]);
    assert.equal((await queue.ended(first))?.state, 'cancelled');
    assert.equal(await queue.cancel(first), 'cancelled');
    await queue.cancel(blocking);
    assert.equal((await queue.ended(second))?.outcome, 1);
    assert.equal((await queue.read(first))?.state, 'cancelled');
  });

  test('A running task is asked to stop, and decides itself', async (t) => {
    const { queue, tasks } = await open(t, 8);
    for (const [task, end] of [
      [tasks.hold(), 'cancelled'],
      [tasks.wait(), 'cancelled'],
      [tasks.insist(), 'succeeded'],
    ] as const) {
      const id = await enqueue(queue, task);
      await inState(queue, id, 'running');
      assert.equal(await queue.cancel(id), 'running');
      const record = await queue.ended(id);
      assert.deepEqual([record?.state, record?.cancelRequested], [end, true]);
      assert.equal(await queue.cancel(id), end);
    }
  });
}

function ending(open: Open): void {
  test('Once it drains, it accepts nothing, lets those who wait go, and can still be read', async (t) => {
    const { queue, tasks } = await open(t, 1);
    const blocking = await block({ queue, tasks });
    const queued = await enqueue(queue, tasks.echo(1));
    const waiting = enqueue(queue, tasks.echo(2));
    const refused = assert.rejects(waiting, { code: 'ERR_CHANNEL_CLOSED' });
    const report = queue.drain({ timeout: PATIENCE_MS });
    assert.deepEqual([queue.ready, queue.failing, queue.ending], [false, false, true]);
    await refused;
    await assert.rejects(enqueue(queue, tasks.echo(3), hasty), { code: 'ERR_CHANNEL_CLOSED' });
    await queue.cancel(blocking);
    const { finished, unfinished } = await report;
    assert.deepEqual(unfinished, []);
    for (const { name } of finished) assert.match(name, /^(hold|echo)$/);
    assert.equal((await inState(queue, queued, 'succeeded')).outcome, 1);
    assert.deepEqual(queue.atStake(), []);
  });

  test('It closes at once, too', async (t) => {
    const { queue, tasks } = await open(t, 8);
    assert.equal((await run(queue, tasks.echo(1))).outcome, 1);
    await queue.close();
    assert.equal(queue.ending, true);
    await assert.rejects(enqueue(queue, tasks.echo(2), hasty), { code: 'ERR_CHANNEL_CLOSED' });
  });
}
