/** The admin address: its guard, its answers and its events, in front of a runtime without threads. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { startAdmin } from '#admin';
import { type Headers, problem, request } from '../support/connection.js';
import { FakeRuntime } from './fake.js';

async function start() {
  const runtime = new FakeRuntime();
  const place = await startAdmin({ runtime }, { ADMIN_PORT: '0' });
  const port = Number(/^admin page on http:\/\/127\.0\.0\.1:(\d+)$/.exec(place ?? '')?.[1]);
  const ask = (method: string, target: string, headers: Headers = {}) =>
    request(port, method, target, { headers: { host: `127.0.0.1:${port}`, ...headers } });
  return { runtime, port, ask };
}

/** Opens the events. The answer's body is not read before `nextEvent`. */
async function watch(port: number): Promise<IncomingMessage> {
  const [response] = await once(get({ port, path: '/events', agent: false }), 'response');
  return response.setEncoding('utf8').on('error', () => {}); // a reader that is dropped
}

async function nextEvent(reader: IncomingMessage) {
  let text = '';
  while (!text.endsWith('\n\n')) {
    const chunk: string | null = reader.read();
    if (chunk === null) await once(reader, 'readable');
    else text += chunk;
  }
  return JSON.parse(text.replace(/^.*?data: /s, ''));
}

test('Another name than the address has, and a request from another site, is refused on every path', async () => {
  const { runtime, port, ask } = await start();
  const id = runtime.enqueue('give');
  const other = ['evil.example', `evil.example:${port}`, `127.0.0.2:${port}`, '[::1]', ''];
  const origins = ['null', 'http://127.0.0.1', `https://127.0.0.1:${port}`, `http://localhost:${port}`];
  for (const headers of [
    ...other.map((host) => ({ host })),
    ...origins.map((origin) => ({ origin })),
    ...['cross-site', 'same-site', 'other'].map((site) => ({ 'sec-fetch-site': site })),
  ])
    for (const way of ['GET /', 'GET /events', 'GET /nothing', 'OPTIONS /', `DELETE /tasks/${id}`]) {
      const [method = '', target = ''] = way.split(' ');
      problem(await ask(method, target, headers), 403);
    }
  assert.equal(runtime.task(id)?.status().state, 'queued');
  for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `127.0.0.1:${port}`])
    for (const site of ['none', 'same-origin']) {
      const { status } = await ask('GET', '/', { host, origin: `http://${host}`, 'sec-fetch-site': site });
      assert.equal(status, 200);
    }
});

test('The page loads nothing, and its policy allows its own style and script by their hashes', async () => {
  const { headers, body } = await (await start()).ask('GET', '/');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  const policy =
    /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; connect-src 'self'; /;
  assert.match(`${headers['content-security-policy']}`, policy);
  assert.doesNotMatch(body, /https?:|\bimport\b|@import|innerHTML| style="/);
  assert.equal(body.match(/<script/g)?.length, 1);
});

test('A task is shown with its result or its error, and cancelled while it has not ended', async () => {
  const { runtime, ask } = await start();
  const given = runtime.run('give', { words: 3 });
  const failed = runtime.run('fail', new TypeError('no words'), 'failed');
  const [running, queued] = [runtime.enqueue('hold'), runtime.enqueue('hold')];
  runtime.start();
  for (const [method, id, status, shown] of [
    ['GET', given, 200, { task: 'give', state: 'succeeded', result: { words: 3 } }],
    ['GET', failed, 200, { state: 'failed', error: { name: 'TypeError', message: 'no words' } }],
    ['DELETE', running, 202, { state: 'running', cancelRequested: true }],
    ['DELETE', queued, 200, { state: 'cancelled' }],
  ] as const) {
    const answer = await ask(method, `/tasks/${id}`);
    assert.equal(answer.status, status);
    const view = JSON.parse(answer.body);
    assert.deepEqual({ ...view, ...shown }, view);
  }
  problem(await ask('DELETE', `/tasks/${given}`), 409);
  for (const none of ['999', 'x', '', '1.5', '-1', '0x1'])
    for (const method of ['GET', 'DELETE']) problem(await ask(method, `/tasks/${none}`), 404);
});

test('The metrics count the tasks by name and state, in the format of Prometheus', async () => {
  const { runtime, ask } = await start();
  runtime.run('give');
  runtime.run('give', new Error('no'), 'failed');
  runtime.run('say "\\"\n');
  runtime.enqueue('hold');
  runtime.die('exit code 3');
  const { body, headers } = await ask('GET', '/metrics');
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  for (const line of [
    'async_tasks_ended_total{task="give",state="failed"} 1',
    'async_tasks_ended_total{task="say \\"\\\\\\"\\n",state="succeeded"} 1',
    'async_tasks_run_seconds_bucket{task="give",le="+Inf"} 2',
    'async_tasks_wait_seconds_count{task="give"} 2',
    'async_tasks_queue_depth 1',
    'async_tasks_queue_capacity 32',
    'async_tasks_worker_up 1',
    'async_tasks_worker_restarts_total 1',
  ])
    assert.ok(body.split('\n').includes(line), line);
});

test('An event has all of the present: at once, then four times a second, made once for all who watch', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { runtime, port } = await start();
  const old = runtime.enqueue('hold');
  runtime.start();
  for (let n = 0; n < 120; n++) runtime.enqueue('give');
  runtime.waiting = 2;
  runtime.die('exit code 3');
  t.mock.timers.tick(1000);
  assert.equal(runtime.looks, 0);
  const readers = [await watch(port), await watch(port)];
  for (const reader of readers) {
    const { tasks, deaths, ...now } = await nextEvent(reader);
    assert.deepEqual([tasks.length, tasks.at(-1).id, deaths[0].cause], [101, old, 'exit code 3']);
    const { capacity, queued, waiting, running, enqueued, worker, restarts } = now;
    assert.deepEqual([capacity, queued, waiting, running, enqueued], [32, 120, 2, [old], 121]);
    assert.deepEqual([worker, restarts], ['running', 1]);
  }
  runtime.ending = true;
  t.mock.timers.tick(250);
  for (const reader of readers) assert.equal((await nextEvent(reader)).worker, 'draining');
  assert.equal(runtime.looks, 3);
  for (const reader of readers) reader.destroy();
  for (let before = 0; runtime.looks > before; await setImmediate()) {
    before = runtime.looks; // until nobody watches any more
    t.mock.timers.tick(250);
  }
});

test('A slow reader misses events', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { runtime, port } = await start();
  runtime.enqueue('x'.repeat(6 * 1024 * 1024)); // more than the sockets hold
  const reader = await watch(port);
  t.mock.timers.tick(40 * 250);
  assert.equal((await nextEvent(reader)).queued, 1);
  runtime.enqueue('give');
  t.mock.timers.tick(250);
  assert.equal((await nextEvent(reader)).queued, 2);
  reader.destroy();
});

test('ADMIN_HOST and ADMIN_PORT say where it listens, if at all; a port in use is a line in the log, and no error', async (t) => {
  const { runtime, port } = await start();
  const place = await startAdmin({ runtime }, { ADMIN_PORT: '0', ADMIN_HOST: '::1' });
  assert.match(place ?? '', /^admin page on http:\/\/\[::1\]:\d+$/);
  assert.equal(await startAdmin({ runtime }, { ADMIN_PORT: '' }), undefined);
  const message = 'Expected ADMIN_PORT to be a number from 0 to 65535, got "x"';
  await assert.rejects(startAdmin({ runtime }, { ADMIN_PORT: 'x' }), { message });
  const log = t.mock.method(console, 'error', () => {});
  assert.equal(await startAdmin({ runtime }, { ADMIN_PORT: `${port}` }), undefined);
  const line = /^no admin page: Cannot listen: .*EADDRINUSE.*$/;
  assert.match(String(log.mock.calls[0]?.arguments[0]), line);
});
