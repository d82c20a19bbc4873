/** The server as a process: its address, its log, and what it does when it is told to stop. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { acceptedAt, Connection, problem, request, text } from './support/connection.js';
import { ServerProcess } from './support/server-process.js';

/** The tasks take 3 s, and the machine may be busy: an answer within this time did not wait for a task. */
const AT_ONCE_MS = 2000;

async function quickly<T>(answer: Promise<T>): Promise<T> {
  const start = performance.now();
  const value = await answer;
  const ms = performance.now() - start;
  assert.ok(ms < AT_ONCE_MS, `took ${ms} ms`);
  return value;
}

async function start(port: number, target: string, body?: string): Promise<string> {
  return acceptedAt(await quickly(request(port, 'POST', target, body === undefined ? {} : { body })));
}

async function status(port: number, url: string): Promise<Record<string, unknown>> {
  const answer = await quickly(request(port, 'GET', url));
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}

/** The number with which the log names the task at this URL. */
const idOf = (url: string): number => Number.parseInt(url.slice('/tasks/'.length), 10);

/** The lines that tell of tasks, without those whose place among the others is left to chance. */
function taskLines(server: ServerProcess): string[] {
  return server.out.all.filter((line) => line !== 'task sent' && !line.startsWith('listening on '));
}

describe('the server', { concurrency: 4 }, () => {
  // ── The log ──────────────────────────────────────────────────────────────────────────────────────────────────────

  for (const [kind, value, path] of [
    ['sync', 'foo', '/start_sync_task'],
    ['async', 'bar', '/start_async_task'],
  ]) {
    test(`answers at once, runs the ${kind} task for 3 s, and logs each step when it happens`, async (t) => {
      const server = await ServerProcess.start(t);
      const url = await start(server.port, path ?? '');
      await server.out.seen(/^task sent$/);
      await server.out.seen(new RegExp(`^start ${kind} task with ${value}$`));
      const running = await status(server.port, url);
      assert.equal(running['state'], 'running');
      text(await quickly(request(server.port, 'GET', '/')), 200, 'Hello, world!');
      assert.ok(!server.out.all.includes(`${kind} task finished`));
      await server.out.seen(new RegExp(`^${kind} task finished$`));
      assert.deepEqual(taskLines(server), [
        'task executor started',
        'start new task',
        `start ${kind} task with ${value}`,
        `${kind} task finished`,
      ]);
      let ended = running;
      while (ended['state'] === 'running') ended = await status(server.port, url);
      assert.deepEqual([ended['state'], ended['result']], ['succeeded', null]);
      const ms = Date.parse(String(ended['finished'])) - Date.parse(String(ended['started']));
      assert.ok(ms >= 2990 && ms < 6000, `ran for ${ms} ms`);
      assert.deepEqual(server.err.all, []);
    });
  }

  test('runs one task at a time, in the order of the requests', async (t) => {
    const server = await ServerProcess.start(t);
    await start(server.port, '/start_async_task');
    const url = await start(server.port, '/count_words', 'a b c\n');
    assert.equal((await status(server.port, url))['state'], 'queued');
    await server.out.seen(/^counted/);
    assert.deepEqual(taskLines(server), [
      'task executor started',
      'start new task',
      'start async task with bar',
      'async task finished',
      'start new task',
      'counted 1 lines, 3 words, 6 bytes',
    ]);
  });

  test('counts the words of many texts at the same time, each right', async (t) => {
    const server = await ServerProcess.start(t);
    const body = (n: number) => 'wörd\n'.repeat(n);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => request(server.port, 'POST', '/count_words', { body: body(n) })),
    );
    await Promise.all(
      Array.from({ length: 200 }, (_, n) => server.out.seen(new RegExp(`^counted ${n} lines`))),
    );
    const connection = await Connection.open(server.port);
    for (const [n, answer] of answers.entries()) {
      let view: Record<string, unknown>;
      do view = JSON.parse((await connection.request('GET', acceptedAt(answer))).body);
      while (view['state'] === 'running'); // between its line and its end
      assert.deepEqual([view['state'], view['result']], ['succeeded', { lines: n, words: n, bytes: 6 * n }]);
    }
    connection.drop();
    assert.deepEqual(server.err.all, []);
  });

  test('counts a text of exactly the size that it says is the limit, in any script', async (t) => {
    const server = await ServerProcess.start(t);
    const refusal = await request(server.port, 'POST', '/count_words', { body: 'a'.repeat(65_537) });
    assert.equal(problem(refusal, 413), 'Expected a body of at most 65536 bytes');
    for (const body of [
      'a'.repeat(65_536),
      'é'.repeat(32_768),
      '🙂'.repeat(16_384),
      `${'a'.repeat(65_533)}€`, // one character makes all the others wide
    ]) {
      await start(server.port, '/count_words', body);
    }
    server.child.kill('SIGTERM');
    assert.equal(await server.exited, 0);
    const counted = server.out.all.filter((line) => line === 'counted 0 lines, 1 words, 65536 bytes');
    assert.equal(counted.length, 4);
  });

  test('goes on when nobody reads its output any more', async (t) => {
    const server = await ServerProcess.start(t);
    server.child.stdout?.destroy();
    server.child.stderr?.destroy();
    for (let n = 0; n < 20; n++) {
      const url = await start(server.port, '/count_words', 'a b');
      let view: Record<string, unknown>;
      do view = await status(server.port, url);
      while (view['state'] !== 'succeeded');
    }
    server.child.kill('SIGTERM');
    assert.equal(await server.exited, 0);
  });

  // ── The address ──────────────────────────────────────────────────────────────────────────────────────────────────

  test('refuses a bad PORT with one line that shows it', async (t) => {
    const refusal = async (port: string): Promise<void> => {
      const server = new ServerProcess(t, { PORT: port });
      assert.equal(await server.exited, 1);
      assert.deepEqual(server.err.all, [
        `Expected PORT to be a number from 0 to 65535, got ${JSON.stringify(port)}`,
      ]);
      assert.deepEqual(server.out.all, []);
    };
    await Promise.all(['abc', '-1', '65536', '80.5', '1e3', ' 80'].map(refusal));
  });

  test('says in one line that its port is in use', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const server = new ServerProcess(t, { PORT: String(port) });
    assert.equal(await server.exited, 1);
    assert.equal(server.err.all.length, 1, server.err.all.join('\n'));
    assert.match(server.err.all[0] ?? '', new RegExp(`^Cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`));
  });

  test('says in one line that it cannot have its HOST', async (t) => {
    const server = new ServerProcess(t, { HOST: '192.0.2.1' }); // kept for documentation: nobody has it
    assert.equal(await server.exited, 1);
    assert.equal(server.err.all.length, 1, server.err.all.join('\n'));
    assert.match(server.err.all[0] ?? '', /^Cannot listen on 192\.0\.2\.1:0: .*EADDRNOTAVAIL/);
  });

  test('listens on 127.0.0.1 unless told otherwise, and on the PORT that it was given', async (t) => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const server = await ServerProcess.start(t, { PORT: String(port), HOST: '' });
    assert.equal(await server.out.seen(/^listening/), `listening on http://127.0.0.1:${port}`);
    text(await request(port, 'GET', '/'), 200, 'Hello, world!');
  });

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`ends at ${signal} when it is idle, whatever connections are open`, async (t) => {
      const server = await ServerProcess.start(t);
      const kept = await Connection.open(server.port);
      text(await kept.request('GET', '/'), 200, 'Hello, world!');
      const silent = await Connection.open(server.port);
      const slow = await Connection.open(server.port);
      await slow.send('POST /count_words HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc');
      const url = await start(server.port, '/count_words', 'a');
      while (!(await request(server.port, 'GET', url)).body.includes('"succeeded"'));
      server.child.kill(signal);
      assert.equal(await quickly(server.exited), 0);
      assert.ok(server.out.all.includes(`${signal}: draining`));
      // What had ended before is not told again.
      assert.ok(!server.out.all.some((line) => line.startsWith(`task ${idOf(url)} `)));
      assert.deepEqual(server.err.all, []);
      for (const connection of [kept, silent, slow]) connection.drop();
    });
  }

  test('runs what is queued before it ends, refuses the rest, and names the end of every task', async (t) => {
    const server = await ServerProcess.start(t);
    const { port } = server;
    const running = await start(port, '/start_sync_task');
    await server.out.seen(/^start sync task/);
    const counts: string[] = [];
    for (let n = 0; n < 5; n++) counts.push(await start(port, '/count_words', 'a b'));
    const unwanted = await start(port, '/start_async_task');
    const kept = await Connection.open(port);
    text(await kept.request('GET', '/'), 200, 'Hello, world!');
    server.child.kill('SIGTERM');
    await server.out.seen(/^SIGTERM: draining$/);
    const readyz = await kept.request('GET', '/readyz');
    problem(readyz, 503);
    assert.equal(readyz.headers['connection'], 'close');
    await kept.closed;
    kept.drop();
    for (const path of ['/start_sync_task', '/start_async_task', '/count_words']) {
      const answer = await quickly(request(port, 'POST', path));
      assert.equal(problem(answer, 503), 'The server is going down');
      assert.ok(Number(answer.headers['retry-after']) > 0);
    }
    assert.equal((await status(port, running))['state'], 'running');
    for (const url of counts) assert.equal((await status(port, url))['state'], 'queued');
    assert.equal((await request(port, 'DELETE', unwanted)).status, 200);
    assert.equal(await server.exited, 0);
    const told = server.out.all.slice(server.out.all.indexOf('SIGTERM: draining'));
    assert.deepEqual(
      told.filter((line) => /^task \d/.test(line)),
      [
        `task ${idOf(running)} (syncTask) succeeded`,
        ...counts.map((url) => `task ${idOf(url)} (countWords) succeeded`),
        `task ${idOf(unwanted)} (asyncTask) cancelled`,
      ],
    );
    assert.ok(told.includes('sync task finished'));
    assert.equal(told.filter((line) => line.startsWith('counted')).length, 5);
    assert.deepEqual(server.err.all, []);
  });

  for (const second of ['SIGTERM', 'SIGINT'] as const) {
    test(`leaves at once at a second signal, ${second}`, async (t) => {
      const server = await ServerProcess.start(t);
      await start(server.port, '/start_sync_task');
      await start(server.port, '/start_sync_task');
      await server.out.seen(/^start sync task/);
      server.child.kill('SIGTERM');
      await server.out.seen(/draining$/);
      server.child.kill(second);
      assert.equal(await quickly(server.exited), 1);
      assert.ok(!server.out.all.includes('sync task finished'));
    });
  }

  test('told to stop under load, it brings every task it has accepted to an end', async (t) => {
    const server = await ServerProcess.start(t);
    const load = new Load(server);
    const done = load.run(8);
    await server.out.seen(/^counted 39 lines/);
    server.child.kill('SIGTERM');
    await done;
    assert.equal(await server.exited, 0);
    // Each count says which text it counted: that is the log's word for the tasks that had ended before the signal.
    const counted = server.out.all.flatMap((line) => /^counted (\d+) lines/.exec(line)?.[1] ?? []);
    assert.deepEqual(counted.map(Number).sort(byValue), [...load.accepted.keys()].sort(byValue));
    assert.ok(load.accepted.size > 39);
    assert.equal(load.late, 0);
    assert.deepEqual(server.err.all, []);
  });

  test('told to stop with a full queue and clients waiting, it names the end of every task it has accepted', async (t) => {
    const server = await ServerProcess.start(t);
    await start(server.port, '/start_sync_task');
    await server.out.seen(/^start sync task/);
    const load = new Load(server);
    const done = load.run(60);
    while (load.accepted.size < 32) await once(load.changes, 'accepted');
    server.child.kill('SIGTERM');
    await done;
    assert.equal(await server.exited, 0);
    const named = server.out.all.flatMap(
      (line) => /^task (\d+) \(countWords\) succeeded$/.exec(line)?.[1] ?? [],
    );
    assert.deepEqual(named.map(Number).sort(byValue), [...load.accepted.values()].map(idOf).sort(byValue));
    assert.equal(load.accepted.size, 32);
    assert.ok(load.refused > 0);
    assert.equal(load.late, 0);
    assert.deepEqual(server.err.all, []);
  });
});

const byValue = (a: number, b: number): number => a - b;

/** Clients that send one text after the other until they are refused. Text number n has n lines. */
class Load {
  /** The URL of the task that counts the text with so many lines. */
  readonly accepted = new Map<number, string>();
  readonly changes = new EventTarget();
  refused = 0;
  /** How many were accepted that were asked for after the server had said that it drains. */
  late = 0;
  readonly #server: ServerProcess;
  #texts = 0;

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  async run(clients: number): Promise<void> {
    await Promise.all(Array.from({ length: clients }, () => this.#client()));
  }

  async #client(): Promise<void> {
    for (let n = 0; n < 2000; n++) {
      const lines = this.#texts++;
      const late = this.#server.out.all.some((line) => line.endsWith('draining'));
      const asked = request(this.#server.port, 'POST', '/count_words', { body: '\n'.repeat(lines) });
      const answer = await asked.catch(() => undefined); // the server has gone
      if (answer?.status !== 202) {
        if (answer !== undefined) problem(answer, 503);
        this.refused += 1;
        return;
      }
      this.accepted.set(lines, acceptedAt(answer));
      if (late) this.late += 1;
      this.changes.dispatchEvent(new Event('accepted'));
    }
  }
}
