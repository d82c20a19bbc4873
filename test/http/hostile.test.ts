/**
 * Clients that mean harm, or know no better. Whatever they do, the server answers the next request at once, no
 * connection is left open, and nothing is queued that was not asked for.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, text } from '../support/connection.js';
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
const count = (headers: string, body = '') =>
  `POST /measure HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;
const chunked = (body: string) => count('Transfer-Encoding: chunked', body);

/** Malformed, or not for this server: Node.js answers these, or closes the connection. */
const NOISE = [
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', // a TLS handshake
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  `${HELLO}noise\r\n\r\n`,
  `CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n${START}`,
  `${HELLO}CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n`,
  `GET /${'a'.repeat(100_000)}`,
  'GET / HTTP/1.1\r\n\r\n', // no Host
  'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  count('Expect: miracles\r\nContent-Length: 3', 'abc'),
  count('Content-Length: 3\r\nTransfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n'),
  count('Content-Length: 3\r\nContent-Length: 4', 'abcd'),
  chunked('3\r\nabcd\r\n0\r\n\r\n'),
  chunked(`3;${'x'.repeat(20_000)}`),
];

test('noise of any kind is answered or hung up on, and the next request on another connection is answered', async () => {
  for (const bytes of NOISE) {
    const { socket, closed } = await sent(bytes);
    await Promise.race([once(socket, 'data'), closed]);
    await answers();
  }
  assert.equal(app.open.length, 0);
});

test('a slow client gets 408 wherever it stops, and is hung up on, even if it keeps its side open', async (t) => {
  const own = await Application.start(t);
  Object.assign(own.server, { headersTimeout: 300, requestTimeout: 600, keepAliveTimeout: 100 });
  const idle = await sent(HELLO, own);
  text(await idle.answer(), 200, 'Hello, world!');
  const beginnings = ['', 'G', 'GET / HT', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: a\r\nX:'];
  const slow = [...beginnings, count('Content-Length: 9', 'abc')].map(async (bytes) => {
    const connection = await sent(bytes, own);
    await connection.closed;
    assert.match(connection.unread, /^HTTP\/1\.1 408 /);
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
    if (leave === 'noise') await connection.closed;
  }
  assert.deepEqual(app.open, before);
});
