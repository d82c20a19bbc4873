/** Requests: which handler answers, what it reads of a body, and what is answered if none does. */
import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { afterEach, test } from 'node:test';
import { type Answer, acceptedAt, Connection, problem, text } from '../support/connection.js';
import { Application } from './support/application.js';

const MAX_BODY = 65_536;
const tooLarge = /Expected a body of at most 65536 bytes/;

const app = await Application.start();
afterEach(() => app.rest());
/** One connection for many requests: whatever is refused, it goes on. */
const kept = await Connection.open(app.port);
const ask = kept.request.bind(kept);
const post = (body?: string | Uint8Array, path = '/measure') => ask('POST', path, { body });
/** A request up to its body. */
const head = (...headers: string[]) => ['POST /measure HTTP/1.1', 'Host: a', ...headers, '', ''].join('\r\n');
const opened = (bytes: string) => Connection.open(app.port, bytes);
const answerTo = async (bytes: string) => (await opened(bytes)).answer();

/** What became of a text that the server accepts. */
async function measured(answer: Promise<Answer>): Promise<unknown> {
  return (await app.ended(acceptedAt(await answer)))['result'];
}

const ROUTES: Readonly<Record<string, string>> = {
  '/': 'GET, HEAD, OPTIONS',
  '/hold': 'GET, POST, OPTIONS',
  '/measure': 'POST, OPTIONS',
  '/tasks/1-abc': 'GET, DELETE, HEAD, OPTIONS',
  '/readyz': 'GET, HEAD, OPTIONS',
};

test('a method that a route does not have is 405, with those that it has; HEAD starts no task where GET does', async () => {
  for (const [path, allow] of Object.entries(ROUTES))
    for (const method of METHODS) {
      if (allow.split(', ').includes(method) || method === 'CONNECT') continue;
      const answer = await ask(method, path);
      assert.equal(answer.headers['allow'], allow, method);
      if (method === 'HEAD') assert.equal(answer.status, 405);
      else assert.equal(problem(answer, 405), `Expected ${allow}, got ${method}`);
      assert.equal(answer.headers['connection'], 'keep-alive');
    }
  assert.equal(app.open.length, 0);
});

test('HEAD is answered like GET, without the body', async () => {
  for (const path of ['/', '/readyz', '/nothing']) {
    const head = await ask('HEAD', path);
    const get = await ask('GET', path); // it would find a body that should not be there
    assert.equal(head.status, get.status);
    assert.deepEqual({ ...head.headers, date: '' }, { ...get.headers, date: '' });
  }
});

test('OPTIONS says what a route allows: 204', async () => {
  for (const [target, allow] of Object.entries(ROUTES)) {
    const { status, headers, body } = await ask('OPTIONS', target, { body: 'a' });
    assert.deepEqual([status, headers['allow'], body], [204, allow, ''], target);
    assert.deepEqual([headers['content-length'], headers['content-type']], [undefined, undefined]);
  }
});

test('a path is taken as it is sent, also in absolute form; a query does not matter; no route is 404, no URL 400', async () => {
  for (const found of ['/healthz?a=%2', '/gr%C3%B6%C3%9Fe/a%20b', 'http://a:80/healthz'])
    assert.equal((await ask('GET', found)).status, 200, found);
  for (const path of [
    '/hold/',
    '/Hold',
    '/hold;a',
    '/%68old',
    '/hold%00',
    '/%',
    '/%2Fhold',
    '/__proto__',
    '/*',
  ])
    for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS'])
      assert.equal(problem(await ask(method, path), 404), `There is nothing at ${path}`);
  for (const target of ['//', 'http://a:x/'])
    assert.equal(problem(await ask('GET', target), 400), `Expected a path, got ${target}`);
  assert.equal(app.open.length, 0);
});

test('what a handler throws is 500, told to the log and not to the client', async (t) => {
  const log = t.mock.method(console, 'error', () => {});
  assert.equal(problem(await ask('GET', '/broken'), 500), 'Something went wrong; the log says what');
  assert.match(String(log.mock.calls[0]?.arguments[0]), /on purpose/);
});

test('a text arrives as it was sent, with its byte order mark, without a body as the empty text, in any chunks', async () => {
  for (const body of [undefined, '', 'a\r\n\0', '\ufeffZwölf', '日本語', '🙂 🙃\n'.repeat(1000)]) {
    const size = { units: body?.length ?? 0, bytes: Buffer.byteLength(body ?? '') };
    assert.deepEqual(await measured(post(body)), size);
  }
  const connection = await opened(head('Transfer-Encoding: chunked'));
  for (const byte of Buffer.from('ä €\n')) await connection.send(`1;a=b\r\n${String.fromCharCode(byte)}\r\n`);
  await connection.send('0\r\nTrailer: x\r\n\r\n');
  assert.deepEqual(await measured(connection.answer()), { units: 4, bytes: 7 });
});

test('a text that is not UTF-8 is 400, and so is JSON that is none or is refused: nothing is queued', async () => {
  // Never UTF-8, cut off, not the shortest form, a surrogate, past U+10FFFF.
  for (const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]])
    for (const path of ['/measure', '/json'])
      assert.match(problem(await post(Uint8Array.from(bytes), path), 400), /UTF-8/);
  const json = (body?: string) => post(body, '/json');
  assert.deepEqual(await measured(json('{"word":"ä"}')), { units: 1, bytes: 2 });
  for (const body of [undefined, '', '{', '{"word":"a"} x', "{'word':'a'}", '\ufeff{"word":"a"}'])
    assert.match(problem(await json(body), 400), /^Expected JSON: ./, body);
  for (const body of ['null', '"word"', '{"word":1}'])
    assert.equal(problem(await json(body), 400), 'Expected `word` to be a string');
  assert.match(problem(await json(`"${'a'.repeat(MAX_BODY)}"`), 413), tooLarge);
  assert.equal(app.open.length, 0);
});

test('a body in a content coding is 415', async () => {
  const send = (coding: string) =>
    ask('POST', '/measure', { body: 'a b', headers: { 'content-encoding': coding } });
  acceptedAt(await send('identity'));
  await app.rest();
  for (const coding of ['gzip', 'identity, gzip', '*']) {
    const detail = problem(await send(coding), 415);
    assert.equal(detail, `Expected a body that is not encoded, got ${coding}`);
  }
  assert.equal(app.open.length, 0);
});

test('a text in another charset is 415; the media type does not matter', async () => {
  const send = (type: string) => ask('POST', '/measure', { body: 'a', headers: { 'content-type': type } });
  for (const type of [
    'text/html;charset=UTF-8',
    'a/b; charset="utf8"; c=d',
    'a/b; charset=us-ascii',
    'nonsense',
  ])
    acceptedAt(await send(type));
  await app.rest();
  for (const [charset, type] of [
    ['windows-1252', 'text/plain; format=flowed; CHARSET="windows-1252"; a=b'],
    ['utf-16le', 'text/plain;charset=utf-16le;a=b'],
  ] as const) {
    assert.equal(problem(await send(type), 415), `Expected text in UTF-8, got ${charset}`);
  }
  assert.equal(app.open.length, 0);
});

test('a client that asks first is told to go on', async () => {
  const connection = await opened(head('Expect: 100-continue', 'Content-Length: 3'));
  assert.equal((await connection.answer()).status, 100);
  await connection.send('a b');
  assert.deepEqual(await measured(connection.answer()), { units: 3, bytes: 3 });
});

test('a body that is too large is 413: declared, in one chunk, in many, or in wide characters', async () => {
  assert.match(problem(await post('a'.repeat(MAX_BODY + 1)), 413), tooLarge);
  acceptedAt(await post('a'.repeat(MAX_BODY)));
  const chunk = (size: number) => `${size.toString(16)}\r\n${'a'.repeat(size)}\r\n`;
  for (const bytes of [
    head('Content-Length: 9007199254740993'),
    head('Transfer-Encoding: chunked') + chunk(MAX_BODY + 1),
    head('Transfer-Encoding: chunked') + chunk(1024).repeat(64) + chunk(1),
  ])
    assert.match(problem(await answerTo(bytes), 413), tooLarge);
  assert.match(problem(await post('é'.repeat(40_000)), 413), tooLarge);
  // A body that fits, but not the task that is made of it.
  const detail = problem(await post('a'.repeat(50_000), '/often'), 413);
  assert.match(detail, /Expected at most 132096 bytes, got at least 1500\d\d: /);
});

test('a client that sends everything before it reads still learns that it was too much', async () => {
  const connection = await opened('');
  connection.socket.pause();
  await connection.send(head('Content-Length: 20000000') + 'a'.repeat(20_000_000));
  assert.ok(!connection.socket.destroyed, 'Reset while it sent its body');
  connection.socket.resume();
  assert.match(problem(await connection.answer(), 413), tooLarge);
});

test('a body that no route wants does not hurt the next request', async () => {
  const body = 'GET /healthz HTTP/1.1\r\n\r\n'.repeat(1000);
  text(await ask('GET', '/', { body }), 200, 'Hello, world!');
  problem(await ask('POST', '/', { body }), 405);
  problem(await ask('DELETE', '/nothing', { body }), 404);
  text(await ask('GET', '/healthz', { body }), 200, 'ok');
  assert.equal(kept.unread, '');
});
