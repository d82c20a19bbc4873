/** BullMQ keeps what the interface `Queue` promises, with a worker in a process of its own. */
import { after, before, describe, test } from 'node:test';
import * as core from '#engine/core';
import { Engine } from '#engine/queue';
import { connect, HASTY } from '#engine/redis';
import { conformance } from '../../../test/http/conformance/suite.js';
import { tasks } from '../../../test/http/conformance/tasks.js';
import { Program } from './support/program.js';
import { NO_REDIS, RedisServer } from './support/redis.js';

const TASKS = new URL('../../../test/http/conformance/tasks.js', import.meta.url);

if (NO_REDIS) test('BullMQ', { skip: NO_REDIS }, () => {});
else {
  describe('with Redis', () => {
    let server: RedisServer;
    let queues = 0;
    before(async () => {
      server = await RedisServer.start();
    });
    after(() => server.stop());

    conformance('BullMQ', core, async (t, capacity) => {
      const name = `test-${queues++}`;
      const worker = await Program.worker({ REDIS_URL: server.url, QUEUE: name, TASKS: TASKS.href });
      t.after(() => worker.end());
      const redis = await connect(server.url, HASTY);
      t.after(() => redis.disconnect());
      const queue = await Engine.open(redis, { name, tasks, capacity, history: 100, maxBytes: 65_536 });
      return { queue, tasks };
    });
  });
}
