import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createHttpServer, readText, TaskResource, taskRoutes } from 'async-tasks/http';
import { lane, twoLanes } from '../src/lanes.js';
import { tasks } from '../src/tasks.js';
import { endOf, jsonOf } from './program.js';

async function startServer(t: TestContext) {
  const queue = twoLanes(await lane(), await lane(), ({ name }) => name === 'wait');
  const routes = {
    '/wait': {
      POST: async (exchange, resource) => (await resource.accept(exchange, tasks.wait(60_000))).answer,
    },
    '/count_words': {
      POST: async (exchange, resource) =>
        (await resource.accept(exchange, tasks.countWords(await readText(exchange, 100)))).answer,
    },
    ...taskRoutes,
  } satisfies Parameters<typeof createHttpServer<TaskResource>>[0];
  const server = createHttpServer<TaskResource>(routes, new TaskResource(queue));
  t.after(async () => {
    await queue.close();
    server.close();
    server.closeAllConnections();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { queue, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('A short task ends while a long one runs, and both are seen and cancelled at their URLs', async (t) => {
  const { url } = await startServer(t);
  const long = await fetch(`${url}/wait`, { method: 'POST' });
  const short = await fetch(`${url}/count_words`, { method: 'POST', body: 'to be' });
  assert.equal((await endOf(short))['result'], 2);
  const longUrl = new URL(long.headers.get('location') ?? '', url);
  assert.equal((await jsonOf(await fetch(longUrl)))['state'], 'running');
  assert.equal((await fetch(longUrl, { method: 'DELETE' })).status, 202);
  assert.equal((await endOf(long))['state'], 'cancelled');
});

test('Both lanes drain, and the report has the tasks of both', async (t) => {
  const { queue, url } = await startServer(t);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  await fetch(`${url}/wait`, { method: 'POST' });
  const short = await fetch(`${url}/count_words`, { method: 'POST', body: 'to be' });
  await endOf(short);
  assert.deepEqual(
    queue.atStake().map(({ name }) => name),
    ['wait'],
  );
  const { unfinished } = await queue.drain({ timeout: 10 });
  assert.deepEqual(
    unfinished.map(({ name }) => name),
    ['wait'],
  );
  assert.equal((await fetch(`${url}/readyz`)).status, 503);
});
