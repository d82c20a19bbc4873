/** A server as a process: where it listens, and what it does when it is told to stop. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addressFrom, integerFrom } from '#http';
import { Connection, request } from '../support/connection.js';
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

/** Where each task is seen, by its id. */
const urls = new Map<string, string>();

async function start(server: ServerProcess, task: string, n: number): Promise<string> {
  const { status, headers, body } = await quickly(request(server.port, 'POST', `/start/${task}/${n}`));
  assert.equal(status, 202, body);
  urls.set(`${server.port} ${body}`, headers['location'] ?? '');
  return body;
}

async function status(server: ServerProcess, target: string): Promise<number> {
  return (await quickly(request(server.port, 'GET', target))).status;
}

async function state(server: ServerProcess, id: string): Promise<string> {
  const url = urls.get(`${server.port} ${id}`) ?? '';
  return JSON.parse((await quickly(request(server.port, 'GET', url))).body).state;
}

// ── The address ──────────────────────────────────────────────────────────────────────────────────────────────────────

describe('the address', { concurrency: 4 }, () => {
  async function refusal(t: TestContext, env: Record<string, string>): Promise<string> {
    const server = new ServerProcess(t, env, SERVER);
    assert.equal(await server.exited, 1);
    assert.deepEqual(
      server.out.all.filter((line) => line !== 'task executor started'),
      [],
    );
    assert.equal(server.err.all.length, 1, server.err.all.join('\n'));
    return server.err.all[0] ?? '';
  }

  test('HOST and PORT are read as Node.js takes them', () => {
    const local = { host: '127.0.0.1', port: 8000 };
    assert.deepEqual(addressFrom({}), local);
    assert.deepEqual(addressFrom({ HOST: '', PORT: '' }), local);
    assert.deepEqual(addressFrom({ HOST: 'localhost', PORT: '0' }), { host: 'localhost', port: 0 });
    for (const host of ['::1', '[::1]']) assert.equal('host' in addressFrom({ HOST: host }), true);
    assert.deepEqual(addressFrom({ HOST: '[fe80::1%eth0]', PORT: '65535' }), {
      host: 'fe80::1%eth0',
      port: 65_535,
    });
    assert.deepEqual(addressFrom({ HOST: '[a]' }), { ...local, host: '[a]' });
    for (const path of ['/run/app.sock', './app.sock', 'run/1']) {
      assert.deepEqual(addressFrom({ HOST: '::1', PORT: path }), { path });
    }
  });

  test('what the environment says wrongly is shown in one line', async (t) => {
    const port = (text: string) =>
      `Expected PORT to be a number from 0 to 65535, or a path with a slash, got ${JSON.stringify(text)}`;
    for (const text of ['abc', '-1', '65536', '80.5', '1e3', ' 80', '80 ', '0x50', '99999999999', 'a.sock']) {
      assert.throws(() => addressFrom({ PORT: text }), { message: port(text) });
    }
    assert.equal(await refusal(t, { PORT: 'abc' }), port('abc'));
    for (const text of ['abc', '-1', '20001', '1.5', '5s', ' ']) {
      assert.throws(() => integerFrom('A', text, 20_000), {
        message: `Expected A to be a number from 0 to 20000, got ${JSON.stringify(text)}`,
      });
    }
    const refused = (name: string, max: number, text: string) =>
      `Expected ${name} to be a number from 0 to ${max}, got "${text}"`;
    for (const [name, text, max, more] of [
      ['DRAIN_DELAY_MS', '25001', 25_000, {}],
      ['DRAIN_DELAY_MS', '2000', 1500, { DRAIN_TIMEOUT_MS: '1500' }], // it is part of the whole
      ['DRAIN_TIMEOUT_MS', '10s', 3_600_000, {}],
      ['KEEP_ALIVE_MS', '-1', 3_600_000, {}],
    ] as const) {
      assert.equal(await refusal(t, { ...more, [name]: text }), refused(name, max, text));
    }
    assert.equal(
      await refusal(t, { LOG_FORMAT: 'xml' }),
      'Expected LOG_FORMAT to be json or plain, got "xml"',
    );
    assert.match(
      await refusal(t, { PORT: `/${'x'.repeat(110)}` }),
      /^Expected PORT to be a path of at most 10[37] bytes, got "/,
    );
  });

  test('a port that is in use is named in one line', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    assert.match(
      await refusal(t, { PORT: String(port) }),
      new RegExp(`^Cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`),
    );
  });

  for (const [host, shown] of [
    ['192.0.2.1', '192\\.0\\.2\\.1:0: .*EADDRNOTAVAIL'], // kept for documentation: nobody has it
    ['2001:db8::1', '\\[2001:db8::1\\]:0: .*'],
    ['[127.0.0.1]', '\\[127\\.0\\.0\\.1\\]:0: .*'],
    ['a b', 'a b:0: .*'],
  ]) {
    test(`HOST=${host}, which cannot be had, is named in one line`, async (t) => {
      assert.match(await refusal(t, { HOST: host ?? '' }), new RegExp(`^Cannot listen on ${shown}`));
    });
  }

  test('a server listens on 127.0.0.1 unless told otherwise, and on the PORT that it was given', async (t) => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const server = await startServer(t, { PORT: String(port), HOST: '' });
    assert.equal(await server.out.seen(/^listening/), `listening on http://127.0.0.1:${port}`);
    assert.equal(await status(server, '/'), 200);
  });

  test('a connection is kept for KEEP_ALIVE_MS, by default longer than proxies keep it', async (t) => {
    for (const [env, timeout] of [
      [{}, 65],
      [{ KEEP_ALIVE_MS: '2000' }, 2],
      [{ KEEP_ALIVE_MS: '0' }, 0],
    ] as const) {
      const connection = await Connection.open((await startServer(t, env)).port);
      const { headers } = await connection.request('GET', '/');
      assert.equal(headers['keep-alive'], `timeout=${timeout}`);
      if (timeout === 0) await quickly(connection.closed);
      connection.drop();
    }
  });

  test('a PORT with a slash is the path of a Unix socket, which is gone with the server', async (t) => {
    const path = join(temporaryFolder(t), 'app.sock');
    const server = await startServer(t, { PORT: path });
    assert.equal(await server.out.seen(/^listening/), `listening on ${path}`);
    const [answer] = await once(httpRequest({ socketPath: path }).end(), 'response');
    assert.equal(answer.statusCode, 200);
    answer.resume();
    server.child.kill('SIGTERM');
    assert.equal(await server.exited, 0);
    assert.ok(!existsSync(path));
  });

  test('a file in the way of a Unix socket, and a folder that is not there, are named in one line', async (t) => {
    const folder = temporaryFolder(t);
    const stale = join(folder, 'stale.sock');
    const killed = await startServer(t, { PORT: stale });
    killed.child.kill('SIGKILL');
    await killed.exited;
    const hint = '. If no server uses this file any more, remove it';
    const reason = await refusal(t, { PORT: stale });
    assert.ok(reason.startsWith(`Cannot listen on ${stale}: `) && reason.endsWith(hint), reason);
    const file = join(folder, 'file');
    writeFileSync(file, '');
    assert.ok((await refusal(t, { PORT: file })).endsWith(hint));
    const missing = join(folder, 'none', 'app.sock');
    assert.ok((await refusal(t, { PORT: missing })).startsWith(`Cannot listen on ${missing}: `));
  });
});

// ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────────

describe('the end', { concurrency: 4 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`${signal} ends an idle server at once, whatever connections are open`, async (t) => {
      const server = await startServer(t);
      const kept = await Connection.open(server.port);
      assert.equal((await kept.request('GET', '/')).status, 200);
      const silent = await Connection.open(server.port);
      const id = await start(server, 'say', 1);
      while ((await state(server, id)) !== 'succeeded');
      server.child.kill(signal);
      assert.equal(await quickly(server.exited), 0);
      assert.ok(server.out.all.includes(`${signal}: draining`));
      // What had ended before is not told again.
      assert.ok(!server.out.all.some((line) => line.startsWith(`task ${id} `)));
      assert.deepEqual(server.err.all, []);
      for (const connection of [kept, silent]) connection.drop();
    });

    test(`${signal} during the start ends the process`, async (t) => {
      const server = new ServerProcess(t, { TASKS: './slow-tasks.js' }, SERVER);
      await server.out.seen(/^loading$/);
      server.child.kill(signal);
      assert.equal(await quickly(server.exited), 0);
    });
  }

  test('what is queued runs, the rest is refused, and the end of every task is named', async (t) => {
    const server = await startServer(t);
    const running = await start(server, 'hold', 1500);
    await server.out.seen(/^holding/);
    const said: string[] = [];
    for (let n = 0; n < 5; n++) said.push(await start(server, 'say', n));
    server.child.kill('SIGTERM');
    await server.out.seen(/^SIGTERM: draining$/);
    assert.equal(await status(server, '/readyz'), 503);
    assert.equal((await quickly(request(server.port, 'POST', '/start/say/9'))).status, 503);
    assert.equal(await state(server, running), 'running');
    for (const id of said) assert.equal(await state(server, id), 'queued');
    assert.equal(await server.exited, 0);
    const told = server.out.all.slice(server.out.all.indexOf('SIGTERM: draining'));
    assert.deepEqual(
      told.filter((line) => /^(task \d|said)/.test(line)),
      [
        ...said.map((_, n) => `said ${n}`),
        `task ${running} (hold) succeeded`,
        ...said.map((id) => `task ${id} (say) succeeded`),
      ],
    );
    assert.deepEqual(server.err.all, []);
  });

  test('what has not ended is named when the signal comes, in case the process is killed', async (t) => {
    const server = await startServer(t);
    const running = await start(server, 'hold', 60_000);
    await server.out.seen(/^holding/);
    const queued = [await start(server, 'say', 1), await start(server, 'say', 2)];
    server.child.kill('SIGTERM');
    await server.out.seen(new RegExp(`^pending: task ${queued[1]} `));
    server.child.kill('SIGKILL');
    await server.exited;
    const told = server.out.all.slice(server.out.all.indexOf('SIGTERM: draining') + 1);
    assert.deepEqual(told, [
      `pending: task ${running} (hold) running`,
      ...queued.map((id) => `pending: task ${id} (say) queued`),
    ]);
  });

  test('DRAIN_TIMEOUT_MS is how long that may take; then what is lost is named', async (t) => {
    const server = await startServer(t, { DRAIN_TIMEOUT_MS: '300' });
    const running = await start(server, 'hold', 60_000);
    await server.out.seen(/^holding/);
    const queued = await start(server, 'say', 1);
    server.child.kill('SIGTERM');
    assert.equal(await quickly(server.exited), 1);
    const lost = [`lost: task ${running} (hold) failed`, `lost: task ${queued} (say) cancelled`];
    assert.deepEqual(server.err.all, lost);
  });

  test('while it drains, connections are closed after each answer, and idle ones at once', async (t) => {
    const server = await startServer(t);
    await start(server, 'hold', 60_000);
    await server.out.seen(/^holding/);
    const idle = await Connection.open(server.port);
    assert.equal((await idle.request('GET', '/')).headers['connection'], 'keep-alive');
    server.child.kill('SIGTERM');
    await quickly(idle.closed);
    const asking = await Connection.open(server.port);
    await sleep(120); // one that has only come is not idle
    assert.equal((await asking.request('GET', '/')).headers['connection'], 'close');
    await quickly(asking.closed);
    for (const connection of [idle, asking]) connection.drop();
  });

  for (const other of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`SIGINT and ${other} within milliseconds are one signal`, async (t) => {
      const server = await startServer(t);
      const id = await start(server, 'hold', 800);
      await server.out.seen(/^holding/);
      server.child.kill('SIGINT');
      await server.out.seen(/^SIGINT: draining$/);
      server.child.kill(other);
      assert.equal(await server.exited, 0);
      assert.ok(server.out.all.includes(`task ${id} (hold) succeeded`));
    });

    test(`${other} a second later names what is lost, and leaves`, async (t) => {
      const server = await startServer(t);
      const running = await start(server, 'hold', 60_000);
      await server.out.seen(/^holding/);
      const queued = [await start(server, 'say', 1), await start(server, 'say', 2)];
      server.child.kill('SIGTERM');
      await server.out.seen(/draining$/);
      await sleep(NEXT_SIGNAL_MS);
      server.child.kill(other);
      assert.equal(await quickly(server.exited), 1);
      assert.deepEqual(server.err.all, [
        `lost: task ${running} (hold) failed`,
        ...queued.map((id) => `lost: task ${id} (say) cancelled`),
      ]);
    });
  }

  test('a second signal ends a server whose thread cannot be ended, and names what is lost', async (t) => {
    const server = await startServer(t);
    const id = await start(server, 'program', 20);
    await server.out.seen(/^program runs$/);
    server.child.kill('SIGTERM');
    await server.out.seen(/draining$/);
    await sleep(NEXT_SIGNAL_MS);
    server.child.kill('SIGTERM');
    await quickly(once(server.child, 'exit'));
    assert.deepEqual(server.err.all, [`lost: task ${id} (program) running`]);
  });

  test('a request in flight is answered before the server closes', async (t) => {
    const server = await startServer(t);
    const upload = await Connection.open(server.port);
    await upload.send('POST /start/say/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc');
    const head = await Connection.open(server.port);
    await head.send('GET / HTTP/1.1\r\nHos');
    assert.equal(await status(server, '/'), 200); // what was sent before has arrived
    server.child.kill('SIGTERM');
    await server.out.seen(/draining$/);
    const refused = async () => {
      const probe = new Connection(server.port);
      const connected = await Promise.race([
        new Promise((resolve) => probe.socket.once('connect', () => resolve(true))),
        probe.closed.then(() => false),
      ]);
      probe.drop();
      return !connected;
    };
    while (!(await refused()));
    await upload.send('defghi');
    assert.equal((await upload.answer()).status, 503);
    await head.send('t: a\r\n\r\n');
    assert.equal((await head.answer()).status, 200);
    assert.equal(await quickly(server.exited), 0);
    for (const connection of [upload, head]) connection.drop();
  });

  test('with DRAIN_DELAY_MS it is not ready at once, and accepts tasks for that long', async (t) => {
    const server = await startServer(t, { DRAIN_DELAY_MS: '1500' });
    assert.equal(await status(server, '/readyz'), 200);
    const from = performance.now();
    server.child.kill('SIGTERM');
    await server.out.seen(/draining$/);
    assert.equal(await status(server, '/readyz'), 503);
    const id = await start(server, 'say', 1);
    while ((await state(server, id)) !== 'succeeded');
    assert.equal(await server.exited, 0);
    assert.ok(performance.now() - from >= 1500);
  });

  test('told to stop with a full queue and clients waiting, it names the end of every task it has accepted', async (t) => {
    const server = await startServer(t);
    await start(server, 'hold', 3000);
    await server.out.seen(/^holding/);
    const load = new Load(server);
    const done = load.run(60);
    await until(() => load.accepted.size === 32);
    server.child.kill('SIGTERM');
    await done;
    assert.equal(await server.exited, 0);
    const named = server.out.all.flatMap((line) => /^task (\d+) \(say\) succeeded$/.exec(line)?.[1] ?? []);
    assert.deepEqual(named.sort(), [...load.accepted.values()].sort());
    assert.equal(load.accepted.size, 32);
    assert.ok(load.refused > 0);
    assert.equal(load.late, 0);
    assert.deepEqual(server.err.all, []);
  });
});

/** Clients that start one task after the other until they are refused. */
class Load {
  /** The id of the task that says this number. */
  readonly accepted = new Map<number, string>();
  refused = 0;
  /** How many were accepted that were asked for after the server had said that it drains. */
  late = 0;
  readonly #server: ServerProcess;
  #numbers = 0;

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  async run(clients: number): Promise<void> {
    await Promise.all(Array.from({ length: clients }, () => this.#client()));
  }

  async #client(): Promise<void> {
    for (let n = 0; n < 2000; n++) {
      const number = this.#numbers++;
      const late = this.#server.out.all.some((line) => line.endsWith('draining'));
      const asked = request(this.#server.port, 'POST', `/start/say/${number}`);
      const answer = await asked.catch(() => undefined); // the server has gone
      if (answer?.status !== 202) {
        this.refused += 1;
        return;
      }
      this.accepted.set(number, answer.body);
      if (late) this.late += 1;
    }
  }
}

test('as JSON, what a request prints, and what it starts, names its task and X-Request-Id or trace', async (t) => {
  const server = await startServer(t, { LOG_FORMAT: 'json' });
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${trace}-b7ad6b7169203331-01`;
  const ids: [headers: Record<string, string>, id: string | undefined][] = [
    [{ traceparent }, trace],
    [{ 'x-request-id': 'a', traceparent }, 'a'],
    [{ 'x-request-id': 'a b', traceparent }, trace],
    [{ 'x-request-id': 'x'.repeat(65) }, undefined],
    [{ traceparent: `00-${trace}` }, undefined],
  ];
  for (const [n, [headers]] of ids.entries()) {
    const { body } = await request(server.port, 'POST', `/start/say/${n}`, { headers });
    const { taskId, task, requestId } = JSON.parse(await server.out.seen(new RegExp(`"said ${n}"`)));
    assert.deepEqual([`${taskId}`, task, requestId], [body, 'say', ids[n]?.[1]]);
  }
});
