import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { TaskCancelledError } from 'async-tasks';
import { runWithRetry } from '../src/retry.js';
import { tasks } from '../src/tasks.js';
import { start } from './start.js';

/** A service that answers 500 so many times, and then 200. */
async function serviceThatFails(t: TestContext, times: number) {
  let calls = 0;
  const server = createServer((_request, response) => {
    calls += 1;
    response.writeHead(calls > times ? 200 : 500).end('here');
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, calls: () => calls };
}

test('A task that fails is run again until it succeeds', async (t) => {
  const { tx } = await start(t);
  const service = await serviceThatFails(t, 2);
  assert.equal(await runWithRetry(tasks.fetchText(service.url), tx, { delay: 1 }), 'here');
  assert.equal(service.calls(), 3);
});

test('After the last attempt its error is the answer', async (t) => {
  const { tx } = await start(t);
  const service = await serviceThatFails(t, 9);
  const running = runWithRetry(tasks.fetchText(service.url), tx, { attempts: 3, delay: 1 });
  await assert.rejects(running, /got 500/);
  assert.equal(service.calls(), 3);
});

test('A task that was cancelled is not run again', async (t) => {
  const { tx, runtime } = await start(t);
  const running = runWithRetry(tasks.wait(60_000), tx);
  const [record] = runtime.tasks();
  runtime.task(record?.id ?? -1)?.cancel();
  await assert.rejects(running, TaskCancelledError);
  assert.equal(runtime.tasks().length, 1);
});
