/** The admin address: who may ask, what it tells, and that the public address tells none of it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { startAdmin } from '#admin';
import { Events } from '#admin/events';
import { refuseOthers } from '#admin/guard';
import { Problem } from '#http';
import { runTask, type TaskRecord } from '#runtime';
import { tasks } from './fixtures/http-tasks.js';
import { Application } from './support/application.js';
import { problem, type RequestOptions, request } from './support/connection.js';
import { ServerProcess } from './support/server-process.js';

let app: Application;
let port: number;

before(async () => {
  app = await Application.start();
  port = portOf(await startAdmin(app, { ADMIN_PORT: '0' }));
});
after(() => app.stop());

function portOf(place: string | undefined): number {
  return Number(/^admin page on http:\/\/127\.0\.0\.1:(\d+)$/.exec(place ?? '')?.[1]);
}

function ask(method: string, target: string, headers: RequestOptions['headers'] = {}) {
  return request(port, method, target, { headers: { host: `127.0.0.1:${port}`, ...headers } });
}

async function run(task: ReturnType<typeof tasks.give>): Promise<TaskRecord> {
  const handle = await runTask(task, app.tx);
  await handle.finished().catch(() => {});
  const record = handle.status();
  assert.ok(record);
  return record;
}

/** The snapshots, as they come. */
async function* watch(t: TestContext): AsyncGenerator<Record<string, unknown> & { time: number }> {
  const asked = get({ port, path: '/events' });
  t.after(() => asked.destroy());
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data !== undefined) yield JSON.parse(data);
    }
  }
}

test('Whoever names the address by another name is refused, on every path', async () => {
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1',
    '127.0.0.1:1',
    `127.0.0.2:${port}`,
    '',
  ])
    for (const target of ['/', '/events', '/metrics', '/tasks/0', '/nothing'])
      problem(await ask('GET', target, { host }), 403);
  problem(await ask('OPTIONS', '/', { host: 'evil.example' }), 403);
  for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `127.0.0.1:${port}`])
    assert.equal((await ask('GET', '/', { host })).status, 200);
});

test('Port 80 need not be named', () => {
  const from = (host: string, localPort: number) =>
    ({ headers: { host }, socket: { localAddress: '127.0.0.1', localPort } }) as never;
  const refuse = refuseOthers('127.0.0.1');
  for (const host of ['127.0.0.1', '127.0.0.1:80', 'localhost']) refuse(from(host, 80));
  assert.throws(() => refuse(from('evil.example', 80)), Problem);
  assert.throws(() => refuse(from('127.0.0.1', 8001)), Problem);
});

test('What another site asks for is refused', async () => {
  const own = `http://127.0.0.1:${port}`;
  for (const origin of ['null', 'http://127.0.0.1', `https://127.0.0.1:${port}`, `http://localhost:${port}`])
    problem(await ask('DELETE', '/tasks/0', { origin }), 403);
  for (const site of ['cross-site', 'same-site', 'other'])
    problem(await ask('GET', '/', { 'sec-fetch-site': site }), 403);
  for (const site of ['none', 'same-origin'])
    assert.equal((await ask('GET', '/', { origin: own, 'sec-fetch-site': site })).status, 200);
});

test('The public address tells nothing of it', async () => {
  for (const target of ['/events', '/metrics']) problem(await request(app.port, 'GET', target), 404);
  assert.doesNotMatch((await request(app.port, 'GET', '/')).body, /<html/);
  const { id } = await run(tasks.give(''));
  for (const method of ['GET', 'DELETE']) problem(await request(app.port, method, `/tasks/${id}`), 404);
  assert.equal((await ask('GET', `/tasks/${id}`)).status, 200);
});

test('The page loads nothing from anywhere, and its policy lets it', async () => {
  const { headers, body } = await ask('GET', '/');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.match(
    headers['content-security-policy'] ?? '',
    /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; connect-src 'self'; /,
  );
  assert.doesNotMatch(body, /https?:\/\/(?!www\.w3\.org\/2000\/svg)|\bimport\b|@import|innerHTML| style="/);
  assert.equal(body.match(/<script/g)?.length, 1);
});

test('A task is shown with what came of it, and can be cancelled', async (t) => {
  const given = JSON.parse((await ask('GET', `/tasks/${(await run(tasks.give('x'))).id}`)).body);
  assert.deepEqual([given.name, given.state, given.error], ['give', 'succeeded', undefined]);
  const failed = JSON.parse((await ask('GET', `/tasks/${(await run(tasks.fail('plain'))).id}`)).body);
  assert.equal(failed.state, 'failed');
  assert.equal(typeof failed.error, 'object');
  problem(await ask('DELETE', `/tasks/${given.id}`), 409);
  problem(await ask('DELETE', '/tasks/999'), 404);
  for (const none of ['x', '', '1.5', '-1', '0x1']) problem(await ask('GET', `/tasks/${none}`), 404);
  const blockade = await app.block(t);
  const queued = await runTask(tasks.give(''), app.tx);
  const answer = await ask('DELETE', `/tasks/${queued.id}`);
  assert.deepEqual([answer.status, JSON.parse(answer.body).state], [200, 'cancelled']);
  const [running] = app.ledger.running();
  assert.equal((await ask('DELETE', `/tasks/${running}`)).status, 202);
  await blockade.end();
});

test('An event has all of the present, at once and then a few times a second', async (t) => {
  const blockade = await app.fill(t);
  const late = runTask(tasks.give(''), app.tx);
  const times: number[] = [];
  for await (const now of watch(t)) {
    times.push(now.time);
    const { capacity, depth, waiting, worker, running } = now;
    assert.deepEqual(
      { capacity, depth, waiting, worker },
      { capacity: 32, depth: 32, waiting: 1, worker: 'running' },
    );
    assert.deepEqual(running, app.ledger.running());
    if (times.length === 3) break;
  }
  const [first = 0, , third = 0] = times;
  assert.ok(third - first >= 250, `three events in ${third - first} ms`);
  await blockade.end();
  await late;
});

test('The metrics have the counts, in the format of Prometheus', async (t) => {
  const text = async () => (await ask('GET', '/metrics')).body;
  await run(tasks.give('x'));
  const counted = (body: string) =>
    Number(/^async_tasks_ended_total\{task="give",state="succeeded"\} (\d+)$/m.exec(body)?.[1]);
  const before = counted(await text());
  await run(tasks.give('x'));
  const body = await text();
  assert.equal(counted(body), before + 1);
  for (const line of body.trimEnd().split('\n'))
    assert.match(line, /^(# (HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+(\{([a-z]+="[^"]*",?)+\})? -?[\d.e+-]+)$/);
  const buckets = [...body.matchAll(/^async_tasks_run_seconds_bucket\{task="give",le="(.*)"\} (\d+)$/gm)];
  const numbers = buckets.map(([, , count]) => Number(count));
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  assert.equal(buckets.at(-1)?.[1], '+Inf');
  const count = Number(/^async_tasks_run_seconds_count\{task="give"\} (\d+)$/m.exec(body)?.[1]);
  assert.equal(numbers.at(-1), count);
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
  if (checked.error !== undefined)
    t.diagnostic('promtool is not installed: the format was not checked by it');
  else assert.deepEqual([checked.status, checked.stderr], [0, '']);
});

class Reader extends EventEmitter {
  readonly events: string[] = [];
  writableLength = 0;
  destroyed = false;

  writeHead(): void {}

  write(text: string): void {
    this.events.push(text);
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  open(events: Events): void {
    events.open({ method: 'GET' } as IncomingMessage, this as unknown as ServerResponse);
  }
}

test('Nothing is read while nobody watches, and once for all who do', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let looks = 0;
  const seen: string[] = [];
  const source = {
    start: () => seen.push('start'),
    stop: () => seen.push('stop'),
    snapshot: () => ({ looks: ++looks }),
  };
  const events = new Events(source);
  t.mock.timers.tick(1000);
  assert.equal(looks, 0);
  const [one, two] = [new Reader(), new Reader()];
  one.open(events);
  two.open(events);
  t.mock.timers.tick(1000);
  assert.equal(looks, 2 + 4);
  assert.equal(one.events.at(-1), two.events.at(-1));
  one.destroy();
  t.mock.timers.tick(250);
  two.destroy();
  t.mock.timers.tick(1000);
  assert.deepEqual([looks, seen], [7, ['start', 'stop']]);
  two.open(events);
  assert.equal(two.events.at(-1), 'retry: 1000\ndata: {"looks":8}\n\n');
});

test('A slow reader has one event on its way, misses the others, and is dropped in the end', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const events = new Events({ start() {}, stop() {}, snapshot: () => ({}) });
  const [slow, quick] = [new Reader(), new Reader()];
  slow.open(events);
  quick.open(events);
  slow.writableLength = 1;
  t.mock.timers.tick(5000);
  assert.deepEqual([slow.events.length, slow.destroyed, quick.events.length], [1, false, 21]);
  slow.writableLength = 0;
  t.mock.timers.tick(250);
  assert.equal(slow.events.length, 2);
  slow.writableLength = 1;
  t.mock.timers.tick(10_500);
  assert.deepEqual([slow.events.length, slow.destroyed, quick.destroyed], [2, true, false]);
});

// ── The address ────────────────────────────────────────────────────────────────────────────────────────────────────

test('A port in use is one line, and no reason not to serve', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const taken = (other.address() as AddressInfo).port;
  const server = await ServerProcess.start(t, { ADMIN_PORT: String(taken) });
  assert.equal((await request(server.port, 'GET', '/healthz')).status, 200);
  assert.match(await server.err.seen(/./), /^no admin page: Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  assert.equal(server.err.all.length, 1);
  assert.match(await server.out.seen(/^listening/), /^listening on [^ ,]+$/);
});

test('The line of the start names it, and an empty ADMIN_PORT leaves it out', async (t) => {
  const server = await ServerProcess.start(t, { ADMIN_PORT: '0', ADMIN_HOST: '[::1]' });
  const line = await server.out.seen(/^listening/);
  assert.match(line, /^listening on http:\/\/127\.0\.0\.1:\d+, admin page on http:\/\/\[::1\]:\d+$/);
  const off = await ServerProcess.start(t, { ADMIN_PORT: '' });
  assert.match(await off.out.seen(/^listening/), /^listening on [^ ,]+$/);
});

test('What is no port is one line, and nothing starts', async (t) => {
  const server = new ServerProcess(t, { ADMIN_PORT: 'x' });
  assert.equal(await server.exited, 1);
  assert.deepEqual(server.err.all, ['Expected ADMIN_PORT to be a number from 0 to 65535, got "x"']);
});

test('The page stays while the server drains, and does not keep it', async (t) => {
  const server = await ServerProcess.start(t, { ADMIN_PORT: '0' });
  const admin = Number(/:(\d+)$/.exec(await server.out.seen(/^listening/))?.[1]);
  const asked = get({ port: admin, path: '/events' });
  asked.on('error', () => {}); // the process is gone
  await once(asked, 'response');
  server.child.kill('SIGTERM');
  assert.equal(await server.exited, 0);
});
