/** Redis is away, hangs, is wrong, and comes back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '#engine/core';
import { expectUsable } from '#engine/redis';
import { tasks } from './fixtures/tasks.js';
import { Program } from './support/program.js';
import { freePort, NO_REDIS, RedisServer } from './support/redis.js';
import { enqueue, Setting } from './support/setting.js';

describe('A Redis that cannot be used', { skip: NO_REDIS, concurrency: true }, () => {
  for (const name of ['server', 'worker'] as const) {
    const says = async (env: Record<string, string>, line: RegExp) => {
      const program = new Program(name, env);
      assert.equal(await program.exited, 1, program.lines.join('\n'));
      assert.equal(program.lines.length, 1, program.lines.join('\n'));
      assert.match(program.lines[0] ?? '', line);
    };

    test(`is told by the ${name} in one line`, async (t) => {
      const port = await freePort();
      await says(
        { REDIS_URL: `redis://127.0.0.1:${port}` },
        new RegExp(`^Cannot use Redis at 127.0.0.1:${port}: connect ECONNREFUSED`),
      );
      await says({ REDIS_URL: 'localhost' }, /^Expected REDIS_URL to be a URL such as redis:/);
      await says({ QUEUE: 'a b' }, /^Expected QUEUE to be letters/);
      const locked = await RedisServer.start('--requirepass', 'right');
      t.after(() => locked.stop());
      await says(
        { REDIS_URL: locked.url.replace('//', '//:wrong@') },
        /^Cannot use Redis at [\d.:]+: WRONGPASS/,
      );
      await says({ REDIS_URL: locked.url }, /^Cannot use Redis at [\d.:]+: NOAUTH/);
      const evicting = await RedisServer.start('--maxmemory-policy', 'allkeys-lru');
      t.after(() => evicting.stop());
      await says({ REDIS_URL: evicting.url }, /\(maxmemory-policy noeviction\), got allkeys-lru/);
    });
  }

  test('because it is too old, is told', () => {
    const info = (version: string) =>
      `# Server\r\nredis_version:${version}\r\nmaxmemory_policy:noeviction\r\n`;
    for (const version of ['6.2.0', '7.0.15', '10.1.0']) expectUsable(info(version));
    for (const version of ['5.0.14', '6.0.16'])
      assert.throws(
        () => expectUsable(info(version)),
        new StartError(`Expected Redis 6.2 or later, got ${version}`),
      );
    assert.throws(() => expectUsable(''), StartError);
  });

  test('A secret that is short is told', async () => {
    const server = new Program('server', { TASK_URL_SECRET: 'short' });
    assert.equal(await server.exited, 1);
    assert.deepEqual(server.lines, ['Expected TASK_URL_SECRET to have at least 16 characters']);
  });
});

describe('A Redis that is lost', { skip: NO_REDIS }, () => {
  test('is answered with 503 at once, and all goes on when it is back', async (t) => {
    const redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
    t.after(() => redis.stop());
    const setting = new Setting(t, redis);
    const server = await Program.server(setting.env);
    t.after(() => server.end());
    const accepted = await fetch(`${server.origin}/start_async_task`);
    assert.equal(accepted.status, 202);
    const url = server.origin + (accepted.headers.get('location') ?? '');
    await redis.kill();
    await server.seen(/^Redis is away$/);
    for (const [method, path] of [
      ['POST', '/start_async_task'],
      ['GET', new URL(url).pathname],
      ['DELETE', new URL(url).pathname],
      ['GET', '/readyz'],
    ]) {
      const before = performance.now();
      const answer = await fetch(`${server.origin}${path}`, { method: method ?? '' });
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1'], path);
      assert.ok(performance.now() - before < 3000);
    }
    assert.equal((await fetch(`${server.origin}/healthz`)).status, 200);
    await redis.start();
    await server.seen(/^Redis is back$/);
    assert.equal(await stateAt(url), 'queued');
    await Program.worker({ ...setting.env, TASKS: '' }).then((worker) => t.after(() => worker.end()));
    for (let state = 'queued'; state !== 'succeeded'; await sleep(50)) {
      state = await stateAt(url);
      assert.ok(['queued', 'running', 'succeeded'].includes(state), state);
    }
    assert.equal(server.lines.filter((line) => line === 'Redis is away').length, 1);
  });

  test('A task that runs while Redis is away ends with its result, and is not run again', {
    timeout: 30_000,
  }, async (t) => {
    const redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
    t.after(() => redis.stop());
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    await setting.worker();
    const id = await enqueue(engine, tasks.mark(1, 500));
    await setting.marked(1);
    await redis.kill();
    await sleep(1000); // the task ends meanwhile
    await redis.start();
    const { state, outcome } = (await engine.finished(id)) ?? {};
    assert.deepEqual([state, outcome], ['succeeded', 1]);
    assert.deepEqual(setting.marks(), [1]);
  });

  test('A worker that loses its connections as they are made works when they are made again', {
    timeout: 30_000,
  }, async (t) => {
    const redis = await RedisServer.start();
    t.after(() => redis.stop());
    // Between the worker and Redis: the connection on which BullMQ waits for tasks is cut the first time.
    let cut = false;
    const between = createServer((socket) => {
      const onward = connect(Number(new URL(redis.url).port), '127.0.0.1');
      socket.on('data', (data) => {
        if (!cut && data.includes('setname')) {
          cut = true;
          socket.destroy();
        } else onward.write(data);
      });
      onward.pipe(socket);
      for (const [end, other] of [
        [socket, onward],
        [onward, socket],
      ] as const)
        end.on('error', () => {}).on('close', () => other.destroy());
    });
    between.listen(0, '127.0.0.1');
    t.after(() => between.close());
    await once(between, 'listening');
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    await setting.worker({ REDIS_URL: `redis://127.0.0.1:${(between.address() as AddressInfo).port}` });
    for (const mark of [1, 2]) {
      const id = await enqueue(engine, tasks.mark(mark, 0));
      assert.equal((await engine.finished(id))?.state, 'succeeded');
    }
    assert.ok(cut);
  });

  test('Ten seconds without it, under load, lose nothing that was accepted, and run nothing twice', {
    timeout: 90_000,
  }, async (t) => {
    const redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
    t.after(() => redis.stop());
    const setting = new Setting(t, redis);
    const engine = await setting.engine({ history: 50_000 });
    await setting.worker();
    const accepted = new Map<number, number>();
    const refused: string[] = [];
    let next = 0;
    let slowest = 0;
    let over = false;
    const lane = async () => {
      while (!over) {
        const mark = next++;
        const before = performance.now();
        try {
          accepted.set(mark, await enqueue(engine, tasks.mark(mark, 1), 1000));
        } catch (error) {
          refused.push((error as { readonly code: string }).code);
          await sleep(50);
        }
        slowest = Math.max(slowest, performance.now() - before);
      }
    };
    const lanes = Array.from({ length: 8 }, lane);
    await setting.marked(50);
    await redis.kill();
    const before = accepted.size;
    await sleep(10_000);
    await redis.start();
    await setting.marked(setting.marks().length + 100);
    over = true;
    await Promise.all(lanes);
    assert.ok(accepted.size > before);
    assert.ok(refused.length > 10);
    assert.ok(refused.every((code) => code === 'ERR_QUEUE_UNAVAILABLE' || code === 'ERR_SEND_TIMEOUT'));
    assert.ok(slowest < 4000, `${slowest} ms`);
    for (const [mark, id] of accepted) {
      const { state, outcome } = (await engine.finished(id)) ?? {};
      assert.deepEqual([state, outcome], ['succeeded', mark]);
    }
    const marks = setting.marks();
    assert.equal(new Set(marks).size, marks.length);
    for (const mark of accepted.keys()) assert.ok(marks.includes(mark), `${mark} did not run`);
    t.diagnostic(
      `${accepted.size} accepted, ${refused.length} refused, the slowest answer after ${slowest.toFixed()} ms`,
    );
  });

  test('A task that was refused because Redis hung is cancelled when it is found there', {
    timeout: 30_000,
  }, async (t) => {
    const redis = await RedisServer.start();
    t.after(() => redis.stop());
    const engine = await new Setting(t, redis).engine();
    const last = await enqueue(engine, tasks.mark(1, 0));
    redis.signal('SIGSTOP');
    t.after(() => redis.signal('SIGCONT'));
    const before = performance.now();
    await assert.rejects(enqueue(engine, tasks.mark(2, 0), 500), { code: 'ERR_QUEUE_UNAVAILABLE' });
    assert.ok(performance.now() - before < 2500);
    redis.signal('SIGCONT');
    assert.equal((await engine.finished(last + 1))?.state, 'cancelled');
    assert.equal((await engine.read(last))?.state, 'queued');
  });
});

async function stateAt(url: string): Promise<string> {
  const view = (await (await fetch(url)).json()) as { readonly state: string };
  return view.state;
}
