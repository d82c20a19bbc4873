/** A server as a process: where it listens, and what it does when it is told to stop. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { basePathFrom, listen, settingsFrom } from '#http';
import { acceptedAt, Connection, problem, request } from '../support/connection.js';
import { ServerProcess, temporaryFolder } from '../support/server-process.js';
import { until } from '../support/wait.js';

const SERVER = fileURLToPath(new URL('./support/server.js', import.meta.url));
/** The machine may be busy: what ends within this time waited for nothing. */
const AT_ONCE_MS = 2500;

async function quickly<T>(answer: Promise<T>): Promise<T> {
  const late = sleep(AT_ONCE_MS, undefined, { ref: false }).then(() => assert.fail('not at once'));
  return Promise.race([answer, late]);
}

const startServer = (t: TestContext, env = {}): Promise<ServerProcess> => ServerProcess.start(t, env, SERVER);

const get = ({ port }: ServerProcess, target = '/') => request(port, 'GET', target);

const state = async (server: ServerProcess, url = '') => JSON.parse((await get(server, url)).body).state;

/** Starts tasks, the first of which runs when this resolves. Resolves with their URLs. */
async function run({ port, out }: ServerProcess, ...names: string[]): Promise<string[]> {
  const urls: string[] = [];
  for (const name of names) urls.push(acceptedAt(await request(port, 'POST', `/run/${name}`)));
  await out.seen(/^start new task, id 0$/);
  return urls;
}

const other = createServer();
const inUse = new URL(await listen(other, { host: '127.0.0.1', port: 0 })).port;
after(() => other.close());

test('HOST and PORT are read as Node.js takes them; a PORT with a slash is a path', () => {
  const { address } = settingsFrom({ HOST: '::1', PORT: '0' });
  assert.deepEqual(address, { host: '::1', port: 0 });
  assert.deepEqual(settingsFrom({ HOST: '', PORT: '' }).address, { host: '127.0.0.1', port: 8000 });
  assert.deepEqual(settingsFrom({ PORT: './app.sock' }).address, { path: './app.sock' });
});

test('what the environment says wrongly is refused in one line that says what was expected', () => {
  for (const [name, expected, texts, more] of [
    ['PORT', 'a number from 0 to 65535', ['abc', '-1', '65536', '80.5', ' 80', '99999999999', 'a.sock']],
    ['BASE_PATH', 'a path such as /api', ['api', '//a', 'http://a', '/a?b', '/a\r\nX: y', '/a/', '/ä']],
    ['LOG_FORMAT', 'json or plain', ['xml']],
    ['DRAIN_TIMEOUT_MS', 'a number from 0 to 3600000', ['10s', '3600001']],
    ['DRAIN_DELAY_MS', 'a number from 0 to 25000', ['25001']],
    ['DRAIN_DELAY_MS', 'a number from 0 to 1500', ['2000'], { DRAIN_TIMEOUT_MS: '1500' }], // it is part of the whole
    ['KEEP_ALIVE_MS', 'a number from 0 to 3600000', ['-1']],
  ] as const)
    for (const text of texts) {
      const env = { ...more, [name]: text };
      const message = `Expected ${name} to be ${expected}, got ${JSON.stringify(text)}`;
      assert.throws(() => [settingsFrom(env), basePathFrom(env)], { message });
    }
});

test('an address that cannot be had is named in one line', async (t) => {
  const path = join(temporaryFolder(t), 'none', 'app.sock');
  for (const [address, reason] of [
    [{ host: '127.0.0.1', port: Number(inUse) }, `EADDRINUSE.* 127\\.0\\.0\\.1:${inUse}`],
    [{ host: '[::1]', port: 0 }, 'ENOTFOUND \\[::1\\]'],
    [{ path }, `.* ${path}`],
  ] as const)
    await assert.rejects(listen(createServer(), address), new RegExp(`: Cannot listen: .*${reason}$`));
});

describe('a server', { concurrency: 4 }, () => {
  test('whose port is in use prints one line, and the exit code is 1', async (t) => {
    const { exited, err } = new ServerProcess(t, { PORT: inUse }, SERVER);
    assert.equal(await exited, 1);
    assert.equal(err.all.length, 1);
    assert.match(err.all[0] ?? '', /^Cannot listen: .* 127\.0\.0\.1/);
  });

  test('listens on 127.0.0.1 unless told otherwise; with KEEP_ALIVE_MS=0 it keeps no connection', async (t) => {
    const server = await startServer(t, { HOST: '', KEEP_ALIVE_MS: '0' });
    assert.match(await server.out.seen(/^listening/), /^listening on http:\/\/127\.0\.0\.1:\d+$/);
    const connection = await Connection.open(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal((await connection.answer()).headers['keep-alive'], 'timeout=0');
    await quickly(connection.closed);
  });

  test('whose PORT has a slash listens on a Unix socket, which is gone with it', async (t) => {
    const path = join(temporaryFolder(t), 'app.sock');
    const server = await startServer(t, { PORT: path });
    assert.equal(await server.out.seen(/^listening/), `listening on ${path}`);
    const [answer] = await once(httpRequest({ socketPath: path }).end(), 'response');
    assert.equal(answer.resume().statusCode, 200);
    server.child.kill('SIGTERM');
    assert.equal(await server.exited, 0);
    assert.ok(!existsSync(path));
  });

  test('that is idle ends at once, whatever connections are open (SIGHUP)', async (t) => {
    const server = await startServer(t);
    const kept = await Connection.open(server.port); // another one asks nothing
    assert.equal((await kept.request('GET', '/')).headers['keep-alive'], 'timeout=65');
    await Connection.open(server.port);
    const [url] = await run(server, 'say/1');
    while ((await state(server, url)) !== 'succeeded');
    server.child.kill('SIGHUP');
    assert.equal(await quickly(server.exited), 0);
    assert.deepEqual([server.out.all.at(-1), server.err.all], ['SIGHUP: draining', []]); // not what had ended before
  });

  test('that has not started yet ends at once (SIGINT)', async (t) => {
    const never = "console.log('loading'); setInterval(() => {}, 1000); await new Promise(() => {})";
    const server = new ServerProcess(t, { TASKS: `data:text/javascript,${never}` }, SERVER);
    await server.out.seen(/^loading$/);
    server.child.kill('SIGINT');
    assert.equal(await quickly(server.exited), 0);
  });

  test('names what has not ended, runs what is queued, refuses the rest, and names every end (SIGTERM)', async (t) => {
    const server = await startServer(t);
    const [running] = await run(server, 'endure/2000');
    const idle = await Connection.open(server.port);
    assert.equal((await idle.request('GET', '/')).headers['connection'], 'keep-alive');
    const urls: string[] = [];
    const clients = Array.from({ length: 60 }, async () => {
      const answer = await request(server.port, 'POST', '/run/say/a');
      if (answer.status === 202) urls.push(acceptedAt(answer));
      else problem(answer, 503);
    });
    await until(() => urls.length === 32); // the queue is full, the others wait
    const fresh = await Connection.open(server.port); // it asks later
    server.child.kill('SIGTERM');
    await server.out.seen(/^SIGTERM: draining$/);
    for (const connection of [idle, fresh]) {
      assert.equal((await connection.request('GET', '/')).headers['connection'], 'close');
      await quickly(connection.closed);
    }
    for (const asked of [get(server, '/readyz'), request(server.port, 'POST', '/run/say/a')]) {
      const answer = await asked;
      problem(answer, 503);
      assert.deepEqual([answer.headers['retry-after'], answer.headers['connection']], ['1', 'close']);
    }
    assert.equal((await get(server, '/healthz')).status, 200);
    assert.deepEqual([await state(server, running), await state(server, urls[31])], ['running', 'queued']);
    await Promise.all(clients);
    assert.equal(await server.exited, 0);
    const names = Array.from({ length: 33 }, (_, n) => `task ${n} (${n === 0 ? 'endure' : 'say'})`);
    assert.deepEqual(
      server.out.all.filter((line) => /task \d+ \(/.test(line)),
      [
        ...names.map((name, n) => `pending: ${name} ${n === 0 ? 'running' : 'queued'}`), // in case it is killed
        ...names.map((name) => `${name} succeeded`),
      ],
    );
    assert.deepEqual([urls.length, server.err.all], [32, []]);
  });

  test('is given DRAIN_TIMEOUT_MS; then what is lost is named, and the exit code is 1', async (t) => {
    const server = await startServer(t, { DRAIN_TIMEOUT_MS: '300' });
    await run(server, 'endure', 'say/1');
    server.child.kill('SIGTERM');
    assert.equal(await quickly(server.exited), 1);
    assert.deepEqual(server.err.all, ['lost: task 0 (endure) failed', 'lost: task 1 (say) cancelled']);
  });

  test('takes signals within milliseconds for one; one a second later ends it, even if no thread can be ended', async (t) => {
    const server = await startServer(t);
    await run(server, 'sleep/8', 'say/1'); // the thread is in a system call
    server.child.kill('SIGINT');
    await server.out.seen(/^SIGINT: draining$/);
    for (const same of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) server.child.kill(same);
    await sleep(1050); // signals less than a second apart are one
    assert.deepEqual([server.err.all, (await get(server, '/healthz')).status], [[], 200]);
    server.child.kill('SIGTERM');
    await quickly(once(server.child, 'exit'));
    assert.deepEqual(server.err.all, ['lost: task 0 (sleep) running', 'lost: task 1 (say) queued']);
  });

  test('answers the requests in flight before it closes', async (t) => {
    const server = await startServer(t);
    const beginning = 'POST /measure HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc';
    const upload = await Connection.open(server.port, beginning);
    const head = await Connection.open(server.port, 'GET / HTTP/1.1\r\nHos');
    const kept = await Connection.open(server.port);
    assert.equal((await kept.request('GET', '/')).headers['connection'], 'keep-alive');
    await kept.send('GET / HTTP/1.1\r\nHos');
    assert.equal((await get(server)).status, 200); // what was sent before has arrived
    server.child.kill('SIGTERM');
    await server.out.seen(/draining$/);
    while ((await get(server).catch(() => 'refused')) !== 'refused');
    await upload.send('defghi');
    assert.equal((await upload.answer()).status, 503);
    for (const half of [head, kept]) {
      await half.send('t: a\r\n\r\n');
      assert.equal((await half.answer()).status, 200);
    }
    assert.equal(await quickly(server.exited), 0);
  });

  test('does not wait for ever for a request that does not come in full', async (t) => {
    const server = await startServer(t);
    const refused = await Connection.open(
      server.port,
      'POST /measure HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\nabc',
    );
    assert.equal((await refused.answer()).status, 413);
    await Connection.open(server.port, 'GET / HTTP/1.1\r\nHos');
    const from = performance.now();
    server.child.kill('SIGTERM');
    assert.equal(await server.exited, 0);
    assert.ok(performance.now() - from < 12_000, 'long before DRAIN_TIMEOUT_MS');
  });

  test('with DRAIN_DELAY_MS is not ready at once, and accepts tasks for that long', async (t) => {
    const server = await startServer(t, { DRAIN_DELAY_MS: '1500' });
    assert.equal((await get(server, '/readyz')).status, 200);
    const from = performance.now();
    server.child.kill('SIGTERM');
    await server.out.seen(/draining$/);
    assert.equal((await get(server, '/readyz')).status, 503);
    const [url] = await run(server, 'say/1');
    while ((await state(server, url)) !== 'succeeded');
    assert.equal(await server.exited, 0);
    assert.ok(performance.now() - from >= 1500);
  });
});
