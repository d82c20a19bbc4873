/** Bodies: texts, JSON, their limits, encodings and charsets. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Answer, acceptedAt, Connection, problem, request, text } from '../support/connection.js';
import { Application } from './support/application.js';

const MAX_BODY = 65_536;
const tooLarge = /Expected a body of at most 65536 bytes/;

const app = await Application.start();
after(() => app.stop());

const ask = (method: string, target: string, body?: string | Uint8Array): Promise<Answer> =>
  request(app.port, method, target, body === undefined ? {} : { body });

/** What became of a text that the server accepts. */
async function measured(answer: Promise<Answer>): Promise<unknown> {
  return (await app.ended(acceptedAt(await answer)))['result'];
}

test('a text arrives as it was sent, with its byte order mark, and without any body as the empty text', async () => {
  for (const body of ['', 'a\r\n\0', '\ufeffZwölf', '日本語', '🙂 🙃\n'.repeat(1000)]) {
    const size = { units: body.length, bytes: Buffer.byteLength(body) };
    assert.deepEqual(await measured(ask('POST', '/measure', body)), size);
  }
  assert.deepEqual(await measured(ask('POST', '/measure')), { units: 0, bytes: 0 });
});

test('a text that is not UTF-8 is 400, and the connection goes on', async () => {
  const connection = await Connection.open(app.port);
  // Never UTF-8, cut off, not the shortest form, a surrogate, past U+10FFFF.
  for (const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
    const answer = await connection.request('POST', '/measure', { body: Uint8Array.from(bytes) });
    assert.match(problem(answer, 400), /UTF-8/);
  }
  text(await connection.request('GET', '/'), 200, 'Hello, world!');
  connection.drop();
});

test('a text may come in chunks, cut inside a character', async () => {
  const connection = await Connection.open(app.port);
  await connection.send('POST /measure HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (const byte of Buffer.from('ä €\n')) await connection.send(`1;a=b\r\n${String.fromCharCode(byte)}\r\n`);
  await connection.send('0\r\nTrailer: x\r\n\r\n');
  assert.deepEqual(await measured(connection.answer()), { units: 4, bytes: 7 });
  connection.drop();
});

test('a body of JSON is checked: 400 if it is none, or is refused, and nothing is queued', async () => {
  assert.deepEqual(await measured(ask('POST', '/measure/json', '{"word":"ä"}')), { units: 1, bytes: 2 });
  for (const body of [undefined, '', '{', '{"word":"a"} x', "{'word':'a'}", 'word', '\ufeff{"word":"a"}']) {
    const detail = problem(await ask('POST', '/measure/json', body), 400);
    assert.match(detail, /^Expected a body of JSON: ./, body);
  }
  for (const body of ['{}', 'null', '[]', '"word"', '{"word":1}']) {
    const detail = problem(await ask('POST', '/measure/json', body), 400);
    assert.equal(detail, 'Expected `word` to be a string', body);
  }
  problem(await ask('POST', '/measure/json', Uint8Array.of(0x22, 0xff, 0x22)), 400);
  assert.match(problem(await ask('POST', '/measure/json', `"${'a'.repeat(MAX_BODY)}"`), 413), tooLarge);
  assert.equal(app.open.length, 0);
});

test('a body in a content coding is 415 and names the one that is accepted, unless it is that', async () => {
  const connection = await Connection.open(app.port);
  const send = (coding: string, method = 'POST', target = '/measure') =>
    connection.request(method, target, { body: 'a b', headers: { 'content-encoding': coding } });
  for (const coding of ['IDENTITY', 'identity, Identity', '', ',', ' identity ,']) {
    acceptedAt(await send(coding));
  }
  await app.rest();
  for (const coding of ['gzip', 'x-gzip', 'br', 'identity, gzip', 'gzip,identity', 'identity;q=1', '*']) {
    const answer = await send(coding);
    assert.equal(problem(answer, 415), `Expected a body that is not encoded, got ${coding}`);
    assert.equal(answer.headers['accept-encoding'], 'identity');
  }
  await connection.send('POST /measure HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\n');
  await connection.send('Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\na');
  problem(await connection.answer(), 415);
  problem(await send('gzip', 'PATCH', '/size'), 415);
  text(await send('gzip', 'GET', '/'), 200, 'Hello, world!');
  connection.drop();
  assert.equal(app.open.length, 0);
});

test('a text in another charset is 415, however it is written; the media type does not matter', async () => {
  const connection = await Connection.open(app.port);
  const send = (type: string) =>
    connection.request('POST', '/measure', { body: 'a b', headers: { 'content-type': type } });
  for (const type of [
    'text/html;charset=UTF-8',
    'text/plain ; Charset = "ut\\f-8" ; format=flowed',
    'application/json; charset=US-ASCII',
    'text/plain; title="; charset=latin1"; charset=utf8',
    'text/plain; charsets=latin1; x-charset=latin1;',
    'nonsense',
    '',
  ]) {
    acceptedAt(await send(type));
  }
  await app.rest();
  for (const [type, charset] of [
    ['text/plain;charset=Latin1', 'Latin1'],
    ['text/plain; CHARSET="utf-16"', 'utf-16'],
    ['text/plain; format=flowed; charset=windows-1252; a=b', 'windows-1252'],
    ['text/plain; charset=utf-8; charset=latin1', 'latin1'],
    ['text/plain; a="\\""; charset=utf-16le', 'utf-16le'],
    ['text/plain; charset = utf-7', 'utf-7'],
    ['text/plain; charset="utf-8', '"utf-8'],
    ['text/plain; charset=', ''],
    ['text/plain; charset', ''],
  ] as const) {
    const answer = await send(type);
    assert.equal(problem(answer, 415), `Expected text in UTF-8, got ${charset}`, type);
    assert.equal(answer.headers['accept-encoding'], undefined, 'it was not the content coding');
  }
  await connection.send('POST /measure HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n');
  await connection.send('Content-Type: text/plain; charset=latin1\r\nContent-Length: 1\r\n\r\na');
  problem(await connection.answer(), 415);
  connection.drop();
  assert.equal(app.open.length, 0);
});

test('a client that asks first is told to go on, or refused before it sends', async () => {
  const asks = async (headers: string, target = '/measure') => {
    const connection = await Connection.open(app.port);
    await connection.send(`POST ${target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n${headers}\r\n\r\n`);
    return connection;
  };
  const welcome = await asks('Content-Length: 3');
  assert.equal((await welcome.answer()).status, 100);
  await welcome.send('a b');
  assert.deepEqual(await measured(welcome.answer()), { units: 3, bytes: 3 });
  welcome.drop();
  for (const [headers, target, status] of [
    ['Content-Length: 3\r\nContent-Encoding: br', '/measure', 415],
    ['Content-Length: 3\r\nContent-Type: text/plain; charset=latin1', '/measure', 415],
    ['Content-Length: 65537', '/measure', 413],
    ['Content-Length: 3', '/nothing', 404],
    ['Content-Length: 3', '/healthz', 405],
  ] as const) {
    const refused = await asks(headers, target);
    problem(await refused.answer(), status);
    refused.drop();
  }
});

test('each route has its own limit for bodies; one without reads none', async () => {
  for (const [method, path, limit] of [
    ['POST', '/measure', MAX_BODY],
    ['PUT', '/measure/some', 10],
    ['POST', '/measure/none', 0],
    ['PATCH', '/size', 100],
  ] as const) {
    const refusal = `Expected a body of at most ${limit} bytes`;
    assert.equal(problem(await ask(method, path, 'a'.repeat(limit + 1)), 413), refusal);
    const { status, body } = await ask(method, path, 'a'.repeat(limit));
    assert.deepEqual([status, body], method === 'PATCH' ? [200, '100'] : [202, 'task started']);
  }
  await app.rest();
});

test('a body that is too large is 413: declared, in one chunk, in many, or in characters of two bytes', async () => {
  for (const length of ['65537', '99999999999', '9007199254740993']) {
    const answer = await request(app.port, 'POST', '/measure', { headers: { 'content-length': length } });
    assert.match(problem(answer, 413), tooLarge);
  }
  const head = 'POST /measure HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = (size: number) => `${size.toString(16)}\r\n${'a'.repeat(size)}\r\n`;
  for (const body of [chunk(MAX_BODY + 1), chunk(1024).repeat(64) + chunk(1)]) {
    const connection = await Connection.open(app.port);
    await connection.send(head + body);
    assert.match(problem(await connection.answer(), 413), tooLarge);
    connection.drop();
  }
  assert.match(problem(await ask('POST', '/measure', 'é'.repeat(40_000)), 413), tooLarge);
});

test('a body that fits, but not the task that is made of it, is 413, and the refusal names both sizes', async () => {
  const detail = problem(await ask('POST', '/measure/often', 'a'.repeat(50_000)), 413);
  assert.match(detail, /Expected at most 132096 bytes, got at least 1500\d\d: /);
});

test('a client that sends everything before it reads still learns that it was too much', async () => {
  for (const framing of ['content-length: 20000000', 'transfer-encoding: chunked']) {
    const connection = await Connection.open(app.port);
    connection.socket.pause();
    await connection.send(`POST /measure HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
    const body = 'a'.repeat(20_000_000);
    await connection.send(framing.startsWith('c') ? body : `1312d00\r\n${body}\r\n0\r\n\r\n`);
    assert.ok(!connection.socket.destroyed, `Reset while it sent its body with ${framing}`);
    connection.socket.resume();
    assert.match(problem(await connection.answer(), 413), tooLarge);
    connection.drop();
  }
  assert.equal(app.open.length, 0);
});

test('a body that no route wants does not hurt the next request', async () => {
  const connection = await Connection.open(app.port);
  const body = 'GET /healthz HTTP/1.1\r\n\r\n'.repeat(1000);
  text(await connection.request('GET', '/', { body }), 200, 'Hello, world!');
  problem(await connection.request('POST', '/', { body }), 405);
  problem(await connection.request('POST', '/nothing', { body }), 404);
  problem(await connection.request('DELETE', '/tasks/1-a', { body }), 404);
  text(await connection.request('GET', '/healthz', { body }), 200, 'ok');
  assert.equal(connection.unread, '');
  connection.drop();
});
