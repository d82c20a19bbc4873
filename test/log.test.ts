/** What the two threads print, and what becomes of it when nobody can or will read it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freeLog, logMemory } from '#runtime/log';
import { request } from './support/connection.js';
import { Pipe, ServerProcess, temporaryFolder } from './support/server-process.js';
import { until } from './support/wait.js';

const SERVER = fileURLToPath(new URL('./fixtures/server.js', import.meta.url));
const LONG_LINE = fileURLToPath(new URL('./fixtures/long-line.js', import.meta.url));
const LIBRARY = fileURLToPath(new URL('./fixtures/library.js', import.meta.url));

async function start(server: ServerProcess, task: string, n: number): Promise<string> {
  const answer = await request(server.port, 'POST', `/${task}?${n}`);
  assert.equal(answer.status, 202);
  return answer.body;
}

/** Resolves once a server listens there: its socket is made before that. */
async function listening(path: string): Promise<void> {
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(path, () => resolve(true));
      socket.on('connect', () => socket.destroy()).on('error', () => resolve(false));
    });
  let is = await answers();
  for (const deadline = performance.now() + 10_000; !is && performance.now() < deadline; )
    is = await answers();
  assert.ok(is, 'Expected the server to listen within 10 s');
}

/** Resolves with the task's record when it has ended. */
async function ended(server: ServerProcess, id: string): Promise<{ state: string; outcome?: unknown }> {
  for (;;) {
    const record = JSON.parse((await request(server.port, 'GET', `/tasks/${id}`)).body);
    if (record.state !== 'queued' && record.state !== 'running') return record;
  }
}

/** Starts a server that prints both streams into this pipe. It has to be read. */
function startInto(t: TestContext): { pipe: Pipe; server: ServerProcess } {
  const pipe = new Pipe(t);
  const server = new ServerProcess(t, {}, SERVER, { stdout: pipe.input, stderr: pipe.input });
  pipe.closeInput();
  return { pipe, server };
}

describe('the log', { concurrency: 4 }, () => {
  for (const bytes of [5000, 65_536]) {
    test(`lines of ${bytes} bytes that both threads print at the same time come out whole`, async (t) => {
      const { pipe, server } = startInto(t);
      const lines = pipe.read();
      server.port = Number(/:(\d+)$/.exec(await lines.seen(/^listening/))?.[1]);
      await Promise.all([start(server, 'long', bytes), request(server.port, 'GET', `/print?${bytes}`)]);
      server.child.kill('SIGTERM');
      assert.equal(await server.exited, 0);
      await lines.ended;
      // On a machine so busy that the reader stands still for a while, some are left out, and counted.
      const whole = lines.all.filter((line) => line === 'm'.repeat(bytes) || line === 'w'.repeat(bytes));
      const lost = lines.all.map((line) => Number(/^\(the log was not read: (\d+)/.exec(line)?.[1] ?? 0));
      const left = lost.reduce((sum, each) => sum + each, 0);
      assert.ok(
        whole.length === 100 || (left > 0 && whole.length + left >= 100),
        `${whole.length}, ${left} lost`,
      );
      assert.deepEqual(
        lines.all.filter((line) => /mm|ww/.test(line) && line.length !== bytes),
        [],
      );
    });
  }

  test('a line that its reader takes slowly stays in one piece, and those of other threads wait for it', async (t) => {
    const child = spawn(process.execPath, [LONG_LINE], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    let text = '';
    const read = () => {
      for (let chunk = child.stdout.read(); chunk !== null; chunk = child.stdout.read()) text += chunk;
    };
    child.stdout.on('readable', () => {}); // nothing is read but here
    const slow = setInterval(read, 200);
    await exited;
    clearInterval(slow);
    await until(() => {
      read();
      return child.stdout.readableEnded;
    });
    const lines = text.split('\n').filter((line) => line !== '');
    assert.deepEqual(
      new Set(lines.map((line) => line.replace(/^b\d+$/, 'b'))),
      new Set(['b', 'a'.repeat(1_000_000)]),
    );
    assert.equal(lines.length, 21);
  });

  test('nobody waits for a thread that has ended in the middle of a line', () => {
    const words = new Int32Array(logMemory());
    for (const awaited of [0, 1]) {
      const held = (99 << 2) | 2 | awaited;
      Atomics.store(words, 0, held);
      freeLog(98);
      assert.equal(words[0], held);
      freeLog(99);
      assert.equal(words[0], 0);
    }
  });

  test('a worker prints in order and at once, by the console and by its streams, before it is ended', async (t) => {
    const { pipe, server } = startInto(t);
    const lines = pipe.read();
    server.port = Number(/:(\d+)$/.exec(await lines.seen(/^listening/))?.[1]);
    await start(server, 'every', 60_000);
    await lines.seen(/^latin 2$/); // the task still blocks its thread
    const from = lines.all.indexOf('log 1');
    const names = ['log', 'stdout', 'error', 'stderr', 'latin'];
    const expected = [1, 2].flatMap((round) => names.map((name) => `${name} ${round}`));
    assert.deepEqual(lines.all.slice(from), expected);
  });

  test("the worker's console has every member of the main thread's", async (t) => {
    const server = await ServerProcess.start(t, {}, SERVER);
    const { outcome } = await ended(server, await start(server, 'members', 0));
    assert.equal(outcome, Object.keys(console).sort().join(' '));
  });

  test('a server goes on when nobody reads its output any more', async (t) => {
    const server = await ServerProcess.start(t, {}, SERVER);
    server.child.stdout?.destroy();
    server.child.stderr?.destroy();
    for (const task of ['say', 'fail', 'exit', 'every', 'fail', 'exit', 'say']) {
      await ended(server, await start(server, task, 1));
    }
    await request(server.port, 'GET', '/print?100');
    server.child.kill('SIGTERM');
    assert.equal(await server.exited, 0);
  });

  for (const full of ['stdout', 'stderr']) {
    test(`a server goes on when there is no room left for its ${full}`, async (t) => {
      const path = join(temporaryFolder(t), 'socket');
      const server = new ServerProcess(t, { PORT: path }, SERVER, { [full]: openSync('/dev/full', 'w') });
      await listening(path);
      for (const target of ['/fail?1', '/exit?1', '/print?100', '/fail?2', '/exit?2', '/every?1', '/say?1']) {
        const [answer] = await once(httpRequest({ socketPath: path, path: target }).end(), 'response');
        assert.ok(answer.statusCode < 300);
        answer.resume();
      }
      server.child.kill('SIGTERM');
      assert.equal(await server.exited, 0);
    });
  }

  test('a program that only uses the library goes on when nobody reads its output, or there is no room', async (t) => {
    const gone = new ServerProcess(t, {}, LIBRARY);
    gone.child.stdout?.destroy();
    gone.child.stderr?.destroy();
    const fd = openSync('/dev/full', 'w');
    const full = new ServerProcess(t, {}, LIBRARY, { stdout: fd, stderr: fd });
    assert.deepEqual([await gone.exited, await full.exited], [42, 42]);
  });

  test('a full pipe that nobody reads stops neither requests nor tasks, and not the end', async (t) => {
    const { pipe, server } = startInto(t);
    const lines = pipe.read();
    server.port = Number(/:(\d+)$/.exec(await lines.seen(/^listening/))?.[1]);
    lines.pause();
    for (let round = 0; round < 3; round++) {
      const id = await start(server, 'long', 65_536);
      assert.equal((await request(server.port, 'GET', '/print?65536')).status, 200);
      assert.equal((await ended(server, id)).state, 'succeeded');
    }
    const from = performance.now();
    server.child.kill('SIGTERM');
    await until(() => server.child.exitCode !== null);
    assert.equal(server.child.exitCode, 0);
    assert.ok(performance.now() - from < 10_000);
  });

  test('when a full pipe is read again, it goes on with whole lines, and with how much was lost', async (t) => {
    const { pipe, server } = startInto(t);
    const lines = pipe.read();
    server.port = Number(/:(\d+)$/.exec(await lines.seen(/^listening/))?.[1]);
    lines.pause();
    await ended(server, await start(server, 'long', 65_536));
    lines.resume();
    for (let n = 0; n < 3; n++) await start(server, 'say', n);
    const note = await lines.seen(/^\(the log was not read: \d+ writes lost\)$/);
    assert.ok(Number(/\d+/.exec(note)) > 20, note);
    await lines.seen(/^said 2$/);
  });
});
