/**
 * What a `Queue` promises, as tests: of the queue between threads in `conformance.test.ts`, and of any other engine in tests
 * of its own. So they take of this project what they are given, and a client.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange, Queue, TaskRecord, TaskResource } from '#http';
import { defineTasks, syncTask, type Task, type TaskState } from '#index';
import { acceptedAt, request } from '../../support/connection.js';
import type { tasks as definedTasks } from './tasks.js';

/** What the tests work on: one worker thread runs one task at a time. */
export type Subject = { readonly queue: Queue; readonly tasks: typeof definedTasks };

/** A queue for one test, with room for so many tasks. */
export type Open = (t: TestContext, capacity: number) => Promise<Subject>;

/** What makes HTTP of a queue. */
export type Http = Pick<
  typeof import('#http'),
  'createHttpServer' | 'listen' | 'TaskResource' | 'taskRoutes'
>;

/** How long a state may take to come. */
const PATIENCE_MS = 20_000;
const patient = { timeout: PATIENCE_MS, signal: new AbortController().signal };
const closed = { code: 'ERR_CHANNEL_CLOSED' };

type Check = (title: string, capacity: number, run: (subject: Subject) => Promise<void>) => void;

/** The task's key. */
async function enqueue(queue: Queue, task: Task, patience = patient): Promise<string> {
  return (await queue.enqueue(task, patience)).key; // a throw becomes a rejection
}

/** The state may be told by another process, so there is nothing to await but its change. */
async function inState(queue: Queue, key: string, state: TaskState): Promise<TaskRecord> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(2)) {
    const record = await queue.read(key);
    if (record?.state === state) return record;
    assert.ok(performance.now() < deadline, `Expected task ${key} to be ${state}, got ${record?.state}`);
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
  const check: Check = (title, capacity, run) => void test(title, async (t) => run(await open(t, capacity)));
  describe(`${name}: running tasks`, () => running(check));
  describe(`${name}: the bound`, () => bound(check));
  describe(`${name}: cancelling`, () => cancelling(check));
  describe(`${name}: its end`, () => ending(check));
  describe(`${name}: over HTTP`, () => overHttp(http, open));
}

function running(check: Check): void {
  check('A task is queued, runs, and succeeds with its result', 8, async ({ queue, tasks }) => {
    assert.deepEqual([queue.ready, queue.failing, queue.ending], [true, false, false]);
    const { key, record: queued } = await queue.enqueue(tasks.echo('hello'), patient);
    assert.deepEqual([queued.name, queued.kind, queued.requestId], ['echo', 'sync', undefined]);
    const record = await queue.ended(key);
    const { id, name, state, outcome, progress, enqueued = 0, started = 0, finished = 0 } = record ?? {};
    assert.deepEqual([id, name, state, outcome, progress], [queued.id, 'echo', 'succeeded', 'hello', 1]);
    assert.ok(enqueued <= started && started <= finished && Date.now() - enqueued < 2 * PATIENCE_MS);
    assert.deepEqual(await queue.read(key), record);
  });

  check('Values arrive as they were sent, there and back', 8, async ({ queue, tasks }) => {
    const rich = [new Map([[1, new Set([new Date(5)])]]), Uint8Array.of(0, 255), { a: [null, { b: /x/g }] }];
    for (const value of [undefined, -0, 2n ** 70n, '\ud800', ...rich])
      assert.deepEqual((await run(queue, tasks.echo(value))).outcome, value);
  });

  check('What a task throws is recorded with name, message, code and cause', 8, async ({ queue, tasks }) => {
    const { state, outcome } = await run(queue, tasks.fail('too far'));
    assert.equal(state, 'failed');
    assert.ok(outcome instanceof RangeError && outcome.cause instanceof TypeError);
    assert.deepEqual([outcome.message, Reflect.get(outcome, 'code')], ['too far', 'E_FAIL']);
    assert.equal(outcome.cause.message, 'the cause');
    assert.match(outcome.stack ?? '', /tasks\.[jt]s/);
  });

  check('A result that is too large to keep makes the task fail', 8, async ({ queue, tasks }) => {
    const { state, outcome } = await run(queue, tasks.large(200_000));
    assert.deepEqual([state, Reflect.get(outcome ?? {}, 'code')], ['failed', 'ERR_TASK_TOO_LARGE']);
  });

  check('A running task tells its progress', 8, async ({ queue, tasks }) => {
    const id = await enqueue(queue, tasks.wait());
    let record = await inState(queue, id, 'running');
    while (record.progress === undefined) record = await inState(queue, id, 'running');
    assert.deepEqual([record.progress, record.kind], [0.5, 'async']);
    await queue.cancel(id);
  });

  check('A task that is past its deadline fails, whether it waits or blocks', 8, async ({ queue, tasks }) => {
    for (const task of [tasks.late(), tasks.stuck()]) {
      const { state, outcome } = await run(queue, task);
      assert.deepEqual([state, Reflect.get(Object(outcome), 'code')], ['failed', 'ERR_TASK_TIMEOUT']);
    }
    assert.equal((await run(queue, tasks.echo(1))).outcome, 1);
  });

  check('A task that ends its thread fails, and is not run again', 8, async ({ queue, tasks }) => {
    const { state, outcome } = await run(queue, tasks.exit(3));
    assert.ok(outcome instanceof Error && outcome.cause instanceof Error);
    assert.deepEqual([state, Reflect.get(outcome, 'code')], ['failed', 'ERR_WORKER_CRASHED']);
    assert.equal(outcome.cause.message, 'exit code 3');
    assert.equal((await run(queue, tasks.echo(1))).outcome, 1);
  });

  check('All who await an end are told, and an unknown task has none', 8, async ({ queue, tasks }) => {
    const id = await block({ queue, tasks });
    const ends = [queue.ended(id), queue.ended(id)];
    await queue.cancel(id);
    for (const end of ends) assert.equal((await end)?.state, 'cancelled');
    for (const unknown of [`${id}x`, id.slice(1), '', '0', '__proto__'])
      for (const method of ['read', 'cancel', 'ended'] as const)
        assert.equal(await queue[method](unknown), undefined);
  });
}

function bound(check: Check): void {
  check('As many tasks are accepted as there is room for, and no more', 3, async ({ queue, tasks }) => {
    const blocking = await block({ queue, tasks });
    const queued: string[] = [];
    for (let n = 0; n < 3; n++) queued.push(await enqueue(queue, tasks.echo(n)));
    for (const timeout of [0, 30]) {
      const refused = enqueue(queue, tasks.echo('more'), { ...patient, timeout });
      await assert.rejects(refused, { code: 'ERR_SEND_TIMEOUT' });
    }
    for (const id of queued) assert.equal((await queue.read(id))?.state, 'queued');
    await queue.cancel(blocking);
    for (const [n, id] of queued.entries()) assert.equal((await queue.ended(id))?.outcome, n);
  });

  check('Those who wait for room are served in the order of coming', 2, async ({ queue, tasks }) => {
    const blocking = await block({ queue, tasks });
    const served: number[] = [];
    const all = [0, 1, 2, 3, 4, 5].map(async (n) => {
      const id = await enqueue(queue, tasks.echo(n));
      served.push(n);
      return (await queue.ended(id))?.outcome;
    });
    await queue.cancel(blocking);
    assert.deepEqual(await Promise.all(all), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(served, [0, 1, 2, 3, 4, 5]);
  });

  check('Giving up, while waiting or before, gives the reason and queues nothing', 1, async (subject) => {
    const { queue, tasks } = subject;
    const gone = { ...patient, signal: AbortSignal.abort('gone') };
    await assert.rejects(enqueue(queue, tasks.echo('early'), gone), (reason) => reason === 'gone');
    const blocking = await block(subject);
    const last = await enqueue(queue, tasks.echo('last'));
    const leaving = new AbortController();
    const left = enqueue(queue, tasks.fail('left'), { ...patient, signal: leaving.signal });
    const next = enqueue(queue, tasks.echo('next'));
    await sleep(5);
    leaving.abort('left');
    await assert.rejects(left, (reason) => reason === 'left');
    await queue.cancel(blocking);
    assert.equal((await queue.ended(await next))?.outcome, 'next');
    assert.equal((await queue.read(last))?.outcome, 'last');
  });

  check('A task that is too large, not sendable, or unknown takes no room', 1, async ({ queue, tasks }) => {
    await assert.rejects(enqueue(queue, tasks.echo('x'.repeat(70_000))), { code: 'ERR_TASK_TOO_LARGE' });
    const refusal = { code: 'ERR_NOT_SENDABLE', message: /^args\[0\]\.f is a function/ };
    await assert.rejects(enqueue(queue, tasks.echo({ f: () => {} })), refusal);
    const { elsewhere } = defineTasks({ elsewhere: syncTask(() => {}) });
    await assert.rejects(enqueue(queue, elsewhere()), TypeError);
    const blocking = await block({ queue, tasks });
    const id = await enqueue(queue, tasks.echo(1));
    await queue.cancel(blocking);
    assert.equal((await queue.ended(id))?.outcome, 1);
  });
}

function cancelling(check: Check): void {
  check('A queued task that is cancelled never runs', 8, async ({ queue, tasks }) => {
    const blocking = await block({ queue, tasks });
    const first = await enqueue(queue, tasks.echo(0));
    const second = await enqueue(queue, tasks.echo(1));
    assert.equal(await queue.cancel(first), 'queued');
    const { cancelRequested, started, outcome } = await inState(queue, first, 'cancelled');
    assert.deepEqual([cancelRequested, started, outcome], [true, undefined, undefined]);
    assert.equal(await queue.cancel(first), 'cancelled');
    await queue.cancel(blocking);
    assert.equal((await queue.ended(second))?.outcome, 1);
    assert.equal((await queue.read(first))?.state, 'cancelled');
  });

  check('A running task is asked to stop, and decides itself', 8, async ({ queue, tasks }) => {
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

function ending(check: Check): void {
  check('Once it drains, it accepts nothing, and can still be read', 1, async ({ queue, tasks }) => {
    const blocking = await block({ queue, tasks });
    const queued = await enqueue(queue, tasks.echo(1));
    const waiting = assert.rejects(enqueue(queue, tasks.echo(2)), closed);
    const report = queue.drain({ timeout: PATIENCE_MS });
    assert.deepEqual([queue.ready, queue.failing, queue.ending], [false, false, true]);
    await waiting;
    await assert.rejects(enqueue(queue, tasks.echo(3)), closed);
    await queue.cancel(blocking);
    const { finished, unfinished } = await report;
    assert.deepEqual(unfinished, []);
    for (const { name } of finished) assert.match(name, /^(hold|echo)$/);
    assert.equal((await inState(queue, queued, 'succeeded')).outcome, 1);
    assert.deepEqual(queue.atStake(), []);
  });

  check('It closes at once, too', 8, async ({ queue, tasks }) => {
    await queue.close();
    assert.equal(queue.ending, true);
    await assert.rejects(enqueue(queue, tasks.echo(2)), closed);
  });
}

function overHttp(http: Http, open: Open): void {
  test('A task has a URL, which tells its end; health, until it drains and is only alive', async (t) => {
    const { queue, tasks } = await open(t, 8);
    const start = (task: Task) => async (exchange: Exchange, resource: TaskResource) =>
      (await resource.accept(exchange, task)).answer;
    const routes = {
      '/echo': { POST: start(tasks.echo({ when: new Date(0) })) },
      '/fail': { POST: start(tasks.fail('too far')) },
      ...http.taskRoutes,
    };
    const server = http.createHttpServer(routes, new http.TaskResource(queue));
    const { port } = new URL(await http.listen(server, { host: '127.0.0.1', port: 0 }));
    t.after(() => server.close());
    const ask = (method: string, path: string) => request(Number(port), method, path);
    const status = async (method: string, path: string) => (await ask(method, path)).status;
    const started = async (path: string) => {
      const url = acceptedAt(await ask('POST', path));
      await queue.ended(url.slice('/tasks/'.length));
      return { url, ...JSON.parse((await ask('GET', url)).body) };
    };

    const { url, id, task, state, result, error } = await started('/echo');
    assert.deepEqual([`/tasks/${id}`, task, state, error], [url, 'echo', 'succeeded', undefined]);
    assert.deepEqual(result, { when: '1970-01-01T00:00:00.000Z' });
    const cause = { name: 'TypeError', message: 'the cause' };
    const shown = { name: 'RangeError', message: 'too far', code: 'E_FAIL', cause };
    assert.deepEqual((await started('/fail')).error, shown);
    const elsewhere = `${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`;
    for (const wrong of [elsewhere, '/tasks/0', '/tasks/x']) assert.equal(await status('GET', wrong), 404);
    for (const path of ['/healthz', '/readyz']) assert.equal(await status('GET', path), 200);
    await queue.drain({});
    for (const path of ['/healthz', url]) assert.equal(await status('GET', path), 200);
    assert.deepEqual([await status('GET', '/readyz'), await status('POST', '/echo')], [503, 503]);
  });
}
