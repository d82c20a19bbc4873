/** Which handler answers a request, and what is answered if none does. */
import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { after, test } from 'node:test';
import { createHttpServer, maxTaskBytes } from '#http';
import { type Answer, Connection, problem, request, text } from '../support/connection.js';
import { Application } from './support/application.js';
import { tasks } from './support/tasks.js';

const app = await Application.start();
after(() => app.stop());

const ask = (method: string, target: string): Promise<Answer> => request(app.port, method, target);

const ROUTES: Readonly<Record<string, string>> = {
  '/': 'GET, HEAD, OPTIONS',
  '/hold': 'GET, POST, OPTIONS',
  '/measure': 'POST, OPTIONS',
  '/measure/some': 'POST, PUT, OPTIONS',
  '/size': 'PATCH, OPTIONS',
  '/tasks/': 'GET, HEAD, DELETE, OPTIONS',
  '/tasks/1-abc': 'GET, HEAD, DELETE, OPTIONS',
  '/readyz': 'GET, HEAD, OPTIONS',
};

for (const [path, allow] of Object.entries(ROUTES)) {
  test(`every method but ${allow} is refused at ${path}, and the connection goes on`, async () => {
    const connection = await Connection.open(app.port);
    for (const method of METHODS) {
      if (allow.split(', ').includes(method) || method === 'CONNECT') continue;
      const answer = await connection.request(method, path);
      assert.equal(answer.headers['allow'], allow, method);
      if (method === 'HEAD') assert.equal(answer.status, 405);
      else assert.equal(problem(answer, 405), `Expected ${allow}, got ${method}`);
      assert.equal(answer.headers['connection'], 'keep-alive');
    }
    text(await connection.request('GET', '/'), 200, 'Hello, world!');
    connection.drop();
    assert.equal(app.open.length, 0);
  });
}

test('a method that HTTP does not know, or that is a property of every object, is refused', async () => {
  for (const method of ['constructor', 'FETCH', 'get', 'toString']) problem(await ask(method, '/'), 400);
});

test('whatever else is asked for is 404, by any method', async () => {
  const connection = await Connection.open(app.port);
  const paths = ['/nothing', '/tasks', '/healthz/', '//', '/Hold', '/hold/', '/%2F', '/../', '/__proto__'];
  for (const path of [...paths, '/constructor']) {
    for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
      assert.equal(problem(await connection.request(method, path), 404), `There is nothing at ${path}`);
    }
  }
  connection.drop();
});

test('HEAD is answered like GET, without the body', async () => {
  const url = `/tasks/${await app.enqueue(tasks.give('nothing'))}`;
  await app.rest();
  const connection = await Connection.open(app.port);
  for (const path of ['/', '/healthz', '/readyz', url, '/tasks/0-no', '/nothing']) {
    const head = await connection.request('HEAD', path);
    const get = await connection.request('GET', path); // it would find a body that should not be there
    const { date: _headDate, ...headHeaders } = head.headers;
    const { date: _getDate, ...getHeaders } = get.headers;
    assert.deepEqual([head.status, headHeaders], [get.status, getHeaders]);
  }
  connection.drop();
});

test('HEAD starts no task where GET does', async () => {
  const answer = await ask('HEAD', '/hold');
  assert.deepEqual([answer.status, answer.headers['allow']], [405, 'GET, POST, OPTIONS']);
  assert.equal(app.open.length, 0);
});

test('OPTIONS says what a route allows, and what the server allows at all: 204', async () => {
  const connection = await Connection.open(app.port);
  const all = 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE';
  const targets = { ...ROUTES, '*': all, 'http://localhost': all, '/?a': ROUTES['/'] };
  for (const [target, allow] of Object.entries(targets)) {
    const answer = await connection.request('OPTIONS', target, { body: 'a' });
    assert.deepEqual([answer.status, answer.headers['allow'], answer.body], [204, allow, ''], target);
    assert.equal(answer.headers['content-length'], undefined);
    assert.equal(answer.headers['content-type'], undefined);
  }
  for (const target of ['/nothing', '**', '/*', 'http://localhost?a/nothing', 'http://localhost/*']) {
    const { status } = await connection.request('OPTIONS', target);
    assert.equal(status, target.includes('?') ? 204 : 404, target);
  }
  connection.drop();
});

test('a path finds its route in absolute form and percent-encoded, which is decoded once', async () => {
  const connection = await Connection.open(app.port);
  for (const target of [
    '/%68ealthz',
    '/%68%65%61%6C%74%68%7A',
    '/%68%65%61%6c%74%68%7a?a=%2',
    'http://localhost',
    'http://localhost:8000/?a=b',
    'HTTP://localhost/health%7a',
    '/gr%C3%B6%c3%9fe/a%20b',
  ]) {
    assert.equal((await connection.request('GET', target)).status, 200, target);
  }
  for (const [target = '', shown] of [
    ['/%2Fhealthz', '/%2Fhealthz'],
    ['/%2fhealthz', '/%2Fhealthz'],
    ['/%2568ealthz', '/%2568ealthz'],
    ['/healthz%00', '/healthz%00'],
    ['/healthz%3Fa', '/healthz%3Fa'],
    ['/x/%2e%2E/healthz', '/x/../healthz'],
    ['/%2D%5f%7e%40%5b%60%7b', '/-_~%40%5B%60%7B'],
    ['http://localhost/%2Fhealthz', '/%2Fhealthz'],
  ]) {
    assert.equal(problem(await connection.request('GET', target), 404), `There is nothing at ${shown}`);
  }
  connection.drop();
});

test('a path whose percent-encoding is broken, or is not UTF-8, is 400 by any method', async () => {
  const connection = await Connection.open(app.port);
  for (const path of ['/%', '/healthz%2', '/%zz', '/tasks/%-a', '/%%41', '/%u0041', '/%ff', '/%c0%ae']) {
    for (const target of [path, `http://localhost${path}`]) {
      for (const method of ['GET', 'DELETE', 'OPTIONS']) {
        const answer = await connection.request(method, target);
        assert.equal(problem(answer, 400), `Expected a path in percent-encoded UTF-8, got ${path}`);
      }
    }
  }
  text(await connection.request('GET', '/'), 200, 'Hello, world!');
  connection.drop();
});

test('what a handler throws is 500, told to the log and not to the client', async (t) => {
  const log = t.mock.method(console, 'error', () => {});
  assert.equal(problem(await ask('GET', '/broken'), 500), 'Something went wrong; the log says what');
  assert.match(String(log.mock.calls[0]?.arguments[0]), /on purpose/);
});

test('a path of a route that does not begin with a slash is a mistake', () => {
  const routes = { hello: { GET: () => ({ status: 200, headers: {}, body: '' }) } };
  const mistake = { name: 'TypeError', message: /got hello$/ };
  assert.throws(() => createHttpServer(routes, { ending: false }), mistake);
});

test('the channel carries the largest body of all routes, in any script', () => {
  const GET = () => ({ status: 200, headers: {}, body: '' });
  assert.equal(maxTaskBytes({ '/': { GET } }), 65_536); // the default of a channel
  assert.equal(maxTaskBytes({ '/': { GET, maxBody: 10 }, '/a': { GET, maxBody: 100_000 } }), 201_024);
});
