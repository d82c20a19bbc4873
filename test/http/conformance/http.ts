/** What HTTP makes of a `Queue`: part of the conformance suite. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange, Queue, TaskResource } from '#http';
import type { Task, TaskState } from '#index';
import { type Answer, acceptedAt, request } from '../../support/connection.js';
import type { tasks as definedTasks } from './tasks.js';

/** What the tests of the suite work on: one worker thread runs one task at a time. */
export type Subject = { readonly queue: Queue; readonly tasks: typeof definedTasks };

/** A queue for one test, with room for so many tasks. */
export type Open = (t: TestContext, capacity: number) => Promise<Subject>;

/** What makes HTTP of a queue. */
export type Http = Pick<
  typeof import('#http'),
  'createHttpServer' | 'listen' | 'TaskResource' | 'taskRoutes'
>;

/** How long a state may take to come. */
export const PATIENCE_MS = 20_000;

type Ask = (method: string, path: string) => Promise<Answer>;

/** A server around the queue, and the way to ask it. */
async function serve(t: TestContext, http: Http, { queue, tasks }: Subject): Promise<Ask> {
  const start = (task: Task) => async (exchange: Exchange, resource: TaskResource) =>
    (await resource.accept(exchange, task)).answer;
  const routes = {
    '/echo': { POST: start(tasks.echo({ when: new Date(0) })) },
    '/fail': { POST: start(tasks.fail('too far')) },
    ...http.taskRoutes,
  };
  const server = http.createHttpServer(routes, new http.TaskResource(queue));
  const { port } = new URL(await http.listen(server, { host: '127.0.0.1', port: 0 }));
  t.after(() => server.close());
  return (method, path) => request(Number(port), method, path);
}

async function shows(ask: Ask, url: string, state: TaskState): Promise<Record<string, unknown>> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(5)) {
    const { status, body } = await ask('GET', url);
    assert.equal(status, 200);
    const view = JSON.parse(body);
    if (view.state === state) return view;
    assert.ok(performance.now() < deadline, `Expected ${url} to be ${state}, got ${view.state}`);
  }
}

export function overHttp(http: Http, open: Open): void {
  test('A task that is started has a URL, which tells what becomes of it', async (t) => {
    const ask = await serve(t, http, await open(t, 8));
    const url = acceptedAt(await ask('POST', '/echo'));
    const { id, task, kind, result, error } = await shows(ask, url, 'succeeded');
    assert.deepEqual([`/tasks/${id}`, task, kind, error], [url, 'echo', 'sync', undefined]);
    assert.deepEqual(result, { when: '1970-01-01T00:00:00.000Z' });
    const failed = await shows(ask, acceptedAt(await ask('POST', '/fail')), 'failed');
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
    const url = acceptedAt(await ask('POST', '/echo'));
    await shows(ask, url, 'succeeded');
    await subject.queue.drain({});
    assert.equal((await ask('GET', '/healthz')).status, 200);
    assert.equal((await ask('GET', '/readyz')).status, 503);
    assert.equal((await ask('POST', '/echo')).status, 503);
    await shows(ask, url, 'succeeded');
  });
}
