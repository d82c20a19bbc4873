/** The admin address: its guard, its answers and its events, in front of a runtime without threads. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startAdmin } from '#admin';
import { type Answer, problem, type RequestOptions, request } from '../support/connection.js';
import { FakeRuntime } from './fake.js';

type Ask = (method: string, target: string, headers?: RequestOptions['headers']) => Promise<Answer>;

async function start(): Promise<{ runtime: FakeRuntime; port: number; ask: Ask }> {
  const runtime = new FakeRuntime();
  const place = await startAdmin({ runtime }, { ADMIN_PORT: '0' });
  const port = Number(/^admin page on http:\/\/127\.0\.0\.1:(\d+)$/.exec(place ?? '')?.[1]);
  const ask: Ask = (method, target, headers) =>
    request(port, method, target, { headers: { host: `127.0.0.1:${port}`, ...headers } });
  return { runtime, port, ask };
}

/** Opens the events. The answer's body is not read before `nextEvent`. */
async function watch(port: number): Promise<IncomingMessage> {
  const [response] = await once(get({ port, path: '/events', agent: false }), 'response');
  return response.setEncoding('utf8').on('error', () => {}); // a reader that is dropped
}

async function nextEvent(reader: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: string[] = [];
  while (!chunks.slice(-2).join('').endsWith('\n\n')) {
    const chunk: string | null = reader.read();
    if (chunk === null) await once(reader, 'readable');
    else chunks.push(chunk);
  }
  const [, data = ''] = chunks.join('').split('data: ');
  return JSON.parse(data);
}

/** Resolves when the server has seen all readers go: it looks at the runtime no more. */
async function leave(
  t: TestContext,
  runtime: FakeRuntime,
  readers: readonly IncomingMessage[],
): Promise<void> {
  for (const reader of readers) reader.destroy();
  for (let before = 0; runtime.looks > before; await setImmediate()) {
    before = runtime.looks;
    t.mock.timers.tick(250);
  }
}

test('Another name than the address has is refused on every path', async () => {
  const { port, ask } = await start();
  const others = [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1',
    '127.0.0.1:1',
    `127.0.0.2:${port}`,
    '',
  ];
  for (const host of others)
    for (const target of ['/', '/events', '/metrics', '/tasks/0', '/nothing'])
      problem(await ask('GET', target, { host }), 403);
  problem(await ask('OPTIONS', '/', { host: 'evil.example' }), 403);
  for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `127.0.0.1:${port}`])
    assert.equal((await ask('GET', '/', { host })).status, 200);
});

test('A request from another site is refused', async () => {
  const { runtime, port, ask } = await start();
  const id = runtime.enqueue('give');
  const own = `http://127.0.0.1:${port}`;
  for (const origin of ['null', 'http://127.0.0.1', `https://127.0.0.1:${port}`, `http://localhost:${port}`])
    problem(await ask('DELETE', `/tasks/${id}`, { origin }), 403);
  for (const site of ['cross-site', 'same-site', 'other'])
    problem(await ask('GET', '/', { 'sec-fetch-site': site }), 403);
  for (const site of ['none', 'same-origin'])
    assert.equal((await ask('GET', '/', { origin: own, 'sec-fetch-site': site })).status, 200);
  assert.equal(runtime.task(id)?.status().state, 'queued');
});

test('The page loads nothing, and its policy allows its own style and script by their hashes', async () => {
  const { headers, body } = await (await start()).ask('GET', '/');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.match(
    headers['content-security-policy'] ?? '',
    /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; connect-src 'self'; /,
  );
  assert.doesNotMatch(body, /https?:|\bimport\b|@import|innerHTML| style="/);
  assert.equal(body.match(/<script/g)?.length, 1);
});

test('A task is shown with its result or its error, and cancelled while it has not ended', async () => {
  const { runtime, ask } = await start();
  const given = runtime.run('give', { words: 3 });
  const failed = runtime.run('fail', new TypeError('no words'), 'failed');
  const [running, queued] = [runtime.enqueue('hold'), runtime.enqueue('hold')];
  runtime.start();
  const shown = async (method: string, id: number) => JSON.parse((await ask(method, `/tasks/${id}`)).body);
  const { name, state, result } = await shown('GET', given);
  assert.deepEqual([name, state, result], ['give', 'succeeded', { words: 3 }]);
  assert.deepEqual((await shown('GET', failed)).error, { name: 'TypeError', message: 'no words' });
  problem(await ask('DELETE', `/tasks/${given}`), 409);
  for (const none of ['999', 'x', '', '1.5', '-1', '0x1'])
    for (const method of ['GET', 'DELETE']) problem(await ask(method, `/tasks/${none}`), 404);
  const [first, second] = [await ask('DELETE', `/tasks/${running}`), await ask('DELETE', `/tasks/${queued}`)];
  assert.deepEqual([first.status, second.status], [202, 200]);
  assert.equal(JSON.parse(first.body).cancelRequested, true);
  assert.equal(JSON.parse(second.body).state, 'cancelled');
});

test('The metrics count the tasks by name and state, in the format of Prometheus', async (t) => {
  const { runtime, ask } = await start();
  const odd = 'say "\\"\n';
  runtime.run('give');
  runtime.run('give', new Error('no'), 'failed');
  runtime.run(odd);
  runtime.enqueue('hold');
  runtime.die('exit code 3');
  const { body, headers } = await ask('GET', '/metrics');
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const values = new Map(
    body.split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), line.split(' ').at(-1)]),
  );
  for (const [name, value] of [
    ['async_tasks_ended_total{task="give",state="succeeded"}', '1'],
    ['async_tasks_ended_total{task="give",state="failed"}', '1'],
    ['async_tasks_ended_total{task="say \\"\\\\\\"\\n",state="succeeded"}', '1'],
    ['async_tasks_run_seconds_bucket{task="give",le="200"}', '2'],
    ['async_tasks_run_seconds_bucket{task="give",le="+Inf"}', '2'],
    ['async_tasks_wait_seconds_count{task="give"}', '2'],
    ['async_tasks_queue_depth', '1'],
    ['async_tasks_queue_capacity', '32'],
    ['async_tasks_queue_waiting', '0'],
    ['async_tasks_running', '0'],
    ['async_tasks_worker_up', '1'],
    ['async_tasks_worker_restarts_total', '1'],
  ])
    assert.equal(values.get(name ?? ''), value, name);
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
  if (checked.error !== undefined) t.diagnostic('promtool is not installed: it did not check the format');
  else assert.deepEqual([checked.status, checked.stderr], [0, '']);
});

test('An event has all of the present: at once, then four times a second', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { runtime, port } = await start();
  const old = runtime.enqueue('hold');
  runtime.start();
  for (let n = 0; n < 120; n++) runtime.enqueue('give');
  runtime.waiting = 2;
  runtime.die('exit code 3');
  const reader = await watch(port);
  const { tasks, deaths, ...now } = await nextEvent(reader);
  assert.equal((tasks as unknown[]).length, 101);
  assert.deepEqual((tasks as { id: number }[]).at(-1)?.id, old);
  assert.equal((deaths as { cause: string }[])[0]?.cause, 'exit code 3');
  const { capacity, queued, waiting, running, enqueued, worker, restarts } = now;
  assert.deepEqual([capacity, queued, waiting, running, enqueued], [32, 120, 2, [old], 121]);
  assert.deepEqual([worker, restarts], ['running', 1]);
  runtime.ending = true;
  t.mock.timers.tick(250);
  assert.equal((await nextEvent(reader))['worker'], 'draining');
  await leave(t, runtime, [reader]);
});

test('The runtime is read only while somebody watches, and once for all readers', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { runtime, port } = await start();
  t.mock.timers.tick(1000);
  assert.equal(runtime.looks, 0);
  const readers = [await watch(port), await watch(port)];
  for (const reader of readers) await nextEvent(reader);
  assert.equal(runtime.looks, 2);
  t.mock.timers.tick(1000);
  assert.equal(runtime.looks, 6);
  await leave(t, runtime, readers);
});

test('A slow reader misses events, and is dropped if it does not read for ten seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { runtime, port } = await start();
  runtime.enqueue('x'.repeat(6 * 1024 * 1024)); // more than the sockets hold
  const reader = await watch(port);
  t.mock.timers.tick(40 * 250);
  assert.equal((await nextEvent(reader))['queued'], 1);
  runtime.enqueue('give');
  t.mock.timers.tick(250);
  assert.equal((await nextEvent(reader))['queued'], 2);
  t.mock.timers.tick(42 * 250);
  reader.resume();
  await assert.rejects(once(reader, 'close'), { message: 'aborted' });
});

test('ADMIN_HOST and ADMIN_PORT say where it listens; an empty port leaves it out, a wrong one is an error', async () => {
  const runtime = new FakeRuntime();
  assert.match(
    (await startAdmin({ runtime }, { ADMIN_PORT: '0', ADMIN_HOST: '[::1]' })) ?? '',
    /^admin page on http:\/\/\[::1\]:\d+$/,
  );
  assert.equal(await startAdmin({ runtime }, { ADMIN_PORT: '' }), undefined);
  await assert.rejects(startAdmin({ runtime }, { ADMIN_PORT: 'x' }), {
    message: 'Expected ADMIN_PORT to be a number from 0 to 65535, got "x"',
  });
});

test('A port in use is one line in the log, and no error', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const log = t.mock.method(console, 'error', () => {});
  const { port } = other.address() as AddressInfo;
  assert.equal(await startAdmin({ runtime: new FakeRuntime() }, { ADMIN_PORT: String(port) }), undefined);
  assert.equal(log.mock.callCount(), 1);
  assert.match(
    String(log.mock.calls[0]?.arguments[0]),
    /^no admin page: Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
  );
});

test('It does not keep a process alive', async () => {
  const program = `const { startAdmin } = await import(${JSON.stringify(import.meta.resolve('#admin'))});
    console.log(await startAdmin({ runtime: {} }, { ADMIN_PORT: '0' }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    timeout: 10_000,
  });
  assert.match(stdout, /^admin page on /);
});
