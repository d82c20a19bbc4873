/** Tasks as resources: accepted, seen, awaited, cancelled; a full queue; a runtime that is not well. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { type Queue, TaskResource } from '#http';
import { type Answer, acceptedAt, Connection, problem, request, text } from '../support/connection.js';
import { until } from '../support/wait.js';
import { Application, CAPACITY } from './support/application.js';
import { tasks } from './support/tasks.js';

/** The machine may be busy; what takes longer than this waited for something. */
const AT_ONCE_MS = 500;

const app = await Application.start();
after(() => app.stop());

const ask = (method: string, target: string, body?: string): Promise<Answer> =>
  request(app.port, method, target, body === undefined ? {} : { body });

async function status(url: string): Promise<Record<string, unknown>> {
  const answer = await ask('GET', url);
  assert.equal(answer.status, 200, answer.body);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const view = JSON.parse(answer.body);
  const open = view.state === 'queued' || view.state === 'running';
  assert.equal(answer.headers['retry-after'], open ? '1' : undefined);
  return view;
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && new Date(value).toISOString() === value;
}

// ── From start to end ──────────────────────────────────────────────────────────────────────────────────────────────

test('a task is shown queued, then succeeded, with its times and its result', async (t) => {
  const before = Date.now();
  const release = await app.block(t);
  const url = acceptedAt(await ask('POST', '/measure', 'to be\nor not\n'));
  const { enqueued, ...rest } = await status(url);
  assert.deepEqual(rest, {
    id: url.slice('/tasks/'.length),
    task: 'measure',
    kind: 'sync',
    state: 'queued',
    cancelRequested: false,
    progress: null,
    started: null,
    finished: null,
  });
  assert.ok(isTime(enqueued));
  await release();
  const view = await status(url);
  assert.deepEqual([view['state'], view['result']], ['succeeded', { units: 13, bytes: 13 }]);
  assert.ok(!('error' in view));
  const times = [view['enqueued'], view['started'], view['finished']].map(String);
  assert.ok(times.every(isTime));
  assert.deepEqual(times, [...times].sort());
  assert.ok(Date.parse(times[0] ?? '') >= before && Date.parse(times[2] ?? '') <= Date.now());
});

test('a route starts its task by each of its methods, each with a URL of its own', async (t) => {
  const release = await app.block(t);
  const urls = new Set<string>();
  for (const [method, path] of [
    ['GET', '/hold'],
    ['POST', '/hold'],
    ['POST', '/wait'],
  ] as const) {
    const url = acceptedAt(await ask(method, path));
    assert.equal((await status(url))['task'], path.slice(1));
    urls.add(url);
  }
  assert.equal(urls.size, 3);
  for (const url of urls) assert.equal((await ask('DELETE', url)).status, 200);
  await release();
});

test('a running task is asked to stop by DELETE: 202; a queued one is cancelled: 200; then it is 409', async (t) => {
  const own = await Application.start(t);
  const url = acceptedAt(await request(own.port, 'POST', '/endure'));
  await until(() => own.open[0]?.state === 'running');
  for (let n = 0; n < 2; n++) {
    const answer = await request(own.port, 'DELETE', url);
    assert.deepEqual([answer.status, answer.headers['retry-after']], [202, '1']);
    const { state, cancelRequested, started, finished } = JSON.parse(answer.body);
    assert.deepEqual([state, cancelRequested, isTime(started), finished], ['running', true, true, null]);
  }
  const queued = acceptedAt(await request(own.port, 'POST', '/wait'));
  const answer = await request(own.port, 'DELETE', queued);
  assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'application/json']);
  const { state, started, finished } = JSON.parse(answer.body);
  assert.deepEqual([state, started, isTime(finished)], ['cancelled', null, true]);
  assert.match(problem(await request(own.port, 'DELETE', queued), 409), /cancelled/);
});

test('DELETE of a task that has ended is 409, and changes nothing', async () => {
  const url = acceptedAt(await ask('POST', '/measure', 'a'));
  const view = await app.ended(url);
  assert.match(problem(await ask('DELETE', url), 409), /succeeded/);
  assert.deepEqual(await status(url), view);
});

test('a request can wait for its task: 200 with the result if it ends in time, else 202', async () => {
  const answer = await ask('POST', '/within/10000', 'a b');
  assert.deepEqual([answer.status, answer.headers['retry-after']], [200, undefined]);
  const { id, task, state, result } = JSON.parse(answer.body);
  assert.deepEqual([task, state, result], ['measure', 'succeeded', { units: 3, bytes: 3 }]);
  assert.equal(answer.headers['location'], `/tasks/${id}`);
  assert.equal((await status(`/tasks/${id}`))['state'], 'succeeded');
  const url = acceptedAt(await ask('GET', '/within/20'));
  assert.equal((await status(url))['state'], 'running');
  assert.equal((await ask('DELETE', url)).status, 202);
  await app.rest();
});

test('a task whose thread dies is shown failed, with the error and its cause, and without a stack', async (t) => {
  t.mock.method(console, 'error', () => {});
  const born = once(process, 'worker');
  const own = await Application.start(t);
  const url = acceptedAt(await request(own.port, 'POST', '/wait'));
  await until(() => own.open[0]?.state === 'running');
  const [worker] = await born;
  await worker.terminate();
  const { state, error, result } = (await own.ended(url)) as Record<string, Record<string, unknown>>;
  assert.deepEqual([state, result, error?.['name']], ['failed', undefined, 'WorkerCrashedError']);
  assert.deepEqual(Object.keys(error ?? {}), ['name', 'message', 'code', 'cause']);
  assert.deepEqual(Object.keys(Object(error?.['cause'])), ['name', 'message']);
  assert.ok(!JSON.stringify(error).includes('.js:'));
  text(await request(own.port, 'GET', '/readyz'), 200, 'ok');
});

// ── URLs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

test('every URL that is not a task’s own is the same 404, by GET and by DELETE', async (t) => {
  const release = await app.block(t);
  const url = acceptedAt(await ask('POST', '/measure', 'a'));
  const key = url.slice('/tasks/'.length);
  const [id = 0] = app.open.map((record) => record.id);
  const connection = await Connection.open(app.port);
  const bodies = new Set<string>();
  const flipped = (key.startsWith('1') ? '2' : '1') + key.slice(1);
  const near = [flipped, key.slice(0, -1), `${key}a`, `${key}=`, key.toUpperCase(), `${key}%00`, `${key}/`];
  const odd = ['', '-', `${id}`, '0', '-1', 'NaN', 'undefined', '__proto__', 'constructor', 'x'.repeat(8000)];
  for (const wrong of [
    ...near,
    ...odd,
    `/${key}`,
    `../tasks/${key}`,
    `${key};a`,
    key.replace('-', '%252D'),
  ]) {
    for (const method of ['GET', 'DELETE']) {
      const answer = await connection.request(method, `/tasks/${wrong}`);
      problem(answer, 404);
      bodies.add(answer.body);
    }
  }
  assert.equal(bodies.size, 1);
  connection.drop();
  const hex = Array.from(url, (char) => (char === '/' ? '/' : `%${char.charCodeAt(0).toString(16)}`)).join(
    '',
  );
  for (const same of [`${url}?a=b`, url.replace('-', '%2D'), hex, `http://localhost${hex}`]) {
    assert.deepEqual([(await status(same))['id'], (await status(same))['state']], [key, 'queued']);
  }
  await release();
});

test('a task that ended long ago is 404', async () => {
  const url = acceptedAt(await ask('POST', '/measure', 'a'));
  await app.ended(url);
  const connection = await Connection.open(app.port);
  for (let n = 0; n < 1024; n++) acceptedAt(await connection.request('POST', '/give/nothing'));
  connection.drop();
  await app.rest();
  problem(await ask('GET', url), 404);
  problem(await ask('DELETE', url), 404);
});

for (const [basePath, prefix] of [
  ['/api', '/api'],
  ['/a/b.c-d/%C3%A4/', '/a/b.c-d/%C3%A4'],
  ['/', ''],
] as const) {
  test(`with the base path '${basePath}' the URL of a task is right behind a proxy that strips it`, async (t) => {
    const own = await Application.start(t, basePath);
    const accepted = await request(own.port, 'POST', '/measure', { body: 'a b' });
    const { pathname } = new URL(accepted.headers['location'] ?? '', `http://localhost${prefix}/measure`);
    assert.ok(pathname.startsWith(`${prefix}/tasks/`), pathname);
    assert.equal((await own.ended(pathname.slice(prefix.length)))['state'], 'succeeded');
  });
}

test('a base path that is none is refused', () => {
  const near = [
    'api',
    '//evil.example',
    '/a//b',
    'http://a/b',
    '/a?b',
    '/a#b',
    '/a b',
    '/a\r\nX: y',
    '/%',
    '/ä',
  ];
  for (const basePath of [...near, '\\a', 5, null, {}]) {
    const message = `Expected \`basePath\` to be a path such as /api, got ${JSON.stringify(basePath)}`;
    const refusal = { name: 'RangeError', message };
    assert.throws(() => new TaskResource({} as Queue, basePath as string), refusal);
  }
});

// ── A full queue ───────────────────────────────────────────────────────────────────────────────────────────────────

test('with 32 queued and 1 running the next request waits, and is accepted when there is room', async (t) => {
  const release = await app.block(t);
  for (let n = 0; n < CAPACITY; n++) {
    const start = performance.now();
    acceptedAt(await ask('POST', '/measure', 'a'));
    assert.ok(performance.now() - start < AT_ONCE_MS);
  }
  assert.equal(app.open.length, CAPACITY + 1);
  const waiting = ask('POST', '/measure', 'a b');
  await until(() => app.waiting === 1);
  await release();
  const { state, result } = await app.ended(acceptedAt(await waiting));
  assert.deepEqual([state, result], ['succeeded', { units: 3, bytes: 3 }]);
});

test('a queue that stays full for 1 s is 503, other requests are answered meanwhile', async (t) => {
  const release = await app.fill(t);
  const before = app.open;
  const start = performance.now();
  const refused = ask('POST', '/hold');
  const crowd = Array.from({ length: 50 }, () => ask('POST', '/measure', 'a'));
  await until(() => app.waiting > 0);
  for (let n = 0; n < 5; n++) {
    const asked = performance.now();
    text(await ask('GET', '/'), 200, 'Hello, world!');
    text(await ask('GET', '/readyz'), 200, 'ok');
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

test('a client that leaves while it waits for room queues nothing', async (t) => {
  const release = await app.fill(t);
  const before = app.open;
  const leave: ((connection: Connection) => unknown)[] = [
    (connection) => connection.drop(),
    (connection) => connection.socket.resetAndDestroy(),
    (connection) => connection.socket.end(),
  ];
  for (const away of leave) {
    const connection = await Connection.open(app.port);
    const start = performance.now();
    await connection.send('POST /hold HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => app.waiting === 1);
    away(connection);
    await until(() => app.waiting === 0);
    const ms = performance.now() - start;
    assert.ok(ms < 1000, `forgotten after ${ms} ms: it was not noticed, but timed out`);
    connection.drop();
  }
  assert.deepEqual(app.open, before);
  await release();
});

test('clients that wait for room are accepted in the order in which they came', async (t) => {
  const release = await app.fill(t);
  const waiting: Promise<Answer>[] = [];
  for (let n = 1; n <= 20; n++) {
    waiting.push(ask('POST', '/measure', 'x'.repeat(n)));
    await until(() => app.waiting === n);
  }
  await release();
  const views = await Promise.all((await Promise.all(waiting)).map((each) => app.ended(acceptedAt(each))));
  const starts = views.map(({ started }) => Date.parse(String(started)));
  assert.deepEqual(
    starts,
    [...starts].sort((a, b) => a - b),
  );
});

// ── When the runtime is not well ───────────────────────────────────────────────────────────────────────────────────

test('while the worker thread keeps dying, /healthz and /readyz are 503', async (t) => {
  t.mock.method(console, 'error', () => {});
  const own = await Application.start(t);
  text(await request(own.port, 'GET', '/healthz'), 200, 'ok');
  for (let deaths = 0; deaths < 2; deaths++) {
    const replaced = once(process, 'worker');
    await own.enqueue(tasks.die());
    if (deaths === 0) await replaced;
  }
  await until(() => own.queue.failing);
  for (const path of ['/healthz', '/readyz']) {
    const answer = await request(own.port, 'GET', path);
    problem(answer, 503);
    assert.equal(answer.headers['retry-after'], '1');
  }
  const url = acceptedAt(await request(own.port, 'POST', '/measure', { body: 'a' }));
  assert.equal((await own.ended(url))['state'], 'succeeded');
});

test('while draining, tasks are refused, statuses are read, and connections are closed', async (t) => {
  const own = await Application.start(t);
  const release = await own.block(t);
  const url = acceptedAt(await request(own.port, 'POST', '/measure', { body: 'a b' }));
  for (let n = 1; n < CAPACITY; n++) await own.enqueue(tasks.give('nothing'));
  const waiting = request(own.port, 'POST', '/measure', { body: 'c' });
  await until(() => own.waiting === 1);
  const drained = own.queue.drain({});
  assert.equal(problem(await waiting, 503), 'The server is going down');
  for (const [method, target] of [
    ['POST', '/hold'],
    ['GET', '/hold'],
    ['GET', '/readyz'],
  ] as const) {
    const answer = await request(own.port, method, target);
    problem(answer, 503);
    assert.deepEqual([answer.headers['retry-after'], answer.headers['connection']], ['1', 'close']);
  }
  text(await request(own.port, 'GET', '/healthz'), 200, 'ok');
  assert.equal(JSON.parse((await request(own.port, 'GET', url)).body).state, 'queued');
  await release();
  assert.deepEqual((await own.ended(url))['result'], { units: 3, bytes: 3 });
  const { finished, unfinished } = await drained;
  assert.deepEqual([finished.length, unfinished.length], [CAPACITY + 1, 0]);
});
