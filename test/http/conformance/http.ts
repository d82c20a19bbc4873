/** What HTTP makes of a `Queue`: part of the conformance suite. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange, TaskResource } from '#http';
import type { Task, TaskState } from '#index';
import { type Http, type Open, PATIENCE_MS, type Subject } from './subject.js';

/** A server around the queue, and the way to ask it. */
async function serve(t: TestContext, http: Http, { queue, tasks }: Subject) {
  const start = (task: Task) => async (exchange: Exchange, resource: TaskResource) =>
    (await resource.accept(exchange, task)).answer;
  const routes = {
    '/echo': { POST: start(tasks.echo({ when: new Date(0) })) },
    '/fail': { POST: start(tasks.fail('too far')) },
    ...http.taskRoutes,
  };
  const server = http.createHttpServer(routes, new http.TaskResource(queue));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async (method: string, path: string) => {
    const response = await fetch(origin + path, { method });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
}
type Ask = Awaited<ReturnType<typeof serve>>;

/** Starts a task; the URL at which it is found. */
async function started(ask: Ask, path: string): Promise<string> {
  const { status, headers, body } = await ask('POST', path);
  const url = headers.get('location') ?? '';
  assert.deepEqual([status, body, headers.get('retry-after')], [202, 'task started', '1']);
  assert.match(url, /^\/tasks\/[\w-]{22,}$/);
  return url;
}

async function shows(ask: Ask, url: string, state: TaskState): Promise<Record<string, unknown>> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(5)) {
    const { status, body } = await ask('GET', url);
    assert.equal(status, 200);
    if (body.state === state) return body;
    assert.ok(performance.now() < deadline, `Expected ${url} to be ${state}, got ${body.state}`);
  }
}

export function overHttp(http: Http, open: Open): void {
  test('A task that is started has a URL, which tells what becomes of it', async (t) => {
    const ask = await serve(t, http, await open(t, 8));
    const url = await started(ask, '/echo');
    const { id, task, kind, result, error } = await shows(ask, url, 'succeeded');
    assert.deepEqual([`/tasks/${id}`, task, kind, error], [url, 'echo', 'sync', undefined]);
    assert.deepEqual(result, { when: '1970-01-01T00:00:00.000Z' });
    const failed = await shows(ask, await started(ask, '/fail'), 'failed');
    const cause = { name: 'TypeError', message: 'the cause' };
    assert.deepEqual(failed['error'], { name: 'RangeError', message: 'too far', code: 'E_FAIL', cause });
    const elsewhere = `${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`;
    for (const wrong of [elsewhere, '/tasks/0', '/tasks/x'])
      assert.equal((await ask('GET', wrong)).status, 404);
  });

  test('It is alive and ready until it drains, then only alive', async (t) => {
    const subject = await open(t, 8);
    const ask = await serve(t, http, subject);
    for (const path of ['/healthz', '/readyz']) assert.equal((await ask('GET', path)).status, 200);
    const url = await started(ask, '/echo');
    await shows(ask, url, 'succeeded');
    await subject.queue.drain({});
    const [alive, ready, refused] = [
      await ask('GET', '/healthz'),
      await ask('GET', '/readyz'),
      await ask('POST', '/echo'),
    ];
    assert.deepEqual([alive.status, ready.status, refused.status], [200, 503, 503]);
    await shows(ask, url, 'succeeded');
  });
}
