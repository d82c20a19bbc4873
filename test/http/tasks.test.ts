/** Tasks as resources: accepted, seen, awaited, cancelled; a full queue; a runtime that is not well. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import { basePathFrom, queueOf } from '#http';
import { channel, move, startRuntime, type Task } from '#index';
import { acceptedAt, problem, text } from '../support/connection.js';
import { until } from '../support/wait.js';
import { Application } from './support/application.js';
import { tasks } from './support/tasks.js';

const app = await Application.start();
afterEach(() => app.rest());

async function status(url: string): Promise<Record<string, unknown>> {
  const { status, headers, body } = await app.ask('GET', url);
  assert.equal(status, 200, body);
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['cache-control'], 'no-store');
  const view = JSON.parse(body);
  const open = view.state === 'queued' || view.state === 'running';
  assert.equal(headers['retry-after'], open ? '1' : undefined);
  return view;
}

test('a task is shown queued, then succeeded, with times and result; DELETE cancels a queued one, else is 409', async () => {
  const before = new Date().toISOString();
  await app.block();
  const url = acceptedAt(await app.ask('POST', '/measure', 'to be\nor not\n'));
  const cancelled = acceptedAt(await app.ask('GET', '/hold'));
  const answer = await app.ask('DELETE', cancelled);
  assert.deepEqual([answer.status, JSON.parse(answer.body).state], [200, 'cancelled']);
  assert.match(problem(await app.ask('DELETE', cancelled), 409), /cancelled/);
  const { enqueued, ...rest } = await status(url);
  assert.deepEqual(rest, {
    ...{ id: url.slice('/tasks/'.length), task: 'measure', kind: 'sync', state: 'queued' },
    ...{ cancelRequested: false, progress: null, requestId: null },
    ...{ started: null, finished: null, deadline: null },
  });
  await app.rest();
  const { started, finished, ...view } = await status(url);
  const [state, result] = ['succeeded', { units: 13, bytes: 13 }];
  assert.deepEqual({ ...view, state, result, enqueued }, view);
  const times = [before, enqueued, started, finished, new Date().toISOString()];
  assert.deepEqual(times, times.toSorted());
  assert.match(problem(await app.ask('DELETE', url), 409), /succeeded/);
});

test('a running task is asked to stop by DELETE: 202; if its thread dies it is shown failed, with the cause and without a stack', async (t) => {
  t.mock.method(console, 'error', () => {});
  const born = once(process, 'worker');
  const own = await Application.start(t);
  const url = acceptedAt(await own.ask('POST', '/run/endure'));
  await until(() => own.open[0]?.state === 'running');
  for (let n = 0; n < 2; n++) {
    const answer = await own.ask('DELETE', url);
    assert.deepEqual([answer.status, answer.headers['retry-after']], [202, '1']);
    const { state, cancelRequested, finished } = JSON.parse(answer.body);
    assert.deepEqual([state, cancelRequested, finished], ['running', true, null]);
  }
  const [worker] = await born;
  await worker.terminate();
  const { state, error } = await own.ended(url);
  const { message, ...rest } = Object(error);
  const cause = { name: 'Error', message: 'exit code 1' };
  assert.deepEqual(
    [state, rest],
    ['failed', { name: 'WorkerCrashedError', code: 'ERR_WORKER_CRASHED', cause }],
  );
  assert.ok(!message.includes('.js:'));
  text(await own.ask('GET', '/readyz'), 200, 'ok');
});

test('every URL that is not a task’s own is the same 404, by GET and by DELETE', async () => {
  await app.block();
  const url = acceptedAt(await app.ask('POST', '/measure', 'a'));
  const key = url.slice('/tasks/'.length);
  const flipped = (key.startsWith('1') ? '2' : '1') + key.slice(1);
  const near = [flipped, key.slice(0, -1), `${key}a`, key.toUpperCase(), `${key}%00`, `${key}/`, `/${key}`];
  const odd = ['', `${app.open[0]?.id}`, '__proto__', 'x'.repeat(8000), key.replace('-', '%2D')];
  const details = new Set<string>();
  for (const path of [...near, ...odd].map((wrong) => `/tasks/${wrong}`))
    for (const method of ['GET', 'DELETE']) details.add(problem(await app.ask(method, path), 404));
  assert.equal(details.size, 1);
  for (const same of [`${url}?a=b`, `http://localhost${url}`])
    assert.deepEqual((await status(same))['id'], key);
});

test('a task that ended long ago is 404', async () => {
  const url = acceptedAt(await app.ask('POST', '/measure', 'a'));
  assert.equal((await app.ended(url))['state'], 'succeeded');
  for (let n = 0; n < 1024; n++) await app.enqueue(tasks.give('nothing'));
  await app.rest();
  problem(await app.ask('GET', url), 404);
  problem(await app.ask('DELETE', url), 404);
});

test('behind a task that runs for long, those that ended long ago are forgotten as well', async (t) => {
  const [tx, rx] = channel<Task>();
  const module = new URL('./support/tasks.js', import.meta.url);
  const runtime = await startRuntime(rx, { tasks: module, concurrency: 2, log: false });
  t.after(() => runtime.close());
  const queue = queueOf(tx, runtime);
  const options = { timeout: 10_000, signal: new AbortController().signal };
  const long = await queue.enqueue(
    move({}, async () => new Promise<void>(() => {})),
    options,
  );
  const short = move({}, async () => {});
  const first = await queue.enqueue(short, options);
  for (let n = 0; n < 1024; n++) await queue.enqueue(short, options);
  assert.equal(await queue.read(first.key), undefined);
  assert.equal((await queue.read(long.key))?.state, 'running');
});

test('with a base path the URL of a task is right behind a proxy that strips it', async (t) => {
  const own = await Application.start(t, basePathFrom({ BASE_PATH: '/a/b.c-d/%C3%A4' }));
  const { headers } = await own.ask('POST', '/measure', 'a b');
  const [, url = ''] = headers['location']?.split('/a/b.c-d/%C3%A4') ?? [];
  assert.equal((await own.ended(url))['state'], 'succeeded');
});

test('a queue that stays full for 1 s is 503, other requests are answered meanwhile', async () => {
  await app.fill();
  const before = app.open;
  const start = performance.now();
  const crowd = Array.from({ length: 50 }, () => app.ask('POST', '/hold'));
  await until(() => app.waiting > 0);
  for (let n = 0; n < 5; n++) {
    const asked = performance.now();
    text(await app.ask('GET', '/readyz'), 200, 'ok');
    assert.ok(performance.now() - asked < 500); // it waited for nothing
  }
  for (const answer of await Promise.all(crowd)) {
    assert.equal(problem(answer, 503), 'The queue is full');
    assert.deepEqual([answer.headers['retry-after'], answer.headers['location']], ['1', undefined]);
  }
  const ms = performance.now() - start;
  assert.ok(ms >= 990 && ms < 3000, `answered after ${ms} ms`);
  assert.deepEqual(app.open, before);
});

test('while the worker thread keeps dying, /healthz and /readyz are 503', async (t) => {
  t.mock.method(console, 'error', () => {});
  const own = await Application.start(t);
  text(await own.ask('GET', '/healthz'), 200, 'ok');
  const replaced = once(process, 'worker');
  await own.enqueue(tasks.die());
  await replaced;
  await own.enqueue(tasks.die());
  await until(() => own.queue.failing);
  for (const path of ['/healthz', '/readyz']) {
    const answer = await own.ask('GET', path);
    problem(answer, 503);
    assert.equal(answer.headers['retry-after'], '1');
  }
  const url = acceptedAt(await own.ask('POST', '/measure', 'a'));
  assert.equal((await own.ended(url))['state'], 'succeeded');
});
