/** Redis is away, hangs, is wrong, and comes back. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '#engine/core';
import { connect, expectUsable, HASTY } from '#engine/redis';
import { tasks } from './fixtures/tasks.js';
import { cutAt } from './support/cut.js';
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
    const key = await enqueue(engine, tasks.mark(1, 500));
    await setting.marked(1);
    await redis.kill();
    await sleep(1000); // the task ends meanwhile
    await redis.start();
    const { state, outcome } = (await engine.ended(key)) ?? {};
    assert.deepEqual([state, outcome], ['succeeded', 1]);
    assert.deepEqual(setting.marks(), [1]);
  });

  test('A worker that loses its connections as they are made works when they are made again', {
    timeout: 30_000,
  }, async (t) => {
    const redis = await RedisServer.start();
    t.after(() => redis.stop());
    const cut = await cutAt(t, redis, 'setname'); // the connection on which BullMQ waits for tasks
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    await setting.worker({ REDIS_URL: cut.url });
    for (const mark of [1, 2]) {
      const key = await enqueue(engine, tasks.mark(mark, 0));
      assert.equal((await engine.ended(key))?.state, 'succeeded');
    }
    assert.ok(cut.isDone);
  });

  for (const answer of ['to a question for a task', 'to the end of the task before']) {
    test(`A task that is handed out in an answer that is lost, ${answer}, runs all the same`, {
      timeout: 30_000, // it would be taken for lost after that
    }, async (t) => {
      const redis = await RedisServer.start();
      t.after(() => redis.stop());
      const setting = new Setting(t, redis);
      const engine = await setting.engine();
      const first = answer.endsWith('before') ? [await enqueue(engine, tasks.mark(0, 0))] : [];
      const key = await enqueue(engine, tasks.markAndWait(1, 10));
      const cut = await cutAt(t, redis, 'async markAndWait'); // the job's name
      await setting.worker({ REDIS_URL: cut.url });
      for (const each of [...first, key]) assert.equal((await engine.ended(each))?.state, 'succeeded');
      assert.ok(cut.isDone);
      assert.deepEqual(setting.marks(), first.length > 0 ? [0, 1] : [1]);
    });
  }

  test('A running task keeps most of its lock, so that an outage and a busy machine fit into it', async (t) => {
    const redis = await RedisServer.start();
    t.after(() => redis.stop());
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    await setting.worker({ LOCK_MS: '12000' });
    const key = await enqueue(engine, tasks.mark(1, 8000));
    await setting.marked(1);
    const client = await connect(redis.url, HASTY);
    t.after(() => client.disconnect());
    const lock = `bull:${setting.env['QUEUE']}:${key}:lock`;
    for (const end = performance.now() + 7000; performance.now() < end; await sleep(50)) {
      const left = await client.pttl(lock);
      assert.ok(left > 8000, `${left} ms are left`);
    }
  });

  test('Ten seconds without it, under load, lose nothing that was accepted, and run nothing twice', {
    timeout: 90_000,
  }, async (t) => {
    const redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
    t.after(() => redis.stop());
    const setting = new Setting(t, redis);
    const engine = await setting.engine({ history: 50_000 });
    await setting.worker();
    const accepted = new Map<number, string>();
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
    for (const [mark, key] of accepted) {
      const { state, outcome } = (await engine.ended(key)) ?? {};
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
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    const last = await enqueue(engine, tasks.mark(1, 0));
    redis.signal('SIGSTOP');
    t.after(() => redis.signal('SIGCONT'));
    const before = performance.now();
    await assert.rejects(enqueue(engine, tasks.mark(2, 0), 500), { code: 'ERR_QUEUE_UNAVAILABLE' });
    assert.ok(performance.now() - before < 2500);
    redis.signal('SIGCONT');
    const client = await connect(redis.url, HASTY);
    t.after(() => client.disconnect());
    let found: string[] = [];
    for (; found.length === 0; await sleep(20))
      found = await client.zrange(`bull:${setting.env['QUEUE']}:failed`, 0, -1);
    assert.equal((await engine.read(found[0] ?? ''))?.state, 'cancelled');
    assert.equal((await engine.read(last))?.state, 'queued');
  });
});

async function stateAt(url: string): Promise<string> {
  const view = (await (await fetch(url)).json()) as { readonly state: string };
  return view.state;
}
