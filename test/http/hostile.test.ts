/**
 * Clients that mean harm, or know no better. Whatever they do, the server answers the next request at once, no
 * connection is left open, and nothing is queued that was not asked for.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, Connection, problem, text } from '../support/connection.js';
import { until } from '../support/wait.js';
import { Application } from './support/application.js';

const app = await Application.start();
const opened: Connection[] = [];

async function answers(): Promise<void> {
  const start = performance.now();
  text(await app.ask('GET', '/'), 200, 'Hello, world!');
  assert.ok(performance.now() - start < 5000); // the clients are in its thread; else it takes 1 ms
}

/** Resolves when the server has no connection left, though a client may keep its side open. */
async function alone({ server }: Application = app): Promise<void> {
  const left = () => new Promise<number>((resolve) => server.getConnections((_error, n) => resolve(n)));
  for (const end = performance.now() + 5000; (await left()) > 0; await sleep(1))
    assert.ok(performance.now() < end, 'connections left open');
}

afterEach(async () => {
  for (const { socket } of opened.splice(0)) socket.destroy();
  await answers();
  await alone();
  await app.rest();
});

/** Ways to leave. */
const LEAVE = ['destroy', 'resetAndDestroy', 'end'] as const;

/** Sends the bytes on a connection of its own, which is not closed on its side before the test ends. */
async function sent(bytes: string, to = app): Promise<Connection> {
  const connection = await Connection.open(to.port, bytes);
  opened.push(connection);
  return connection;
}

const START = 'POST /measure HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na';
const HELLO = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const get = (headers: string, target = '/') => `GET ${target} HTTP/1.1\r\n${headers}\r\n\r\n`;
const count = (headers: string, body = '') =>
  `POST /measure HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;
const chunked = (body: string) => count('Transfer-Encoding: chunked', body);
const CHUNK = '3\r\nabc\r\n0\r\n\r\n';

/** What is sent, and the statuses of the answers: 400 unless said otherwise. */
const REQUESTS: Record<string, readonly [bytes: string, ...statuses: number[]]> = {
  'a content length and chunks': [count('Content-Length: 3\r\nTransfer-Encoding: chunked', CHUNK)],
  'two content lengths': [count('Content-Length: 3\r\nContent-Length: 4', 'abcd')],
  'a content length with a sign': [count('Content-Length: +3', 'abc')],
  'chunks that are encoded again': [count('Transfer-Encoding: chunked, gzip', 'abc')],
  'chunks of what is encoded': [count('Transfer-Encoding: gzip, chunked', CHUNK), 501],
  'a chunk that is longer than its size': [chunked('3\r\nabcd\r\n0\r\n\r\n')],
  'a chunk extension without end': [chunked(`3;${'x'.repeat(20_000)}`)],
  'bare line feeds between chunks': [chunked('3\nabc\n0\n\n')],
  'a TLS handshake': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  'the HTTP/2 preface': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'a method that HTTP does not know': ['FETCH / HTTP/1.1\r\nHost: a\r\n\r\n'],
  'a space in the target': [get('Host: a', '/ a')],
  'a NUL in a header': [get('Host: a\r\nX: a\0b')],
  'a space before the colon': [get('Host: a\r\nContent-Length : 3')],
  'a bare carriage return': [get('Host: a\r\nX: a\rY: b')],
  'no Host': ['GET / HTTP/1.1\r\n\r\n'],
  'the same Host twice': [get('Host: a\r\nX: 1\r\nhost: a')],
  'a Host that is a URL': [get('Host: http://a/')],
  'a Host with a user': [get('Host: a@b')],
  'headers that are too large together': [get(`Host: a${'\r\nX: abcdef'.repeat(3000)}`), 431],
  'a URL without end': [`GET /${'a'.repeat(100_000)}`, 431],
  'a valid request before a malformed one': [`${HELLO}noise\r\n\r\n`, 200, 400],
  'HTTP/1.0': ['GET / HTTP/1.0\r\n\r\n', 200],
  'a header of 16,000 bytes': [get(`Host: a\r\nX: ${'a'.repeat(16_000)}`), 200],
  'an expectation that nobody can meet': [count('Expect: miracles\r\nContent-Length: 3', 'abc'), 417],
  'CONNECT with a request behind it': [`CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n${START}`, 405],
  'CONNECT behind a request': [`${HELLO}CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n`, 200, 405],
  'an upgrade to WebSocket': [get('Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket'), 200],
};

for (const [what, [bytes, ...statuses]] of Object.entries(REQUESTS)) {
  const all = statuses.length === 0 ? [400] : statuses;
  const closes = ![200, 417].includes(all.at(-1) ?? 0) || bytes.includes('HTTP/1.0');
  test(`${what}: ${all.join(', ')}${closes ? ', and the connection is closed' : ''}`, async () => {
    const connection = await sent(bytes);
    let last: Answer | undefined;
    for (const status of all) {
      last = await connection.answer();
      if (status === 200) text(last, 200, 'Hello, world!');
      else problem(last, status);
    }
    if (!closes) return text(await connection.request('GET', '/'), 200, 'Hello, world!');
    assert.equal(last?.headers['connection'], 'close');
    if (last.status === 405) assert.equal(last.headers['allow'], 'GET, HEAD, OPTIONS, POST, DELETE');
    await connection.closed;
    await alone(); // though the client keeps its side open
    assert.equal(connection.unread, '');
  });
}

test('a slow client gets 408 wherever it stops, and is hung up on, even if it keeps its side open', async (t) => {
  const own = await Application.start(t);
  Object.assign(own.server, { headersTimeout: 300, requestTimeout: 600, keepAliveTimeout: 100 });
  const idle = await sent(HELLO, own);
  text(await idle.answer(), 200, 'Hello, world!');
  const beginnings = ['', 'G', 'GET / HT', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: a\r\nX:'];
  const slow = [...beginnings, count('Content-Length: 9', 'abc')].map(async (bytes) => {
    const connection = await sent(bytes, own);
    problem(await connection.answer(), 408);
    await connection.closed;
  });
  await Promise.all([idle.closed, ...slow]);
  assert.equal(idle.unread, '');
  await alone(own);
  assert.equal(own.open.length, 0);
});

test('hundreds of requests that are broken off anywhere leave nothing behind, and are no matter for the log', async (t) => {
  const log = t.mock.method(console, 'error', () => {});
  await app.fill();
  const before = app.open;
  const tunnel = `CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n${'x'.repeat(10_000)}`;
  const uploads = [count('Content-Length: 60000', 'a'.repeat(20_000)), chunked('3e8\r\nabc')];
  for (let n = 0; n < 100; n++) {
    const all = ['', 'POST /hold HT', START, START + START, tunnel, ...uploads].map((bytes) => sent(bytes));
    for (const [each, { socket }] of (await Promise.all(all)).entries())
      socket[LEAVE[(n + each) % LEAVE.length] ?? 'end']();
    if (n % 20 === 0) await answers();
  }
  await alone();
  await until(() => app.waiting === 0);
  assert.deepEqual([app.open, log.mock.callCount()], [before, 0]);
  await app.rest();
  await app.fill(); // there is room for as many as before
});

test('requests that wait for room queue nothing when their client leaves, or goes on with noise', async () => {
  await app.fill();
  const before = app.open;
  for (const leave of [...LEAVE, 'noise'] as const) {
    const start = performance.now();
    const requests = leave === 'destroy' ? 10 : 1;
    const connection = await sent(START.repeat(requests));
    await until(() => app.waiting === requests);
    if (leave === 'noise') await connection.send('noise\r\n\r\n');
    else connection.socket[leave]();
    await until(() => app.waiting === 0);
    const ms = performance.now() - start;
    assert.ok(ms < 1000, `forgotten after ${ms} ms: they were not noticed, but timed out`);
    if (leave === 'noise') problem(await connection.answer(), 400);
  }
  assert.deepEqual(app.open, before);
});
