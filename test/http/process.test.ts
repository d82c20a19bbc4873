/** A server as a process: where it listens, and what it does when it is told to stop. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addressFrom, basePathFrom, listen, settingsFrom } from '#http';
import { acceptedAt, Connection, problem, request } from '../support/connection.js';
import { ServerProcess, temporaryFolder } from '../support/server-process.js';
import { until } from '../support/wait.js';

const SERVER = fileURLToPath(new URL('./support/server.js', import.meta.url));
/** The machine may be busy: what ends within this time waited for nothing. */
const AT_ONCE_MS = 2500;
/** Signals less than a second apart are one. */
const NEXT_SIGNAL_MS = 1050;

async function quickly<T>(answer: Promise<T>): Promise<T> {
  const start = performance.now();
  const value = await answer;
  const ms = performance.now() - start;
  assert.ok(ms < AT_ONCE_MS, `took ${ms} ms`);
  return value;
}

const startServer = (t: TestContext, env = {}): Promise<ServerProcess> => ServerProcess.start(t, env, SERVER);

const get = ({ port }: ServerProcess, target = '/') => request(port, 'GET', target);

async function state(server: ServerProcess, url = ''): Promise<string> {
  return JSON.parse((await get(server, url)).body).state;
}

/** Starts tasks, the first of which runs when this resolves. Resolves with their URLs. */
async function run({ port, out }: ServerProcess, ...names: string[]): Promise<string[]> {
  const urls: string[] = [];
  for (const name of names) urls.push(acceptedAt(await request(port, 'POST', `/run/${name}`)));
  await out.seen(/^start new task, id 0$/);
  return urls;
}

/** The lines after the one that says that the server drains. */
const told = ({ out }: ServerProcess) =>
  out.all.slice(out.all.findIndex((line) => /draining$/.test(line)) + 1);

/** A server whose port nobody else can have. */
const other = createServer();
const inUse = Number(new URL(await listen(other, { host: '127.0.0.1', port: 0 })).port);
after(() => other.close());

test('HOST and PORT are read as Node.js takes them; a PORT with a slash is a path', () => {
  for (const [HOST, PORT, host, port] of [
    ['', '', '127.0.0.1', 8000],
    ['localhost', '0', 'localhost', 0],
    ['::1', '80', '::1', 80],
    ['[fe80::1%eth0]', '65535', 'fe80::1%eth0', 65_535],
    ['[a]', '8000', '[a]', 8000],
  ] as const)
    assert.deepEqual(addressFrom({ HOST, PORT }), { host, port });
  assert.deepEqual(addressFrom({}), { host: '127.0.0.1', port: 8000 });
  assert.deepEqual(addressFrom({ HOST: '::1', PORT: './app.sock' }), { path: './app.sock' });
});

test('what the environment says wrongly is refused in one line that says what was expected', () => {
  const port = 'a number from 0 to 65535, or a path with a slash';
  const long = `a path of at most ${process.platform === 'linux' ? 107 : 103} bytes`;
  const paths = [
    'api',
    '//evil.example',
    '/a//b',
    'http://a/b',
    '/a?b',
    '/a b',
    '/a\r\nX: y',
    '/%',
    '/ä',
    '\\a',
  ];
  for (const [name, expected, texts, more] of [
    ['PORT', port, ['abc', '-1', '65536', '80.5', '1e3', ' 80', '0x50', '99999999999', 'a.sock']],
    ['PORT', long, [`/${'x'.repeat(110)}`]],
    ['BASE_PATH', 'a path such as /api', paths],
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
  const folder = temporaryFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const [address, line] of [
    [{ host: '127.0.0.1', port: inUse }, `127\\.0\\.0\\.1:${inUse}: .*EADDRINUSE.*`],
    [{ host: '192.0.2.1', port: 0 }, '192\\.0\\.2\\.1:0: .*EADDRNOTAVAIL.*'], // kept for documentation
    [{ host: '[127.0.0.1]', port: 0 }, '\\[127\\.0\\.0\\.1\\]:0: .*'],
    [{ path: file }, `${file}: .*EADDRINUSE.*\\. If no server uses this file any more, remove it`],
    [{ path: join(folder, 'none', 'app.sock') }, `${folder}/none/app.sock: .*`],
  ] as const)
    await assert.rejects(listen(createServer(), address), {
      message: new RegExp(`^Cannot listen on ${line}$`),
    });
});

describe('a server', { concurrency: 4 }, () => {
  for (const [env, line, printed] of [
    [{ LOG_FORMAT: 'xml' }, /^Expected LOG_FORMAT/, []],
    [{ PORT: `${inUse}` }, /^Cannot listen on 127\.0\.0\.1/, ['task executor started']],
  ] as const)
    test(`with a wrong ${Object.keys(env)} prints one line, and the exit code is 1`, async (t) => {
      const { exited, out, err } = new ServerProcess(t, env, SERVER);
      assert.equal(await exited, 1);
      assert.deepEqual([out.all, err.all.length], [printed, 1]);
      assert.match(err.all[0] ?? '', line);
    });

  test('listens on 127.0.0.1 unless told otherwise; with KEEP_ALIVE_MS=0 it keeps no connection', async (t) => {
    const server = await startServer(t, { HOST: '', KEEP_ALIVE_MS: '0' });
    assert.match(await server.out.seen(/^listening/), /^listening on http:\/\/127\.0\.0\.1:\d+$/);
    const connection = await Connection.open(server.port);
    assert.equal((await connection.request('GET', '/')).headers['keep-alive'], 'timeout=0');
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
    const kept = await Connection.open(server.port);
    assert.equal((await kept.request('GET', '/')).status, 200);
    await Connection.open(server.port); // asks nothing
    const [url] = await run(server, 'say/1');
    while ((await state(server, url)) !== 'succeeded');
    server.child.kill('SIGHUP');
    assert.equal(await quickly(server.exited), 0);
    assert.ok(server.out.all.includes('SIGHUP: draining'));
    assert.deepEqual([told(server), server.err.all], [[], []]); // what had ended before is not told again
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
    let [accepted, refused, late, url] = [0, 0, 0, ''];
    /** Starts one task after the other until it is refused. */
    const client = async () => {
      for (;;) {
        const draining = server.out.all.includes('SIGTERM: draining');
        const answer = await request(server.port, 'POST', '/run/say/a').catch(() => undefined); // the server has gone
        if (answer?.status !== 202) break;
        url = acceptedAt(answer);
        accepted += 1;
        if (draining) late += 1;
      }
      refused += 1;
    };
    const clients = Array.from({ length: 60 }, client);
    await until(() => accepted === 32); // the queue is full, the others wait
    server.child.kill('SIGTERM');
    await server.out.seen(/^SIGTERM: draining$/);
    for (const asked of [get(server, '/readyz'), request(server.port, 'POST', '/run/say/a')]) {
      const answer = await asked;
      problem(answer, 503);
      assert.deepEqual([answer.headers['retry-after'], answer.headers['connection']], ['1', 'close']);
    }
    assert.equal((await get(server, '/healthz')).status, 200);
    assert.deepEqual([await state(server, running), await state(server, url)], ['running', 'queued']);
    await Promise.all(clients);
    assert.equal(await server.exited, 0);
    const say = (before: string, after: string) =>
      Array.from({ length: 32 }, (_, n) => `${before}task ${n + 1} (say) ${after}`);
    assert.deepEqual(
      told(server).filter((line) => /task \d+ \(/.test(line)),
      [
        'pending: task 0 (endure) running', // at once, in case the process is killed
        ...say('pending: ', 'queued'),
        'task 0 (endure) succeeded',
        ...say('', 'succeeded'),
      ],
    );
    assert.deepEqual([accepted, refused, late, server.err.all], [32, 60, 0, []]);
  });

  test('is given DRAIN_TIMEOUT_MS; then what is lost is named, and the exit code is 1', async (t) => {
    const server = await startServer(t, { DRAIN_TIMEOUT_MS: '300' });
    await run(server, 'endure', 'say/1');
    server.child.kill('SIGTERM');
    assert.equal(await quickly(server.exited), 1);
    assert.deepEqual(server.err.all, ['lost: task 0 (endure) failed', 'lost: task 1 (say) cancelled']);
  });

  test('that drains closes connections after each answer, and idle ones at once', async (t) => {
    const server = await startServer(t);
    await run(server, 'endure');
    const idle = await Connection.open(server.port);
    const { headers } = await idle.request('GET', '/');
    assert.deepEqual([headers['connection'], headers['keep-alive']], ['keep-alive', 'timeout=65']);
    server.child.kill('SIGTERM');
    await quickly(idle.closed);
    const asking = await Connection.open(server.port);
    await sleep(120); // one that has only come is not idle
    assert.equal((await asking.request('GET', '/')).headers['connection'], 'close');
    await quickly(asking.closed);
  });

  test('takes signals within milliseconds for one; one a second later ends it, even if no thread can be ended', async (t) => {
    const server = await startServer(t);
    await run(server, 'sleep/8', 'say/1'); // the thread is in a system call
    server.child.kill('SIGINT');
    await server.out.seen(/^SIGINT: draining$/);
    for (const same of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) server.child.kill(same);
    await sleep(NEXT_SIGNAL_MS);
    assert.deepEqual([server.err.all, (await get(server, '/healthz')).status], [[], 200]);
    server.child.kill('SIGTERM');
    await quickly(once(server.child, 'exit'));
    assert.deepEqual(server.err.all, ['lost: task 0 (sleep) running', 'lost: task 1 (say) queued']);
  });

  test('answers the requests in flight before it closes', async (t) => {
    const server = await startServer(t);
    const upload = await Connection.open(server.port);
    await upload.send('POST /measure HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc');
    const head = await Connection.open(server.port);
    await head.send('GET / HTTP/1.1\r\nHos');
    assert.equal((await get(server)).status, 200); // what was sent before has arrived
    server.child.kill('SIGTERM');
    await server.out.seen(/draining$/);
    const isRefused = async () => {
      const { socket } = new Connection(server.port);
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
      return socket.destroy().errored !== null;
    };
    while (!(await isRefused()));
    await upload.send('defghi');
    assert.equal((await upload.answer()).status, 503);
    await head.send('t: a\r\n\r\n');
    assert.equal((await head.answer()).status, 200);
    assert.equal(await quickly(server.exited), 0);
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
