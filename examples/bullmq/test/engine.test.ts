/** What only several servers and workers show. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect, HASTY } from '#engine/redis';
import { tasks } from './fixtures/tasks.js';
import { NO_REDIS, RedisServer } from './support/redis.js';
import { codeOf, enqueue, Setting } from './support/setting.js';

describe('BullMQ, in several processes', { skip: NO_REDIS }, () => {
  let redis: RedisServer;
  before(async () => {
    redis = await RedisServer.start();
  });
  after(() => redis?.stop());

  test('All servers together accept as many tasks as there is room for, and no more', async (t) => {
    const setting = new Setting(t, redis);
    const engines = await Promise.all([1, 2, 3, 4].map(() => setting.engine({ capacity: 10 })));
    const sends = engines.flatMap((engine) =>
      Array.from({ length: 20 }, (_, n) => enqueue(engine, tasks.mark(n, 0), 50)),
    );
    const ends = await Promise.allSettled(sends);
    const accepted = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    assert.deepEqual([accepted.length, new Set(accepted).size], [10, 10]);
    for (const end of ends)
      if (end.status === 'rejected') assert.equal(codeOf(end.reason), 'ERR_SEND_TIMEOUT');
  });

  test('A task that is cancelled in the queue leaves its room at once, to another server', async (t) => {
    const setting = new Setting(t, redis);
    const [one, other] = [await setting.engine({ capacity: 1 }), await setting.engine({ capacity: 1 })];
    const first = await enqueue(one, tasks.mark(1, 0));
    const second = enqueue(other, tasks.mark(2, 0));
    assert.equal(await other.cancel(first), 'queued');
    assert.equal((await one.read(await second))?.state, 'queued');
    assert.equal((await other.read(first))?.state, 'cancelled');
  });

  test('What was cancelled is forgotten like all other history', async (t) => {
    const setting = new Setting(t, redis);
    const engine = await setting.engine({ history: 3 });
    const keys: string[] = [];
    for (let n = 0; n < 5; n++) {
      keys.push(await enqueue(engine, tasks.mark(n, 0)));
      await engine.cancel(keys.at(-1) ?? '');
    }
    const records = await Promise.all(keys.map((key) => engine.read(key)));
    const cancelled = 'cancelled';
    assert.deepEqual(
      records.map((record) => record?.state),
      [undefined, undefined, cancelled, cancelled, cancelled],
    );
  });

  test('A task whose worker is killed fails, and no other worker runs it', async (t) => {
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    const worker = await setting.worker({ LOCK_MS: '1000' });
    const key = await enqueue(engine, tasks.mark(1, 60_000));
    await setting.marked(1);
    await worker.end('SIGKILL');
    await setting.worker({ LOCK_MS: '1000' });
    const { state, outcome } = (await engine.ended(key)) ?? {};
    assert.deepEqual([state, codeOf(outcome)], ['failed', 'ERR_WORKER_CRASHED']);
    const next = await enqueue(engine, tasks.mark(2, 0));
    assert.equal((await engine.ended(next))?.state, 'succeeded');
    assert.deepEqual(setting.marks(), [1, 2]);
  });

  test('A task that fails is started again only if it may be', async (t) => {
    const setting = new Setting(t, redis);
    const engine = await setting.engine({ attempts: { markAndFail: 3 } });
    await setting.worker();
    const failing = await engine.ended(await enqueue(engine, tasks.markAndFail(7)));
    assert.equal(failing?.state, 'failed');
    assert.equal(Reflect.get(Object(failing?.outcome), 'message'), 'failed 7');
    assert.deepEqual(setting.marks(), [7, 7, 7]);
    const once = await setting.engine();
    assert.equal((await once.ended(await enqueue(once, tasks.markAndFail(8))))?.state, 'failed');
    assert.deepEqual(setting.marks(), [7, 7, 7, 8]);
  });

  test('A worker that has no such task says so', async (t) => {
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    await setting.worker({ TASKS: '' }); // the example's own
    const { state, outcome } = (await engine.ended(await enqueue(engine, tasks.mark(1, 0)))) ?? {};
    assert.equal(state, 'failed');
    assert.match(
      `${outcome}`,
      /^TypeError: Expected a task of the runtime's tasks module, .*; got mark \(sync\)$/,
    );
  });

  test('A worker that has lost its lock on a task says that it cannot tell how that ended', async (t) => {
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    const worker = await setting.worker();
    const key = await enqueue(engine, tasks.mark(1, 500));
    await setting.marked(1);
    const client = await connect(redis.url, HASTY);
    t.after(() => client.disconnect());
    assert.equal(await client.del(`bull:${setting.env['QUEUE']}:${key}:lock`), 1);
    await worker.seen(/^Missing lock for job/);
  });

  test('A worker runs as many tasks at a time as it has threads, and async ones as it is told', async (t) => {
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    await setting.worker({ THREADS: '2', CONCURRENCY: '3' });
    const keys: string[] = [];
    for (let n = 0; n < 6; n++) keys.push(await enqueue(engine, tasks.markAndWait(n, 500)));
    await setting.marked(6);
    const states = await Promise.all(keys.map(async (key) => (await engine.read(key))?.state));
    assert.deepEqual(states, Array(6).fill('running'));
  });

  test('A worker that is told to end finishes what runs, and leaves what is queued to others', async (t) => {
    const setting = new Setting(t, redis);
    const engine = await setting.engine();
    const worker = await setting.worker();
    const running = await enqueue(engine, tasks.mark(1, 300));
    const queued = await enqueue(engine, tasks.mark(2, 0));
    await setting.marked(1);
    assert.equal(await worker.end('SIGTERM'), 0);
    assert.equal((await engine.read(running))?.state, 'succeeded');
    assert.equal((await engine.read(queued))?.state, 'queued');
    await setting.worker();
    assert.equal((await engine.ended(queued))?.state, 'succeeded');
  });
});
