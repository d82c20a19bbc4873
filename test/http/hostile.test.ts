/**
 * Clients that mean harm, or know no better. Whatever they do, the server answers the next request at once, no
 * connection is left open, and nothing is queued that was not asked for.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, acceptedAt, Connection, problem, text } from '../support/connection.js';
import { until } from '../support/wait.js';
import { Application } from './support/application.js';

/** The clients are in the server's own thread here, and the machine may be busy: without a client in its way it is 1 ms. */
const AT_ONCE_MS = 5000;
const FLOOD = 2000;

const app = await Application.start();
let opened: Connection[] = [];

async function answers(): Promise<void> {
  const start = performance.now();
  text(await app.ask('GET', '/'), 200, 'Hello, world!');
  assert.ok(performance.now() - start < AT_ONCE_MS);
}

/** Resolves when the server has no connection left, though a client may keep its side open. */
async function alone({ server }: Application = app): Promise<void> {
  const left = () => new Promise<number>((resolve) => server.getConnections((_error, n) => resolve(n)));
  for (const end = performance.now() + 5000; (await left()) > 0; await sleep(1))
    assert.ok(performance.now() < end, 'connections left open');
}

afterEach(async () => {
  for (const connection of opened) connection.drop();
  opened = [];
  await answers();
  await alone();
  await app.rest();
});

/** Sends the bytes on a connection of its own, which is not closed on its side before the test ends. */
async function sent(bytes: string | Uint8Array, to = app): Promise<Connection> {
  const connection = await Connection.open(to.port);
  opened.push(connection);
  await connection.send(bytes);
  return connection;
}

const START = 'POST /measure HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na';
const HELLO = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const get = (headers: string, target = '/') => `GET ${target} HTTP/1.1\r\n${headers}\r\n\r\n`;
const count = (headers: string, body = '') =>
  `POST /measure HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;
const chunked = (body: string, headers = '') => count(`${headers}Transfer-Encoding: chunked`, body);
const CHUNK = '3\r\nabc\r\n0\r\n\r\n';

/** What is sent, and the statuses of the answers: 400 unless said otherwise. */
const REQUESTS: Record<string, readonly [bytes: string, ...statuses: number[]]> = {
  'a content length and chunks': [chunked(CHUNK, 'Content-Length: 3\r\n')],
  'two content lengths': [count('Content-Length: 3\r\nContent-Length: 4', 'abcd')],
  'a negative content length': [count('Content-Length: -3', 'abc')],
  'a content length with a sign': [count('Content-Length: +3', 'abc')],
  'a content length past 64 bits': [count('Content-Length: 99999999999999999999', 'abc')],
  'an encoding that is not chunks': [count('Transfer-Encoding: gzip', 'abc')],
  'chunks that are encoded again': [count('Transfer-Encoding: chunked, gzip', 'abc')],
  'chunks of what is encoded': [count('Transfer-Encoding: gzip, chunked', CHUNK), 501],
  'chunks of chunks': [chunked(CHUNK, 'Transfer-Encoding: chunked\r\n')],
  'a chunk size that is no number': [chunked('zz\r\nabc\r\n0\r\n\r\n')],
  'a chunk size past 64 bits': [chunked('fffffffffffffffff\r\n')],
  'a chunk that is longer than its size': [chunked('3\r\nabcd\r\n0\r\n\r\n')],
  'a chunk extension without end': [chunked(`3;${'x'.repeat(20_000)}`)],
  'bare line feeds between chunks': [chunked('3\nabc\n0\n\n')],
  noise: ['\x00\x01\x02\xff\xfe noise\r\n\r\n'],
  'a TLS handshake': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  'the HTTP/2 preface': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'another protocol': ['GET / FTP/1.1\r\nHost: a\r\n\r\n'],
  'a method that HTTP does not know': ['FETCH / HTTP/1.1\r\nHost: a\r\n\r\n'],
  'a method in small letters': ['get / HTTP/1.1\r\nHost: a\r\n\r\n'],
  'a method that every object has': ['constructor / HTTP/1.1\r\nHost: a\r\n\r\n'],
  'no target': ['GET HTTP/1.1\r\nHost: a\r\n\r\n'],
  'a space in the target': [get('Host: a', '/ a')],
  'a NUL in the target': [get('Host: a', '/\0')],
  'a NUL in a header': [get('Host: a\r\nX: a\0b')],
  'a space before the colon': [get('Host: a\r\nContent-Length : 3')],
  'a folded first header': [get(' Host: a')],
  'a bare carriage return': [get('Host: a\r\nX: a\rY: b')],
  'no Host': ['GET / HTTP/1.1\r\n\r\n'],
  'two Hosts': [get('Host: a\r\nHost: b')],
  'the same Host twice': [get('Host: a\r\nX: 1\r\nhost: a')],
  'two Hosts in HTTP/1.0': ['GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n'],
  'two Hosts in one line': [get('Host: a, b')],
  'a Host that is a URL': [get('Host: http://a/')],
  'a Host with a user': [get('Host: a@b')],
  'a header that is too large': [get(`Host: a\r\nX: ${'a'.repeat(17_000)}`), 431],
  'headers that are too large together': [get(`Host: a${'\r\nX: abcdef'.repeat(3000)}`), 431],
  'a header name without end': [`GET / HTTP/1.1\r\nHost: a\r\n${'x'.repeat(100_000)}`, 431],
  'a URL without end': [`GET /${'a'.repeat(100_000)}`, 431],
  'a valid request before a malformed one': [`${HELLO}noise\r\n\r\n`, 200, 400],
  'HTTP/1.0': ['GET / HTTP/1.0\r\n\r\n', 200],
  'HTTP/1.0 with a Host': ['GET / HTTP/1.0\r\nHost: a\r\n\r\n', 200],
  'a header of 16,000 bytes': [get(`Host: a\r\nX: ${'a'.repeat(16_000)}`), 200],
  '901 headers': [get(`Host: a${'\r\na:b'.repeat(900)}`), 200],
  'an expectation that nobody can meet': [count('Expect: miracles\r\nContent-Length: 3', 'abc'), 417],
  'CONNECT with a request behind it': [`CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n${START}`, 405],
  'CONNECT behind a request': [`${HELLO}CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n`, 200, 405],
  'an upgrade to WebSocket': [get('Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket'), 200],
  'an upgrade to HTTP/2': [get('Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c'), 200],
  'an upgrade to TLS': [get('Host: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0'), 200],
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
    if (last.status === 405)
      assert.equal(last.headers['allow'], 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE');
    await connection.closed;
    await alone(); // though the client keeps its side open
    assert.equal(connection.unread, '');
  });
}

test('a request that waits for room is given up when what follows it is refused', async (t) => {
  const release = await app.fill(t);
  const before = app.open;
  const connection = await sent(START);
  await until(() => app.waiting === 1);
  await connection.send('noise\r\n\r\n');
  problem(await connection.answer(), 400);
  const refused = performance.now();
  await until(() => app.waiting === 0);
  assert.ok(performance.now() - refused < 500, 'it was not given up, but timed out');
  assert.deepEqual(app.open, before);
  await release();
});

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

test('a client that closes its side after a request is answered', async () => {
  const connection = await sent(HELLO);
  connection.socket.end();
  text(await connection.answer(), 200, 'Hello, world!');
  await connection.closed;
});

test('uploads that are broken off queue nothing, and are no matter for the log', async (t) => {
  const log = t.mock.method(console, 'error', () => {});
  for (let n = 0; n < 50; n++) {
    const upload = n % 2 === 0 ? count('Content-Length: 60000', 'a'.repeat(n * 1000)) : chunked('3e8\r\nabc');
    const { socket } = await sent(upload);
    if (n % 3 === 0) socket.resetAndDestroy();
    else if (n % 3 === 1) socket.end();
    else socket.destroy();
  }
  await alone();
  assert.equal(log.mock.callCount(), 0);
});

test('pipelined requests are answered in their order, also behind one that waits for room', async (t) => {
  const release = await app.fill(t);
  const connection = await sent(
    HELLO + START + HELLO + get('Host: a', '/nothing') + get('Host: a', '/readyz'),
  );
  text(await connection.answer(), 200, 'Hello, world!');
  await until(() => app.waiting === 1);
  assert.equal(connection.unread, '');
  await release();
  acceptedAt(await connection.answer());
  text(await connection.answer(), 200, 'Hello, world!');
  problem(await connection.answer(), 404);
  text(await connection.answer(), 200, 'ok');
});

test('a client that leaves queues none of the requests that it has pipelined, and that wait for room', async (t) => {
  const release = await app.fill(t);
  const before = app.open;
  for (const [requests, leave] of [
    [10, 'destroy'],
    [1, 'resetAndDestroy'],
    [1, 'end'],
  ] as const) {
    const start = performance.now();
    const { socket } = await sent(START.repeat(requests));
    await until(() => app.waiting === requests);
    socket[leave]();
    await until(() => app.waiting === 0);
    const ms = performance.now() - start;
    assert.ok(ms < 1000, `forgotten after ${ms} ms: they were not noticed, but timed out`);
  }
  assert.deepEqual(app.open, before);
  await release();
});

test('a client that asks and asks and never reads does not keep others from being answered', async () => {
  const { socket } = await sent('');
  socket.pause();
  socket.write(HELLO.repeat(1000));
  for (let n = 0; n < 3; n++) await answers();
});

test('whatever else is asked for is 404, by any method, and starts nothing', async () => {
  const hold = ['//hold', '/./hold', '/x/../hold', '/hold%2f', '/hold;a', '/hold/', '/Hold', '/%2Fhold'];
  const odd = ['*', '//', '/\\', 'ftp://localhost/', '/tasks', '/__proto__', '/constructor'];
  for (const target of [...hold, ...odd])
    for (const method of ['GET', 'POST', 'DELETE']) problem(await app.ask(method, target), 404);
});

test('a client that resets its connection after CONNECT does no harm', async () => {
  for (let n = 0; n < 20; n++) {
    const { socket } = await sent(`CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n${'x'.repeat(n * 1000)}`);
    socket.resetAndDestroy();
  }
});

test('thousands of connections that are dropped while the queue is full leave nothing behind', async (t) => {
  const release = await app.fill(t);
  const before = app.open;
  const beginnings = ['', 'POST /hold HT', START, START, count('Content-Length: 9', 'abc'), START + START];
  for (let n = 0; n < FLOOD; n += 100) {
    const batch = Array.from({ length: 100 }, (_, each) => sent(beginnings[each % beginnings.length] ?? ''));
    const connections = await Promise.all(batch);
    if (n % 400 === 0) await answers();
    for (const [each, { socket }] of connections.entries())
      if (each % 4 === 0) socket.resetAndDestroy();
      else socket.destroy();
  }
  await alone();
  await until(() => app.waiting === 0);
  assert.deepEqual(app.open, before);
  await release();
  await (await app.fill(t))(); // there is room for as many as before
});
