/** A server behind a reverse proxy that serves it under a prefix, and strips that from the requests. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Queue, TaskResource } from '#http';
import { Application } from './support/application.js';
import { request, text } from './support/connection.js';

/** Resolves with the port of a proxy to `target`. */
async function proxy(t: TestContext, prefix: string, target: number): Promise<number> {
  const server = createServer((from, to) => {
    if (!from.url?.startsWith(`${prefix}/`)) {
      to.writeHead(404).end();
      return;
    }
    const path = from.url.slice(prefix.length);
    const { method, headers } = from;
    const upstream = forward({ port: target, host: '127.0.0.1', method, path, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    from.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

for (const [basePath, prefix] of [
  ['/api', '/api'],
  ['/api/', '/api'],
  ['/a/b.c-d/%C3%A4', '/a/b.c-d/%C3%A4'],
  ['/', ''],
  ['', ''],
] as const) {
  test(`with the base path '${basePath}' the URL of a task is right behind a proxy that strips it`, async (t) => {
    const app = await Application.start(basePath);
    t.after(() => app.stop());
    const port = await proxy(t, prefix, app.port);
    text(await request(port, 'GET', `${prefix}/`), 200, 'Hello, world!');
    const accepted = await request(port, 'POST', `${prefix}/measure`, { body: 'a b' });
    text(accepted, 202, 'task started');
    assert.equal(accepted.headers['retry-after'], '1');
    const here = `http://localhost:${port}${prefix}/measure`;
    const { pathname } = new URL(accepted.headers['location'] ?? '', here);
    assert.ok(pathname.startsWith(`${prefix}/tasks/`), pathname);
    await app.rest();
    const { state, result } = JSON.parse((await request(port, 'GET', pathname)).body);
    assert.deepEqual([state, result], ['succeeded', { units: 3, bytes: 3 }]);
    assert.equal((await request(port, 'DELETE', pathname)).status, 409);
  });
}

test('a base path that is none is refused', () => {
  for (const basePath of [
    'api',
    '//evil.example',
    '/a//b',
    'http://a/b',
    '/a?b',
    '/a#b',
    '/a b',
    '/a\r\nX: y',
    '/%',
    '/%zz',
    '/ä',
    '\\a',
    5,
    null,
    {},
  ]) {
    assert.throws(() => new TaskResource({} as Queue, basePath as string), {
      name: 'RangeError',
      message: `Expected \`basePath\` to be a path such as /api, got ${JSON.stringify(basePath)}`,
    });
  }
});
