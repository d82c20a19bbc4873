/**
 * Clients that mean harm, or know no better. Whatever they do, the server answers the next request at once, no
 * connection is left open, and nothing is queued that was not asked for.
 */
import assert from 'node:assert/strict';
import { after, afterEach, describe, type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { acceptedAt, Connection, problem, request, requestBytes, text } from '../support/connection.js';
import { figure } from '../support/figures.js';
import { until } from '../support/wait.js';
import { Application } from './support/application.js';

/**
 * How soon the server must answer. The clients are in its own thread here, so what they do counts, too: on a machine that
 * does nothing else it takes some 100 ms while hundreds of them come and go, and `npm run test:deep` expects 250.
 */
const AT_ONCE_MS = Number(process.env['HOSTILE_ANSWER_MS'] ?? 5000);
const FLOOD = Number(process.env['HOSTILE_CONNECTIONS'] ?? 2000);

const app = await Application.start();
const { port } = app;
after(() => app.stop());

/** Malformed, odd and abandoned requests. */
let tried = 0;
let slowest = 0;
after(() => {
  const line = `${tried} malformed, odd or abandoned requests tried, next answer after ${slowest.toFixed(1)} ms at most`;
  console.log(line);
  figure(`hostile: ${line}`);
});

/** The server still answers at once. */
async function answers(): Promise<void> {
  const start = performance.now();
  text(await request(port, 'GET', '/'), 200, 'Hello, world!');
  const ms = performance.now() - start;
  slowest = Math.max(slowest, ms);
  assert.ok(ms < AT_ONCE_MS, `answered after ${ms} ms`);
}

/** Resolves when the server has no connection left. */
async function alone(): Promise<void> {
  let count = await app.connections();
  for (const deadline = performance.now() + 5000; count > 0 && performance.now() < deadline; ) {
    await setImmediate();
    count = await app.connections();
  }
  assert.equal(count, 0, 'connections left open');
}

afterEach(async () => {
  await answers();
  await alone();
  await until(
    () => app.open.length === 0,
    () => 'no task is left',
  );
});

/** Sends the bytes on a connection of its own, and never closes that on its side before the test ends. */
async function sent(t: TestContext, bytes: string | Uint8Array): Promise<Connection> {
  const connection = await Connection.open(port);
  t.after(() => connection.drop());
  await connection.send(bytes);
  tried += 1;
  return connection;
}

const START = 'POST /measure HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na';
const HELLO = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

// ── What is not HTTP ───────────────────────────────────────────────────────────────────────────────────────────────

const count = (headers: string, rest = '') =>
  `POST /measure HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${rest}`;
const chunked = (body: string) => count('Transfer-Encoding: chunked', body);

const MALFORMED: Record<string, [bytes: string, status?: number]> = {
  'a content length and chunks': [
    count('Content-Length: 3\r\nTransfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n'),
  ],
  'two content lengths': [count('Content-Length: 3\r\nContent-Length: 4', 'abcd')],
  'a negative content length': [count('Content-Length: -3', 'abc')],
  'a content length with a sign': [count('Content-Length: +3', 'abc')],
  'a content length past 64 bits': [count('Content-Length: 99999999999999999999', 'abc')],
  'an encoding that is not chunks': [count('Transfer-Encoding: gzip', 'abc')],
  'chunks that are encoded again': [count('Transfer-Encoding: chunked, gzip', 'abc')],
  'chunks of what is encoded': [count('Transfer-Encoding: gzip, chunked', '3\r\nabc\r\n0\r\n\r\n'), 501],
  'chunks of chunks': [
    count('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n'),
  ],
  'a chunk size that is no number': [chunked('zz\r\nabc\r\n0\r\n\r\n')],
  'a chunk size past 64 bits': [chunked('fffffffffffffffff\r\n')],
  'a chunk that is longer than its size': [chunked('3\r\nabcd\r\n0\r\n\r\n')],
  'a chunk extension without end': [chunked(`3;${'x'.repeat(20_000)}`)],
  'bare line feeds between chunks': [chunked('3\nabc\n0\n\n')],
  noise: ['\x00\x01\x02\xff\xfe noise\r\n\r\n'],
  'a TLS handshake': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  'the HTTP/2 preface': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'another protocol': ['GET / FTP/1.1\r\nHost: a\r\n\r\n'],
  'no target': ['GET HTTP/1.1\r\nHost: a\r\n\r\n'],
  'a space in the target': ['GET / a HTTP/1.1\r\nHost: a\r\n\r\n'],
  'a NUL in the target': ['GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n'],
  'a NUL in a header': ['GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n'],
  'a space before the colon': ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\n'],
  'a folded first header': ['GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
  'a bare carriage return': ['GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n'],
  'no Host': ['GET / HTTP/1.1\r\n\r\n'],
  'two Hosts': ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  'the same Host twice': ['GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nhost: a\r\n\r\n'],
  'two Hosts in HTTP/1.0': ['GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n'],
  'two Hosts in one line': ['GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
  'a Host that is a URL': ['GET / HTTP/1.1\r\nHost: http://a/\r\n\r\n'],
  'a Host with a user': ['GET / HTTP/1.1\r\nHost: a@b\r\n\r\n'],
  'a header that is too large': [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`, 431],
  'headers that are too large together': [
    `GET / HTTP/1.1\r\nHost: a\r\n${'X: abcdef\r\n'.repeat(3000)}\r\n`,
    431,
  ],
  'a header name without end': [`GET / HTTP/1.1\r\nHost: a\r\n${'x'.repeat(100_000)}`, 431],
  'a URL without end': [`GET /${'a'.repeat(100_000)}`, 431],
};

for (const [what, [bytes, status = 400]] of Object.entries(MALFORMED)) {
  test(`${what}: ${status}, and the connection is closed`, async (t) => {
    const connection = await sent(t, bytes);
    const answer = await connection.answer();
    problem(answer, status);
    assert.equal(answer.headers['connection'], 'close');
    await connection.closed;
    assert.equal(connection.unread, '');
    connection.drop();
  });
}

test('HTTP/1.0 is understood, and its connection is closed', async (t) => {
  for (const bytes of ['GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n']) {
    const connection = await sent(t, bytes);
    text(await connection.answer(), 200, 'Hello, world!');
    await connection.closed;
  }
});

test('a request that waits for room is given up when what follows it is refused', async (t) => {
  const release = await app.fill(t);
  const before = app.open;
  const connection = await sent(t, START);
  await until(() => app.waiting === 1);
  await connection.send('noise\r\n\r\n');
  problem(await connection.answer(), 400);
  await alone();
  assert.equal(app.waiting, 0);
  assert.deepEqual(app.open, before);
  await release();
});

test('headers up to the limit are read, by size and by number', async (t) => {
  for (const headers of [`X: ${'a'.repeat(16_000)}\r\n`, 'a:b\r\n'.repeat(900)]) {
    const connection = await sent(t, `GET / HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
    text(await connection.answer(), 200, 'Hello, world!');
    connection.drop();
  }
});

// ── Slow clients and half-open connections ─────────────────────────────────────────────────────────────────────────

describe('a client that is slow', { concurrency: true }, () => {
  const limits = { headersTimeout: 300, requestTimeout: 600, keepAliveTimeout: 100 };

  async function slowApp(t: TestContext): Promise<Application> {
    const own = await Application.start();
    t.after(() => own.stop());
    return Object.assign(own, { server: Object.assign(own.server, limits) });
  }

  test('gets 408 and is hung up on, wherever it stops', async (t) => {
    const own = await slowApp(t);
    const beginnings = [
      '',
      'G',
      'GET / HTTP/1.1\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nX:',
      count('Content-Length: 9', 'abc'),
    ];
    await Promise.all(
      beginnings.map(async (bytes) => {
        const connection = await Connection.open(own.port);
        t.after(() => connection.drop());
        await connection.send(bytes);
        tried += 1;
        problem(await connection.answer(), 408);
        await connection.closed;
        connection.drop();
      }),
    );
    await until(() => own.open.length === 0);
  });

  test('is dropped for good after its 408, even if it keeps its side open', async (t) => {
    const own = await slowApp(t);
    const connection = await Connection.open(own.port);
    t.after(() => connection.drop());
    await connection.send('GET / HT');
    problem(await connection.answer(), 408);
    for (const deadline = performance.now() + 4000; performance.now() < deadline; ) {
      if ((await own.connections()) === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.fail('The server keeps the connection');
  });

  test('may keep a connection only for so long without a request', async (t) => {
    const own = await slowApp(t);
    const connection = await Connection.open(own.port);
    t.after(() => connection.drop());
    text(await connection.request('GET', '/'), 200, 'Hello, world!');
    await connection.closed;
    assert.equal(connection.unread, '');
  });
});

test('a client that closes its side after a request is answered', async (t) => {
  const connection = await sent(t, HELLO);
  connection.socket.end();
  text(await connection.answer(), 200, 'Hello, world!');
  await connection.closed;
});

test('uploads that are broken off queue nothing, and are no matter for the log', async (t) => {
  const log = t.mock.method(console, 'error', () => {});
  for (let n = 0; n < 50; n++) {
    const connection = await sent(
      t,
      n % 2 === 0 ? count('Content-Length: 60000', 'a'.repeat(n * 1000)) : chunked('3e8\r\nabc'),
    );
    if (n % 3 === 0) connection.socket.resetAndDestroy();
    else if (n % 3 === 1) connection.socket.end();
    else connection.drop();
  }
  await alone();
  assert.equal(log.mock.callCount(), 0);
});

// ── Many requests on one connection ────────────────────────────────────────────────────────────────────────────────

test('pipelined requests are answered in their order, also behind one that waits for room', async (t) => {
  const release = await app.fill(t);
  const connection = await sent(
    t,
    HELLO +
      count('Content-Length: 3', 'a b') +
      HELLO +
      requestBytes('DELETE', '/nothing') +
      requestBytes('GET', '/readyz'),
  );
  text(await connection.answer(), 200, 'Hello, world!');
  await until(() => app.waiting === 1);
  assert.equal(connection.unread, '');
  await release();
  acceptedAt(await connection.answer());
  text(await connection.answer(), 200, 'Hello, world!');
  problem(await connection.answer(), 404);
  text(await connection.answer(), 200, 'ok');
  connection.drop();
});

test('a client that leaves queues none of the requests that it has pipelined', async (t) => {
  const release = await app.fill(t);
  const before = app.open;
  const start = performance.now();
  const connection = await sent(t, START.repeat(10));
  await until(() => app.waiting === 10);
  connection.drop();
  await until(() => app.waiting === 0);
  const ms = performance.now() - start;
  assert.ok(ms < 1000, `forgotten after ${ms} ms: they were not noticed, but timed out`);
  assert.deepEqual(app.open, before);
  await release();
});

test('a valid request before a malformed one is answered first', async (t) => {
  const connection = await sent(t, `${HELLO}noise\r\n\r\n`);
  text(await connection.answer(), 200, 'Hello, world!');
  problem(await connection.answer(), 400);
  await connection.closed;
  connection.drop();
});

test('a client that asks and asks and never reads does not keep others from being answered', async (t) => {
  const connection = await Connection.open(port);
  t.after(() => connection.drop());
  connection.socket.pause();
  connection.socket.write(HELLO.repeat(1000));
  for (let n = 0; n < 3; n++) await answers();
  connection.drop();
});

// ── Expectations, targets, other protocols ─────────────────────────────────────────────────────────────────────────

test('an expectation that nobody can meet is 417', async (t) => {
  const connection = await sent(t, count('Expect: miracles\r\nContent-Length: 3', 'abc'));
  problem(await connection.answer(), 417);
  connection.drop();
});

test('other odd targets are 404, and start nothing', async (t) => {
  for (const [method, target] of [
    ['GET', '*'],
    ['GET', '//'],
    ['POST', '//hold'],
    ['POST', '/./hold'],
    ['POST', '/x/../hold'],
    ['POST', '/hold%2f'],
    ['POST', '/hold;a'],
    ['POST', '/hold/'],
    ['GET', '/\\'],
    ['GET', 'ftp://localhost/'],
  ]) {
    const connection = await sent(t, requestBytes(method ?? '', target ?? ''));
    problem(await connection.answer(), 404);
    connection.drop();
  }
});

test('CONNECT is 405, and its connection is closed, whatever follows', async (t) => {
  for (const [bytes, answers] of [
    [`CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n${START}`, 0],
    [`${HELLO}CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n`, 1],
  ] as const) {
    const connection = await sent(t, bytes);
    for (let n = 0; n < answers; n++) text(await connection.answer(), 200, 'Hello, world!');
    const answer = await connection.answer();
    const all = 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE';
    assert.equal(problem(answer, 405), `Expected ${all}, got CONNECT`);
    assert.deepEqual([answer.headers['allow'], answer.headers['connection']], [all, 'close']);
    await connection.closed;
    assert.equal(connection.unread, '');
  }
});

test('a client that resets its connection after CONNECT does no harm', async (t) => {
  for (let n = 0; n < 20; n++) {
    const connection = await sent(t, `CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n${'x'.repeat(n * 1000)}`);
    connection.socket.resetAndDestroy();
  }
});

test('an upgrade is not made: the request is answered as if nobody had asked', async (t) => {
  for (const protocol of ['websocket', 'h2c', 'TLS/1.0']) {
    const connection = await sent(
      t,
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
    );
    text(await connection.answer(), 200, 'Hello, world!');
    text(await connection.request('GET', '/'), 200, 'Hello, world!');
    connection.drop();
  }
});

// ── Many clients ───────────────────────────────────────────────────────────────────────────────────────────────────

test('thousands of connections that are dropped while the queue is full leave nothing behind', async (t) => {
  const release = await app.fill(t);
  const before = app.open;
  const beginnings = ['', 'POST /hold HT', START, START, count('Content-Length: 9', 'abc'), START + START];
  for (let opened = 0; opened < FLOOD; opened += 100) {
    const batch = await Promise.all(Array.from({ length: 100 }, () => Connection.open(port)));
    await Promise.all(batch.map((connection, n) => connection.send(beginnings[n % beginnings.length] ?? '')));
    tried += batch.length;
    if (opened % 400 === 0) await answers();
    for (const [n, connection] of batch.entries()) {
      if (n % 4 === 0) connection.socket.resetAndDestroy();
      else connection.drop();
    }
  }
  await alone();
  await until(() => app.waiting === 0);
  assert.deepEqual(app.open, before);
  await release();
  const again = await app.fill(t);
  await again();
});
