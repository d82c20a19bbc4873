/** Routes, tasks and bodies over real connections to an application of the tests' own, in this process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { METHODS } from 'node:http';
import { after, test } from 'node:test';
import { createHttpServer, maxTaskBytes } from '#http';
import { TaskKeys } from '#http/taskurl';
import { move } from '#runtime';
import { runTask } from '#runtime/handle';
import { Application, CAPACITY } from './support/application.js';
import { type Answer, acceptedAt, Connection, problem, request, text } from './support/connection.js';
import { until } from './support/wait.js';

/** The machine may be busy; what takes longer than this waited for something. */
const AT_ONCE_MS = 500;
const MAX_BODY = 65_536;

const app = await Application.start();
const { port, ledger } = app;
after(() => app.stop());

const ask = (method: string, target: string, body?: string | Uint8Array): Promise<Answer> =>
  request(port, method, target, body === undefined ? {} : { body });

async function status(url: string): Promise<Record<string, unknown>> {
  const answer = await ask('GET', url);
  assert.equal(answer.status, 200, answer.body);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const view = JSON.parse(answer.body);
  const open = view.state === 'queued' || view.state === 'running';
  assert.equal(answer.headers['retry-after'], open ? '1' : undefined);
  assert.equal(answer.headers['content-length'], String(Buffer.byteLength(answer.body)));
  return view;
}

async function ended(url: string): Promise<Record<string, unknown>> {
  await app.rest();
  return status(url);
}

/** What became of a text that the server accepts. */
async function measured(body: string | Uint8Array): Promise<unknown> {
  return (await ended(acceptedAt(await ask('POST', '/measure', body))))['result'];
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && new Date(value).toISOString() === value;
}

// ── Routes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

test('GET / says hello', async () => {
  text(await ask('GET', '/'), 200, 'Hello, world!');
  text(await ask('GET', '/?a=b'), 200, 'Hello, world!');
});

test('/healthz and /readyz are 200 while all is well', async () => {
  text(await ask('GET', '/healthz'), 200, 'ok');
  text(await ask('GET', '/readyz'), 200, 'ok');
});

test('a route accepts a task by each of its methods, and says where it is', async (t) => {
  const blockade = await app.block(t);
  const urls: string[] = [];
  for (const [method, path, task, kind] of [
    ['GET', '/hold', 'hold', 'sync'],
    ['POST', '/hold', 'hold', 'sync'],
    ['POST', '/wait', 'wait', 'async'],
  ] as const) {
    const url = acceptedAt(await ask(method, path));
    const { id, task: name, kind: shown, state } = await status(url);
    assert.deepEqual([id, name, shown, state], [url.slice('/tasks/'.length), task, kind, 'queued']);
    urls.push(url);
  }
  assert.equal(new Set(urls).size, 3);
  assert.equal(app.open, 4);
  for (const url of urls) assert.equal((await ask('DELETE', url)).status, 200);
  await blockade.end();
});

const ROUTES: Record<string, string> = {
  '/': 'GET, HEAD, OPTIONS',
  '/hold': 'GET, HEAD, POST, OPTIONS',
  '/wait': 'POST, OPTIONS',
  '/measure': 'POST, OPTIONS',
  '/measure/some': 'POST, PUT, OPTIONS',
  '/size': 'PATCH, OPTIONS',
  '/tasks/': 'GET, HEAD, DELETE, OPTIONS',
  '/tasks/1-abc': 'GET, HEAD, DELETE, OPTIONS',
  '/healthz': 'GET, HEAD, OPTIONS',
  '/readyz': 'GET, HEAD, OPTIONS',
};

for (const [path, allow] of Object.entries(ROUTES)) {
  test(`every method but ${allow} is refused at ${path}, and the connection goes on`, async () => {
    const connection = await Connection.open(port);
    for (const method of METHODS) {
      if (allow.split(', ').includes(method) || method === 'CONNECT') continue;
      const answer = await connection.request(method, path);
      assert.equal(answer.headers['allow'], allow, method);
      if (method === 'HEAD') assert.equal(answer.status, 405);
      else assert.equal(problem(answer, 405), `Expected ${allow}, got ${method}`);
      assert.equal(answer.headers['connection'], 'keep-alive');
    }
    text(await connection.request('GET', '/'), 200, 'Hello, world!');
    connection.drop();
    assert.equal(app.open, 0);
  });
}

test('a method that HTTP does not know, or that is a property of every object, is refused', async () => {
  for (const method of ['constructor', 'FETCH', 'get', 'toString']) problem(await ask(method, '/'), 400);
});

test('whatever else is asked for is 404, by any method', async () => {
  const connection = await Connection.open(port);
  for (const path of [
    '/nothing',
    '/tasks',
    '/healthz/',
    '//',
    '/Hold',
    '/hold/',
    '/%2F',
    '/../',
    '/__proto__',
    '/constructor',
    '/favicon.ico',
  ]) {
    for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
      assert.equal(problem(await connection.request(method, path), 404), `There is nothing at ${path}`);
    }
  }
  connection.drop();
});

test('HEAD is answered like GET, without the body', async (t) => {
  const blockade = await app.block(t);
  const url = acceptedAt(await ask('POST', '/measure', 'a'));
  await blockade.end();
  const connection = await Connection.open(port);
  for (const path of ['/', '/healthz', '/readyz', url, '/tasks/0-no', '/nothing']) {
    const head = await connection.request('HEAD', path);
    const get = await connection.request('GET', path); // it would find a body that should not be there
    const { date: _headDate, ...headHeaders } = head.headers;
    const { date: _getDate, ...getHeaders } = get.headers;
    assert.deepEqual([head.status, headHeaders], [get.status, getHeaders]);
  }
  connection.drop();
});

test('OPTIONS says what a route allows, and what the server allows at all: 204', async () => {
  const connection = await Connection.open(port);
  const all = 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE';
  for (const [target, allow] of Object.entries({
    ...ROUTES,
    '*': all,
    'http://localhost': all,
    '/?a': ROUTES['/'],
  })) {
    const answer = await connection.request('OPTIONS', target, { body: 'a' });
    assert.deepEqual([answer.status, answer.headers['allow'], answer.body], [204, allow, ''], target);
    assert.equal(answer.headers['content-length'], undefined);
    assert.equal(answer.headers['content-type'], undefined);
  }
  for (const target of ['/nothing', '**', '/*', 'http://localhost?a/nothing', 'http://localhost/*']) {
    const { status } = await connection.request('OPTIONS', target);
    assert.equal(status, target.includes('?') ? 204 : 404, target);
  }
  connection.drop();
  assert.equal(app.open, 0);
});

test('a path finds its route whether or not it is percent-encoded, once', async () => {
  const connection = await Connection.open(port);
  for (const target of [
    '/%68ealthz',
    '/%68%65%61%6C%74%68%7A',
    '/%68%65%61%6c%74%68%7a?a=%2',
    'http://localhost/health%7a',
    '/gr%C3%B6%c3%9fe/a%20b',
  ]) {
    assert.equal((await connection.request('GET', target)).status, 200, target);
  }
  for (const [target, shown] of [
    ['/%2Fhealthz', '/%2Fhealthz'],
    ['/%2fhealthz', '/%2Fhealthz'],
    ['/%2568ealthz', '/%2568ealthz'],
    ['/healthz%00', '/healthz%00'],
    ['/healthz%3Fa', '/healthz%3Fa'],
    ['/healthz%2f', '/healthz%2F'],
    ['/x/%2e%2E/healthz', '/x/../healthz'],
    ['http://localhost/%2Fhealthz', '/%2Fhealthz'],
  ]) {
    const answer = await connection.request('GET', target ?? '');
    assert.equal(problem(answer, 404), `There is nothing at ${shown}`);
  }
  connection.drop();
});

test('a path whose percent-encoding is broken, or is not UTF-8, is 400 by any method', async () => {
  const connection = await Connection.open(port);
  for (const path of [
    '/%',
    '/healthz%',
    '/healthz%2',
    '/%zz',
    '/tasks/%-a',
    '/%%41',
    '/%u0041',
    '/%ff',
    '/%C3',
    '/%c0%ae',
  ]) {
    for (const target of [path, `http://localhost${path}`]) {
      for (const method of ['GET', 'DELETE', 'OPTIONS']) {
        const answer = await connection.request(method, target);
        assert.equal(problem(answer, 400), `Expected a path in percent-encoded UTF-8, got ${path}`);
      }
    }
  }
  text(await connection.request('GET', '/'), 200, 'Hello, world!');
  connection.drop();
});

test('what a handler throws is 500, told to the log and not to the client', async (t) => {
  const log = t.mock.method(console, 'error', () => {});
  assert.equal(problem(await ask('GET', '/broken'), 500), 'Something went wrong; the log says what');
  assert.match(String(log.mock.calls[0]?.arguments[0]), /on purpose/);
});

test('a path of a route that does not begin with a slash is a mistake', () => {
  const routes = { hello: { GET: () => ({ status: 200, headers: {}, body: '' }) } };
  assert.throws(() => createHttpServer(routes, { ending: false }), {
    name: 'TypeError',
    message: /got hello$/,
  });
});

// ── A task, from start to end ──────────────────────────────────────────────────────────────────────────────────────

test('a task is shown queued, then succeeded, with its times and its result', async (t) => {
  const before = Date.now();
  const blockade = await app.block(t);
  const url = acceptedAt(await ask('POST', '/measure', 'to be\nor not\n'));
  const queued = await status(url);
  const { enqueued, ...rest } = queued;
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
  await blockade.end();
  const view = await status(url);
  assert.equal(view['state'], 'succeeded');
  assert.deepEqual(view['result'], { units: 13, bytes: 13 });
  assert.ok(!('error' in view));
  const times = [view['enqueued'], view['started'], view['finished']].map(String);
  assert.ok(times.every(isTime));
  assert.deepEqual(times, [...times].sort());
  assert.ok(Date.parse(times[0] ?? '') >= before && Date.parse(times[2] ?? '') <= Date.now());
});

test('a running task is shown running, and is asked to stop by DELETE: 202', async (t) => {
  const own = await Application.start();
  t.after(() => own.stop());
  const url = acceptedAt(await request(own.port, 'POST', '/endure'));
  let view: Record<string, unknown> = {};
  do {
    const answer = await request(own.port, 'GET', url);
    assert.equal(answer.headers['retry-after'], '1');
    view = JSON.parse(answer.body);
  } while (view['started'] === null);
  assert.equal(view['state'], 'running');
  assert.ok(isTime(view['started']));
  assert.equal(view['finished'], null);
  for (let n = 0; n < 2; n++) {
    const answer = await request(own.port, 'DELETE', url);
    assert.equal(answer.status, 202);
    assert.equal(answer.headers['content-type'], 'application/json');
    const { state, cancelRequested } = JSON.parse(answer.body);
    assert.deepEqual([state, cancelRequested], ['running', true]);
  }
});

test('a queued task is cancelled by DELETE: 200, and 409 from then on', async (t) => {
  const blockade = await app.block(t);
  const url = acceptedAt(await ask('POST', '/wait'));
  const answer = await ask('DELETE', url);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const view = JSON.parse(answer.body);
  assert.deepEqual([view.state, view.started, isTime(view.finished)], ['cancelled', null, true]);
  assert.match(problem(await ask('DELETE', url), 409), /cancelled/);
  await blockade.end();
  const { state, started } = await status(url);
  assert.deepEqual([state, started], ['cancelled', null]);
});

test('DELETE of a task that has ended is 409, and changes nothing', async () => {
  const url = acceptedAt(await ask('POST', '/measure', 'a'));
  const view = await ended(url);
  assert.match(problem(await ask('DELETE', url), 409), /succeeded/);
  assert.deepEqual(await status(url), view);
});

test('a task whose thread dies is shown failed, with the error and its cause, and without a stack', async (t) => {
  t.mock.method(console, 'error', () => {});
  const born = once(process, 'worker');
  const own = await Application.start();
  t.after(() => own.stop());
  const url = acceptedAt(await request(own.port, 'POST', '/wait'));
  await until(() => own.ledger.running().length === 1);
  const [worker] = await born;
  await worker.terminate();
  await own.rest();
  const answer = await request(own.port, 'GET', url);
  assert.equal(answer.headers['retry-after'], undefined);
  const { state, error, result } = JSON.parse(answer.body);
  assert.deepEqual([state, result], ['failed', undefined]);
  assert.equal(error.name, 'WorkerCrashedError');
  assert.equal(error.code, 'ERR_WORKER_CRASHED');
  assert.equal(typeof error.message, 'string');
  assert.deepEqual(Object.keys(error.cause), ['name', 'message']);
  assert.ok(!answer.body.includes('stack') && !answer.body.includes('.js:'));
  text(await request(own.port, 'GET', '/readyz'), 200, 'ok');
});

// ── Task URLs ──────────────────────────────────────────────────────────────────────────────────────────────────────

test('the code of a task’s URL follows from its id and the secret, in whatever order they are asked for', () => {
  const [one, same, other] = [new TaskKeys('secret'), new TaskKeys('secret'), new TaskKeys()];
  const ids = [0, 31, 32, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER];
  const keys = ids.map((id) => one.keyOf(id));
  assert.equal(new Set(keys.map((key) => key.slice(key.indexOf('-')))).size, ids.length);
  assert.deepEqual(
    [...ids].reverse().map((id) => same.keyOf(id)),
    [...keys].reverse(),
  );
  assert.deepEqual(
    keys.map((key) => same.idOf(key)),
    ids,
  );
  for (const key of [...keys, 'NaN-', '1e400-', '-1']) assert.equal(other.idOf(key), undefined, key);
});

test('every URL that is not a task’s own is the same 404, by GET and by DELETE', async (t) => {
  const blockade = await app.block(t);
  const [first = '', second = ''] = [
    acceptedAt(await ask('POST', '/measure', 'a')),
    acceptedAt(await ask('POST', '/measure', 'b')),
  ];
  const [id = '', code = ''] = first.slice('/tasks/'.length).split(/-(.*)/s);
  const [otherId = '', otherCode = ''] = second.slice('/tasks/'.length).split(/-(.*)/s);
  assert.notEqual(code, otherCode);
  const flipped = (code.startsWith('A') ? 'B' : 'A') + code.slice(1);
  const connection = await Connection.open(port);
  const bodies = new Set<string>();
  for (const key of [
    '',
    '-',
    id,
    `${id}-`,
    `-${code}`,
    `${id}-${flipped}`,
    `${id}-${code.slice(0, -1)}`,
    `${id}-${code}A`,
    `${id}-${code}=`,
    `${id}-${otherCode}`,
    `${otherId}-${code}`,
    `${id}${code}`,
    `+${id}-${code}`,
    `0${id}-${code}`,
    `${id}.0-${code}`,
    `${id}e0-${code}`,
    `1e3-${code}`,
    `0x${Number(id).toString(16)}-${code}`,
    `-1-${code}`,
    `-${id}-${code}`,
    `999999999-${code}`,
    `9007199254740993-${code}`,
    `${'9'.repeat(400)}-${code}`,
    `NaN-${code}`,
    `undefined-${code}`,
    `${id}%252D${code}`,
    `${id}%2F${code}`,
    `${id}-${code}%00`,
    `${id}-${code}/`,
    `/${id}-${code}`,
    `../tasks/${id}-${code}`,
    `${id}-${code};a`,
    `${id}-${code.toUpperCase() === code ? code.toLowerCase() : code.toUpperCase()}`,
    'x'.repeat(8000),
  ]) {
    for (const method of ['GET', 'DELETE']) {
      const answer = await connection.request(method, `/tasks/${key}`);
      problem(answer, 404);
      bodies.add(answer.body);
    }
  }
  assert.equal(bodies.size, 1);
  connection.drop();
  assert.equal((await status(first))['state'], 'queued');
  assert.equal((await status(`${second}?a=b`))['state'], 'queued');
  await blockade.end();
});

test('the URL of a task may be percent-encoded', async (t) => {
  const blockade = await app.block(t);
  const url = acceptedAt(await ask('POST', '/measure', 'a'));
  const encoded = Array.from(url, (char) =>
    char === '/' ? char : `%${char.charCodeAt(0).toString(16)}`,
  ).join('');
  for (const same of [
    url.replace('-', '%2D'),
    url.replace('-', '%2d'),
    encoded,
    `http://localhost${encoded}`,
  ]) {
    assert.equal((await status(same))['id'], url.slice('/tasks/'.length));
  }
  assert.equal((await ask('DELETE', encoded)).status, 200);
  await blockade.end();
});

test('a task that ended long ago is 404', async () => {
  const url = acceptedAt(await ask('POST', '/measure', 'a'));
  await ended(url);
  for (let n = 0; n < 1024; n++) {
    const idle = move({}, () => {});
    await runTask(idle, app.tx);
  }
  problem(await ask('GET', url), 404);
  problem(await ask('DELETE', url), 404);
  await app.rest();
});

test('another start of the application gives the same task another URL', async (t) => {
  const codes = new Set<string | undefined>();
  for (let n = 0; n < 2; n++) {
    const own = await Application.start();
    t.after(() => own.stop());
    codes.add((await request(own.port, 'POST', '/measure', { body: '' })).headers['location']);
  }
  assert.equal(codes.size, 2);
});

// ── Texts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

test('a text arrives as it was sent', async () => {
  for (const body of ['', 'a\r\n\0', 'Zwölf Boxkämpfer', '日本語', '🙂 🙃\n'.repeat(1000)]) {
    assert.deepEqual(await measured(body), { units: body.length, bytes: Buffer.byteLength(body) });
  }
});

test('a byte order mark is kept, and a POST without any body is the empty text', async () => {
  assert.deepEqual(await measured('\ufeffa b\n'), { units: 5, bytes: 7 });
  const url = acceptedAt(await ask('POST', '/measure'));
  assert.deepEqual((await ended(url))['result'], { units: 0, bytes: 0 });
});

test('a text that is not UTF-8 is 400, and the connection goes on', async () => {
  const connection = await Connection.open(port);
  for (const bytes of [
    [0xff],
    [0x61, 0x80],
    [0xc3], // cut off
    [0xc0, 0xaf], // not the shortest form
    [0xed, 0xa0, 0x80], // a surrogate
    [0xf4, 0x90, 0x80, 0x80], // past U+10FFFF
  ]) {
    const answer = await connection.request('POST', '/measure', { body: Uint8Array.from(bytes) });
    assert.match(problem(answer, 400), /UTF-8/);
  }
  text(await connection.request('GET', '/'), 200, 'Hello, world!');
  connection.drop();
});

test('a text may come in chunks, cut inside a character', async () => {
  const connection = await Connection.open(port);
  await connection.send('POST /measure HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (const byte of Buffer.from('ä €\n')) await connection.send(`1;a=b\r\n${String.fromCharCode(byte)}\r\n`);
  await connection.send('0\r\nTrailer: x\r\n\r\n');
  const url = acceptedAt(await connection.answer());
  assert.deepEqual((await ended(url))['result'], { units: 4, bytes: 7 });
  text(await connection.request('GET', '/'), 200, 'Hello, world!');
  connection.drop();
});

test('a body in a content coding is 415 and names the one that is accepted, unless it is that', async () => {
  const connection = await Connection.open(port);
  const send = (coding: string) =>
    connection.request('POST', '/measure', { body: 'a b', headers: { 'content-encoding': coding } });
  for (const coding of ['identity', 'IDENTITY', 'identity, Identity', '', ' ', ',', ' identity ,']) {
    acceptedAt(await send(coding));
  }
  await app.rest();
  for (const coding of [
    'gzip',
    'GZip',
    'x-gzip',
    'deflate',
    'br',
    'zstd',
    'aes128gcm',
    'identity, gzip',
    'gzip,identity',
    'identity;q=1',
    'utf-8',
    '*',
  ]) {
    const answer = await send(coding);
    assert.equal(problem(answer, 415), `Expected a body that is not encoded, got ${coding}`);
    assert.equal(answer.headers['accept-encoding'], 'identity');
  }
  await connection.send('POST /measure HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\n');
  await connection.send('Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\na');
  problem(await connection.answer(), 415);
  for (const [method, target] of [
    ['PUT', '/measure/some'],
    ['PATCH', '/size'],
  ] as const) {
    const headers = { 'content-encoding': 'gzip' };
    problem(await connection.request(method, target, { body: 'a', headers }), 415);
  }
  text(
    await connection.request('GET', '/', { body: 'a', headers: { 'content-encoding': 'gzip' } }),
    200,
    'Hello, world!',
  );
  connection.drop();
  assert.equal(app.open, 0);
});

test('a text in another charset is 415, however it is written; the media type does not matter', async () => {
  const connection = await Connection.open(port);
  const send = (type: string) =>
    connection.request('POST', '/measure', { body: 'a b', headers: { 'content-type': type } });
  for (const type of [
    'text/plain',
    'text/plain; charset=utf-8',
    'text/html;charset=UTF-8',
    'text/plain; charset="Utf-8"',
    'text/plain ; Charset = "ut\\f-8" ; format=flowed',
    'application/json; charset=US-ASCII',
    'application/x-www-form-urlencoded',
    'text/plain; title="; charset=latin1"; charset=utf-8',
    'text/plain; charsets=latin1; x-charset=latin1',
    'text/plain;',
    'nonsense',
    '',
  ]) {
    acceptedAt(await send(type));
  }
  await app.rest();
  for (const [type, charset] of [
    ['text/plain; charset=iso-8859-1', 'iso-8859-1'],
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
  assert.equal(app.open, 0);
});

test('a client that asks first is refused for its coding or charset before it sends', async () => {
  for (const header of ['Content-Encoding: br', 'Content-Type: text/plain; charset=latin1']) {
    const connection = await Connection.open(port);
    const head = `POST /measure HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n${header}`;
    await connection.send(`${head}\r\n\r\n`);
    problem(await connection.answer(), 415);
    connection.drop();
  }
});

test('each route has its own limit for bodies; one without reads none', async () => {
  for (const [method, path, limit] of [
    ['POST', '/measure', MAX_BODY],
    ['POST', '/measure/some', 10],
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

test('the channel carries the largest body of all routes, in any script', () => {
  const GET = () => ({ status: 200, headers: {}, body: '' });
  assert.equal(maxTaskBytes({ '/': { GET } }), 65_536); // the default of a channel
  assert.equal(maxTaskBytes({ '/': { GET, maxBody: 10 }, '/a': { GET, maxBody: 100_000 } }), 201_024);
});

const tooLarge = /Expected a body of at most 65536 bytes/;

test('a body that is declared too large is 413 at once, before it is sent', async () => {
  for (const length of ['65537', '99999999999', '9007199254740993']) {
    const answer = await request(port, 'POST', '/measure', { headers: { 'content-length': length } });
    assert.match(problem(answer, 413), tooLarge);
  }
});

test('a body that grows too large is 413, in one chunk or in many', async () => {
  const head = 'POST /measure HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = (size: number) => `${size.toString(16)}\r\n${'a'.repeat(size)}\r\n`;
  for (const body of [chunk(MAX_BODY + 1), chunk(1024).repeat(64) + chunk(1)]) {
    const connection = await Connection.open(port);
    await connection.send(head + body);
    assert.match(problem(await connection.answer(), 413), tooLarge);
    connection.drop();
  }
});

test('a text of 40,000 characters that need two bytes each is 413, and the refusal names the limit', async () => {
  assert.match(problem(await ask('POST', '/measure', 'é'.repeat(40_000)), 413), tooLarge);
});

test('a body that fits, but not the task that is made of it, is 413, and the refusal names both sizes', async () => {
  const detail = problem(await ask('POST', '/measure/often', 'a'.repeat(50_000)), 413);
  assert.match(detail, /Expected at most 132096 bytes, got 1500\d\d: /);
});

test('a client that sends everything before it reads still learns that it was too much', async () => {
  for (const framing of ['content-length: 20000000', 'transfer-encoding: chunked']) {
    const connection = await Connection.open(port);
    connection.socket.pause();
    await connection.send(`POST /measure HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
    const body = 'a'.repeat(20_000_000);
    await connection.send(framing.startsWith('c') ? body : `1312d00\r\n${body}\r\n0\r\n\r\n`);
    assert.ok(!connection.socket.destroyed, `Reset while it sent its body with ${framing}`);
    connection.socket.resume();
    assert.match(problem(await connection.answer(), 413), tooLarge);
    connection.drop();
  }
  assert.equal(app.open, 0);
});

test('a body that no route wants does not hurt the next request', async () => {
  const connection = await Connection.open(port);
  const body = 'GET /healthz HTTP/1.1\r\n\r\n'.repeat(1000);
  text(await connection.request('GET', '/', { body }), 200, 'Hello, world!');
  problem(await connection.request('POST', '/', { body }), 405);
  problem(await connection.request('POST', '/nothing', { body }), 404);
  problem(await connection.request('DELETE', '/tasks/1-a', { body }), 404);
  text(await connection.request('GET', '/healthz', { body }), 200, 'ok');
  assert.equal(connection.unread, '');
  connection.drop();
});

// ── A full queue ───────────────────────────────────────────────────────────────────────────────────────────────────

test('with 32 queued and 1 running the next request waits, and is accepted when there is room', async (t) => {
  const blockade = await app.block(t);
  const urls: string[] = [];
  for (let n = 0; n < CAPACITY; n++) {
    const start = performance.now();
    urls.push(acceptedAt(await ask('POST', '/wait')));
    assert.ok(performance.now() - start < AT_ONCE_MS);
  }
  assert.equal(app.open, CAPACITY + 1);
  const waiting = await Connection.open(port);
  const answered = waiting.request('POST', '/measure', { body: 'a b' });
  await until(() => app.tx.waiting === 1);
  assert.equal(waiting.unread, '');
  // A cancelled task leaves the queue when the worker thread gets to it.
  for (const url of urls) assert.equal((await ask('DELETE', url)).status, 200);
  assert.equal(waiting.unread, '');
  await blockade.release();
  const view = await ended(acceptedAt(await answered));
  assert.deepEqual([view['state'], view['result']], ['succeeded', { units: 3, bytes: 3 }]);
  for (const url of urls) assert.equal((await status(url))['state'], 'cancelled');
  waiting.drop();
});

test('a queue that stays full for 1 s is 503, other requests are answered meanwhile', async (t) => {
  const blockade = await app.fill(t);
  const before = ledger.open();
  const start = performance.now();
  const connection = await Connection.open(port);
  const answered = connection.request('POST', '/hold').then((answer) => ({
    answer,
    ms: performance.now() - start,
  }));
  await until(() => app.tx.waiting === 1);
  for (let n = 0; n < 5; n++) {
    const asked = performance.now();
    text(await ask('GET', '/'), 200, 'Hello, world!');
    text(await ask('GET', '/readyz'), 200, 'ok');
    assert.ok(performance.now() - asked < AT_ONCE_MS);
  }
  const { answer, ms } = await answered;
  assert.equal(problem(answer, 503), 'The queue is full');
  assert.equal(answer.headers['retry-after'], '1');
  assert.equal(answer.headers['location'], undefined);
  assert.ok(ms >= 990 && ms < 3000, `answered after ${ms} ms`);
  assert.deepEqual(ledger.open(), before);
  text(await connection.request('GET', '/'), 200, 'Hello, world!');
  connection.drop();
  await blockade.end();
});

test('a client that leaves while it waits for room queues nothing', async (t) => {
  const blockade = await app.fill(t);
  const before = ledger.open();
  const leave: ((connection: Connection) => unknown)[] = [
    (connection) => connection.drop(),
    (connection) => connection.socket.resetAndDestroy(),
    (connection) => connection.socket.end(),
  ];
  for (const away of leave) {
    const connection = await Connection.open(port);
    const start = performance.now();
    await connection.send('POST /hold HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => app.tx.waiting === 1);
    away(connection);
    await until(() => app.tx.waiting === 0);
    const ms = performance.now() - start;
    assert.ok(ms < 1000, `forgotten after ${ms} ms: it was not noticed, but timed out`);
    connection.drop();
  }
  assert.deepEqual(ledger.open(), before);
  await blockade.end();
});

test('many clients wait in vain, and room is found afterwards', async (t) => {
  const blockade = await app.fill(t);
  const before = ledger.open();
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask('POST', '/measure', 'a')));
  for (const answer of answers) problem(answer, 503);
  assert.deepEqual(ledger.open(), before);
  await blockade.end();
  const again = await app.block(t);
  for (let n = 0; n < CAPACITY; n++) acceptedAt(await ask('POST', '/measure', 'a'));
  assert.equal(app.open, CAPACITY + 1);
  await again.end();
});

test('clients that wait for room are accepted in the order in which they came', async (t) => {
  const blockade = await app.fill(t);
  const waiting: Promise<Answer>[] = [];
  for (let n = 0; n < 20; n++) {
    waiting.push(ask('POST', '/measure', `${n}`));
    await until(() => app.tx.waiting === 1 + n);
  }
  await blockade.end();
  const ids = (await Promise.all(waiting)).map((each) => Number.parseInt(acceptedAt(each).slice(7), 10));
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => a - b),
  );
});

// ── When the runtime is not well ───────────────────────────────────────────────────────────────────────────────────

test('while the worker thread keeps dying, /healthz and /readyz are 503', async (t) => {
  t.mock.method(console, 'error', () => {});
  const own = await Application.start();
  t.after(() => own.stop());
  for (let deaths = 0; deaths < 2; deaths++) {
    const replaced = once(process, 'worker');
    const fatal = move({}, () => {
      setImmediate(() => process.exit(1));
    });
    await runTask(fatal, own.tx);
    if (deaths === 0) await replaced;
  }
  await until(() => own.runtime.failing);
  for (const path of ['/healthz', '/readyz']) {
    const answer = await request(own.port, 'GET', path);
    problem(answer, 503);
    assert.equal(answer.headers['retry-after'], '1');
  }
  const url = acceptedAt(await request(own.port, 'POST', '/measure', { body: 'a' }));
  await own.rest();
  const { state } = JSON.parse((await request(own.port, 'GET', url)).body);
  assert.equal(state, 'succeeded');
});

test('while draining, tasks are refused, statuses are read, and connections are closed', async (t) => {
  const own = await Application.start();
  t.after(() => own.stop());
  const blockade = await own.fill(t, 1);
  const url = acceptedAt(await request(own.port, 'POST', '/measure', { body: 'a b' }));
  const waiting = request(own.port, 'POST', '/measure', { body: 'c' });
  await until(() => own.tx.waiting === 1);
  const drained = own.runtime.drain();
  assert.equal(problem(await waiting, 503), 'The server is going down');
  for (const [method, target] of [
    ['POST', '/hold'],
    ['GET', '/hold'],
    ['POST', '/measure'],
    ['GET', '/readyz'],
  ]) {
    const answer = await request(own.port, method ?? '', target ?? '');
    problem(answer, 503);
    assert.equal(answer.headers['retry-after'], '1');
    assert.equal(answer.headers['connection'], 'close');
  }
  text(await request(own.port, 'GET', '/healthz'), 200, 'ok');
  const queued = await request(own.port, 'GET', url);
  assert.equal(JSON.parse(queued.body).state, 'queued');
  assert.equal(queued.headers['connection'], 'close');
  await blockade.release();
  const { finished, unfinished } = await drained;
  assert.deepEqual([finished.length, unfinished.length], [CAPACITY + 1, 0]);
  const { state, result } = JSON.parse((await request(own.port, 'GET', url)).body);
  assert.deepEqual([state, result], ['succeeded', { units: 3, bytes: 3 }]);
});
