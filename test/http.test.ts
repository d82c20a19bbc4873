/** The routes and their answers: the application as shipped, in this process, asked over real connections. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { METHODS } from 'node:http';
import { after, test } from 'node:test';
import { runTask } from '#runtime/handle';
import { move } from '#runtime';
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

/** The result of a text that the server accepts. */
async function count(body: string | Uint8Array): Promise<unknown> {
  return (await ended(acceptedAt(await ask('POST', '/count_words', body))))['result'];
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

test('both start routes accept a task by GET and by POST, and say where it is', async (t) => {
  const blockade = await app.block(t);
  const urls: string[] = [];
  for (const [path, task, kind] of [
    ['/start_sync_task', 'syncTask', 'sync'],
    ['/start_async_task', 'asyncTask', 'async'],
  ]) {
    for (const method of ['GET', 'POST']) {
      const url = acceptedAt(await ask(method, path ?? ''));
      const { id, task: name, kind: shown, state } = await status(url);
      assert.deepEqual([id, name, shown, state], [url.slice('/tasks/'.length), task, kind, 'queued']);
      urls.push(url);
    }
  }
  assert.equal(new Set(urls).size, 4);
  assert.equal(app.open, 5);
  for (const url of urls) assert.equal((await ask('DELETE', url)).status, 200);
  await blockade.end();
});

const ROUTES: Record<string, string> = {
  '/': 'GET, HEAD',
  '/start_sync_task': 'GET, POST',
  '/start_async_task': 'GET, POST',
  '/count_words': 'POST',
  '/tasks/': 'GET, HEAD, DELETE',
  '/tasks/1-abc': 'GET, HEAD, DELETE',
  '/healthz': 'GET, HEAD',
  '/readyz': 'GET, HEAD',
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
    '/Start_sync_task',
    '/start_sync_task/',
    '/%2e',
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
  const url = acceptedAt(await ask('POST', '/count_words', 'a'));
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

// ── A task, from start to end ──────────────────────────────────────────────────────────────────────────────────────

test('a task is shown queued, then succeeded, with its times and its result', async (t) => {
  const before = Date.now();
  const blockade = await app.block(t);
  const url = acceptedAt(await ask('POST', '/count_words', 'to be\nor not\n'));
  const queued = await status(url);
  const { enqueued, ...rest } = queued;
  assert.deepEqual(rest, {
    id: url.slice('/tasks/'.length),
    task: 'countWords',
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
  assert.deepEqual(view['result'], { lines: 2, words: 4, bytes: 13 });
  assert.ok(!('error' in view));
  const times = [view['enqueued'], view['started'], view['finished']].map(String);
  assert.ok(times.every(isTime));
  assert.deepEqual(times, [...times].sort());
  assert.ok(Date.parse(times[0] ?? '') >= before && Date.parse(times[2] ?? '') <= Date.now());
});

test('a running task is shown running, and is asked to stop by DELETE: 202', async (t) => {
  const own = await Application.start();
  t.after(() => own.stop());
  const url = acceptedAt(await request(own.port, 'POST', '/start_sync_task'));
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
  const url = acceptedAt(await ask('POST', '/start_async_task'));
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
  const url = acceptedAt(await ask('POST', '/count_words', 'a'));
  const view = await ended(url);
  assert.match(problem(await ask('DELETE', url), 409), /succeeded/);
  assert.deepEqual(await status(url), view);
});

test('a task whose thread dies is shown failed, with the error and its cause, and without a stack', async (t) => {
  t.mock.method(console, 'error', () => {});
  const born = once(process, 'worker');
  const own = await Application.start();
  t.after(() => own.stop());
  const url = acceptedAt(await request(own.port, 'POST', '/start_async_task'));
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

test('every URL that is not a task’s own is the same 404, by GET and by DELETE', async (t) => {
  const blockade = await app.block(t);
  const [first = '', second = ''] = [
    acceptedAt(await ask('POST', '/count_words', 'a')),
    acceptedAt(await ask('POST', '/count_words', 'b')),
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
    `${id}%2D${code}`,
    `%${id.charCodeAt(0).toString(16)}-${code}`,
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

test('a task that ended long ago is 404', async () => {
  const url = acceptedAt(await ask('POST', '/count_words', 'a'));
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
    codes.add((await request(own.port, 'POST', '/count_words', { body: '' })).headers['location']);
  }
  assert.equal(codes.size, 2);
});

// ── Texts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

test('a text is counted as `wc` does it', async () => {
  for (const body of [
    '',
    'a',
    'a\n',
    '\n\n\n',
    ' a  b\tc\r\nd\v\fe ',
    'no newline at the end',
    'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich\n',
    '日本語 テキスト\n',
    '🙂 🙃\n'.repeat(1000),
  ]) {
    const printed = execFileSync('wc', ['-lwc'], {
      input: body,
      env: { LC_ALL: 'C.UTF-8' },
      encoding: 'utf8',
    });
    const [lines, words, bytes] = printed.trim().split(/\s+/).map(Number);
    assert.deepEqual(await count(body), { lines, words, bytes }, JSON.stringify(body.slice(0, 40)));
  }
});

test('a byte order mark is counted, and a POST without any body is the empty text', async () => {
  assert.deepEqual(await count('\ufeffa b\n'), { lines: 1, words: 2, bytes: 7 });
  const url = acceptedAt(await ask('POST', '/count_words'));
  assert.deepEqual((await ended(url))['result'], { lines: 0, words: 0, bytes: 0 });
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
    const answer = await connection.request('POST', '/count_words', { body: Uint8Array.from(bytes) });
    assert.match(problem(answer, 400), /UTF-8/);
  }
  text(await connection.request('GET', '/'), 200, 'Hello, world!');
  connection.drop();
});

test('a text may come in chunks, cut inside a character', async () => {
  const connection = await Connection.open(port);
  await connection.send('POST /count_words HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (const byte of Buffer.from('ä €\n')) await connection.send(`1;a=b\r\n${String.fromCharCode(byte)}\r\n`);
  await connection.send('0\r\nTrailer: x\r\n\r\n');
  const url = acceptedAt(await connection.answer());
  assert.deepEqual((await ended(url))['result'], { lines: 1, words: 2, bytes: 7 });
  text(await connection.request('GET', '/'), 200, 'Hello, world!');
  connection.drop();
});

const tooLarge = /Expected a body of at most 65536 bytes/;

test('a body that is declared too large is 413 at once, before it is sent', async () => {
  for (const length of ['65537', '99999999999', '9007199254740993']) {
    const answer = await request(port, 'POST', '/count_words', { headers: { 'content-length': length } });
    assert.match(problem(answer, 413), tooLarge);
  }
});

test('a body that grows too large is 413, in one chunk or in many', async () => {
  const head = 'POST /count_words HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = (size: number) => `${size.toString(16)}\r\n${'a'.repeat(size)}\r\n`;
  for (const body of [chunk(MAX_BODY + 1), chunk(1024).repeat(64) + chunk(1)]) {
    const connection = await Connection.open(port);
    await connection.send(head + body);
    assert.match(problem(await connection.answer(), 413), tooLarge);
    connection.drop();
  }
});

test('a text of 40,000 characters that need two bytes each is 413, and the refusal names the limit', async () => {
  assert.match(problem(await ask('POST', '/count_words', 'é'.repeat(40_000)), 413), tooLarge);
});

test('a text that fits, but not as a task, is 413, and the refusal names both sizes', async () => {
  const detail = problem(await ask('POST', '/count_words', `${'a'.repeat(40_000)}€`), 413);
  assert.match(detail, /Expected at most 65536 bytes, got 800\d\d: /); // two bytes for each character, and a head
});

test('a client that sends everything before it reads still learns that it was too much', async () => {
  for (const framing of ['content-length: 20000000', 'transfer-encoding: chunked']) {
    const connection = await Connection.open(port);
    connection.socket.pause();
    await connection.send(`POST /count_words HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
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
    urls.push(acceptedAt(await ask('POST', '/start_async_task')));
    assert.ok(performance.now() - start < AT_ONCE_MS);
  }
  assert.equal(app.open, CAPACITY + 1);
  const waiting = await Connection.open(port);
  const answered = waiting.request('POST', '/count_words', { body: 'a b' });
  await until(() => app.open === CAPACITY + 2);
  assert.equal(waiting.unread, '');
  // A cancelled task leaves the queue when the worker thread gets to it.
  for (const url of urls) assert.equal((await ask('DELETE', url)).status, 200);
  assert.equal(waiting.unread, '');
  await blockade.release();
  const view = await ended(acceptedAt(await answered));
  assert.deepEqual([view['state'], view['result']], ['succeeded', { lines: 0, words: 2, bytes: 3 }]);
  for (const url of urls) assert.equal((await status(url))['state'], 'cancelled');
  waiting.drop();
});

test('a queue that stays full for 1 s is 503, other requests are answered meanwhile', async (t) => {
  const blockade = await app.fill(t);
  const before = ledger.open();
  const start = performance.now();
  const connection = await Connection.open(port);
  const answered = connection.request('POST', '/start_sync_task').then((answer) => ({
    answer,
    ms: performance.now() - start,
  }));
  await until(() => app.open === before.length + 1);
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
    await connection.send('POST /start_sync_task HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => app.open === before.length + 1);
    away(connection);
    await until(() => app.open === before.length);
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
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask('POST', '/count_words', 'a')));
  for (const answer of answers) problem(answer, 503);
  assert.deepEqual(ledger.open(), before);
  await blockade.end();
  const again = await app.block(t);
  for (let n = 0; n < CAPACITY; n++) acceptedAt(await ask('POST', '/count_words', 'a'));
  assert.equal(app.open, CAPACITY + 1);
  await again.end();
});

test('clients that wait for room are accepted in the order in which they came', async (t) => {
  const blockade = await app.fill(t);
  const waiting: Promise<Answer>[] = [];
  for (let n = 0; n < 20; n++) {
    waiting.push(ask('POST', '/count_words', `${n}`));
    await until(() => app.open === CAPACITY + 2 + n);
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
  const url = acceptedAt(await request(own.port, 'POST', '/count_words', { body: 'a' }));
  await own.rest();
  const { state } = JSON.parse((await request(own.port, 'GET', url)).body);
  assert.equal(state, 'succeeded');
});

test('while draining, tasks are refused, statuses are read, and connections are closed', async (t) => {
  const own = await Application.start();
  t.after(() => own.stop());
  const blockade = await own.fill(t, 1);
  const url = acceptedAt(await request(own.port, 'POST', '/count_words', { body: 'a b' }));
  const waiting = request(own.port, 'POST', '/count_words', { body: 'c' });
  await until(() => own.open === CAPACITY + 2);
  const drained = own.runtime.drain();
  assert.equal(problem(await waiting, 503), 'The server is going down');
  for (const [method, target] of [
    ['POST', '/start_sync_task'],
    ['GET', '/start_async_task'],
    ['POST', '/count_words'],
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
  assert.deepEqual([state, result], ['succeeded', { lines: 0, words: 2, bytes: 3 }]);
});
