/** Tasks as resources: accepted, seen, awaited, cancelled; a full queue; a runtime that is not well. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { basePathFrom } from '#http';
import { acceptedAt, problem, text } from '../support/connection.js';
import { until } from '../support/wait.js';
import { Application } from './support/application.js';
import { tasks } from './support/tasks.js';

/** The machine may be busy; what takes longer than this waited for something. */
const AT_ONCE_MS = 500;

const app = await Application.start();

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

const isTime = (value: unknown) => new Date(String(value)).toISOString() === value;

test('a task is shown queued, then succeeded, with its times and its result; DELETE cancels a queued one, else is 409', async (t) => {
  const before = Date.now();
  const release = await app.block(t);
  const url = acceptedAt(await app.ask('POST', '/measure', 'to be\nor not\n'));
  const cancelled = acceptedAt(await app.ask('GET', '/hold'));
  const answer = await app.ask('DELETE', cancelled);
  assert.deepEqual([answer.status, JSON.parse(answer.body).state], [200, 'cancelled']);
  assert.match(problem(await app.ask('DELETE', cancelled), 409), /cancelled/);
  const { enqueued, ...rest } = await status(url);
  assert.deepEqual(rest, {
    ...{ id: url.slice('/tasks/'.length), task: 'measure', kind: 'sync', state: 'queued' },
    ...{ cancelRequested: false, progress: null, started: null, finished: null },
  });
  await release();
  const view = await status(url);
  assert.deepEqual([view['state'], view['result']], ['succeeded', { units: 13, bytes: 13 }]);
  assert.ok(!('error' in view));
  assert.equal(view['enqueued'], enqueued);
  const times = [enqueued, view['started'], view['finished']].map(String);
  assert.ok(times.every(isTime));
  assert.deepEqual(times, times.toSorted());
  assert.ok(Date.parse(times[0] ?? '') >= before && Date.parse(times[2] ?? '') <= Date.now());
  assert.match(problem(await app.ask('DELETE', url), 409), /succeeded/);
  assert.deepEqual(await status(url), view);
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
    const { state, cancelRequested, started, finished } = JSON.parse(answer.body);
    assert.deepEqual([state, cancelRequested, isTime(started), finished], ['running', true, true, null]);
  }
  const [worker] = await born;
  await worker.terminate();
  const { state, error, result } = (await own.ended(url)) as Record<string, Record<string, unknown>>;
  assert.deepEqual([state, result, error?.['name']], ['failed', undefined, 'WorkerCrashedError']);
  assert.deepEqual(Object.keys(error ?? {}), ['name', 'message', 'code', 'cause']);
  assert.deepEqual(Object.keys(Object(error?.['cause'])), ['name', 'message']);
  assert.ok(!JSON.stringify(error).includes('.js:'));
  text(await own.ask('GET', '/readyz'), 200, 'ok');
});

test('what tasks throw is shown without any stack', async (t) => {
  t.mock.method(console, 'error', () => {});
  const thrown = async (how: string) =>
    (await app.ended(acceptedAt(await app.ask('POST', `/run/fail/${how}`))))['error'];
  assert.deepEqual(await thrown('error'), {
    name: 'Error',
    message: 'outer',
    cause: { text: 'Error: inner' },
  });
  assert.equal(await thrown('text'), 'Error: outer');
});

test('a request can wait for its task: 200 with the result if it ends in time, else 202', async () => {
  const answer = await app.ask('POST', '/within/10000');
  assert.deepEqual([answer.status, answer.headers['retry-after']], [200, undefined]);
  const { id, task, state, result } = JSON.parse(answer.body);
  assert.deepEqual([task, state, result], ['give', 'succeeded', 'a']);
  assert.equal(answer.headers['location'], `/tasks/${id}`);
  assert.equal((await status(`/tasks/${id}`))['state'], 'succeeded');
  const url = acceptedAt(await app.ask('GET', '/within/20'));
  assert.equal((await status(url))['state'], 'running');
  assert.equal((await app.ask('DELETE', url)).status, 202);
  await app.rest();
});

test('every URL that is not a task’s own is the same 404, by GET and by DELETE', async (t) => {
  const release = await app.block(t);
  const url = acceptedAt(await app.ask('POST', '/measure', 'a'));
  const key = url.slice('/tasks/'.length);
  const flipped = (key.startsWith('1') ? '2' : '1') + key.slice(1);
  const near = [flipped, key.slice(0, -1), `${key}a`, key.toUpperCase(), `${key}%00`, `${key}/`, `/${key}`];
  const odd = ['', '-', `${app.open[0]?.id}`, '-1', 'NaN', '__proto__', 'constructor', 'x'.repeat(8000)];
  const bodies = new Set<string>();
  for (const wrong of [...near, ...odd, `../tasks/${key}`, `${key};a`, key.replace('-', '%252D')])
    for (const method of ['GET', 'DELETE']) {
      const answer = await app.ask(method, `/tasks/${wrong}`);
      problem(answer, 404);
      bodies.add(answer.body);
    }
  assert.equal(bodies.size, 1);
  const hex = url.replace(/[^/]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  for (const same of [`${url}?a=b`, url.replace('-', '%2D'), `http://localhost${hex}`])
    assert.deepEqual((await status(same))['id'], key);
  await release();
});

test('a task that ended long ago is 404', async () => {
  const url = acceptedAt(await app.ask('POST', '/measure', 'a'));
  assert.equal((await app.ended(url))['state'], 'succeeded');
  for (let n = 0; n < 1024; n++) await app.enqueue(tasks.give('nothing'));
  await app.rest();
  problem(await app.ask('GET', url), 404);
  problem(await app.ask('DELETE', url), 404);
});

test('with a base path the URL of a task is right behind a proxy that strips it', async (t) => {
  for (const [basePath, prefix] of [
    ['/a/b.c-d/%C3%A4/', '/a/b.c-d/%C3%A4'],
    ['/', ''],
  ] as const) {
    const own = await Application.start(t, basePathFrom({ BASE_PATH: basePath }));
    const { headers } = await own.ask('POST', '/measure', 'a b');
    const { pathname } = new URL(headers['location'] ?? '', `http://localhost${prefix}/measure`);
    assert.ok(pathname.startsWith(`${prefix}/tasks/`), pathname);
    assert.equal((await own.ended(pathname.slice(prefix.length)))['state'], 'succeeded');
  }
});

test('a queue that stays full for 1 s is 503, other requests are answered meanwhile', async (t) => {
  const release = await app.fill(t);
  const before = app.open;
  const start = performance.now();
  const refused = app.ask('POST', '/hold');
  const crowd = Array.from({ length: 50 }, () => app.ask('POST', '/measure', 'a'));
  await until(() => app.waiting > 0);
  for (let n = 0; n < 5; n++) {
    const asked = performance.now();
    text(await app.ask('GET', '/'), 200, 'Hello, world!');
    text(await app.ask('GET', '/readyz'), 200, 'ok');
    assert.ok(performance.now() - asked < AT_ONCE_MS);
  }
  const answer = await refused;
  const ms = performance.now() - start;
  assert.equal(problem(answer, 503), 'The queue is full');
  assert.deepEqual([answer.headers['retry-after'], answer.headers['location']], ['1', undefined]);
  assert.ok(ms >= 990 && ms < 3000, `answered after ${ms} ms`);
  for (const each of await Promise.all(crowd)) problem(each, 503);
  assert.deepEqual(app.open, before);
  await release();
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
