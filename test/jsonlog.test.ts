/** The log as JSON: one object a line, from both threads, with the task that the line is about. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requestIdOf } from '#http/requestid';
import { request } from './support/connection.js';
import { ServerProcess } from './support/server-process.js';

const SERVER = fileURLToPath(new URL('./fixtures/server.js', import.meta.url));

/** Lines of stdout and stderr, each parsed. */
async function linesOf(server: ServerProcess): Promise<Record<string, unknown>[]> {
  server.child.kill('SIGTERM');
  assert.equal(await server.exited, 0);
  return [...server.out.all, ...server.err.all].map((line) => JSON.parse(line));
}

const start = (t: TestContext): Promise<ServerProcess> =>
  ServerProcess.start(t, { LOG_FORMAT: 'json' }, SERVER);

test('Each line is an object, with its time, its level, and the words of the plain log', async (t) => {
  const server = await start(t);
  await request(server.port, 'POST', '/say?7');
  await server.out.seen(/said 7/);
  const lines = await linesOf(server);
  for (const { time, level } of lines) {
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(level, 'info');
  }
  const messages = lines.map(({ message }) => message);
  for (const message of ['task executor started', 'start new task', 'said 7', 'SIGTERM: draining'])
    assert.ok(messages.includes(message), messages.join());
});

test('What a task prints names the task and its request, in whatever way it prints', async (t) => {
  const server = await start(t);
  await request(server.port, 'POST', '/every?1', { headers: { 'x-request-id': 'r 1' } });
  await request(server.port, 'POST', '/every?1', { headers: { 'x-request-id': 'r-2' } });
  await request(server.port, 'POST', '/say?1');
  await server.out.seen(/said 1/);
  const lines = await linesOf(server);
  const of = (id: number) => lines.filter(({ taskId }) => taskId === id);
  assert.equal(of(1).length, 11);
  for (const { task, requestId } of of(0)) assert.deepEqual([task, requestId], ['every', undefined]);
  for (const { task, requestId } of of(1)) assert.deepEqual([task, requestId], ['every', 'r-2']);
  assert.equal(of(1).filter(({ level }) => level === 'error').length, 4);
});

test('A failure has its error and its duration in fields', async (t) => {
  const server = await start(t);
  await request(server.port, 'POST', '/fail?3', { headers: { 'x-request-id': 'r-3' } });
  const line = JSON.parse(await server.err.seen(/task failed/));
  const { time, duration, error, ...rest } = line;
  assert.deepEqual(rest, {
    level: 'error',
    message: 'task failed: fail, id 0',
    taskId: 0,
    task: 'fail',
    requestId: 'r-3',
  });
  assert.ok(duration >= 0 && duration < 1000 && time !== undefined);
  assert.deepEqual([error.name, error.message], ['Error', 'failed 3']);
  assert.match(error.stack, /server-tasks\.ts/);
  await linesOf(server);
});

test('A format that is none is one line, and nothing starts', async (t) => {
  const server = new ServerProcess(t, { LOG_FORMAT: 'xml' }, SERVER);
  assert.equal(await server.exited, 1);
  assert.deepEqual(server.err.all, ['Expected LOG_FORMAT to be json or plain, got "xml"']);
});

test("A request's id is X-Request-Id, or the trace of traceparent, if they are as they should be", () => {
  const idOf = (headers: Record<string, string>) => requestIdOf({ headers } as never);
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${trace}-b7ad6b7169203331-01`;
  assert.equal(idOf({ traceparent }), trace);
  assert.equal(idOf({ 'x-request-id': 'a', traceparent }), 'a');
  assert.equal(idOf({ 'x-request-id': 'a b', traceparent }), trace);
  assert.equal(idOf({ 'x-request-id': 'x'.repeat(65) }), undefined);
  assert.equal(idOf({ traceparent: `00-${trace}` }), undefined);
  assert.equal(idOf({}), undefined);
});
