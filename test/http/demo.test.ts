/** The example's routes and tasks, as shipped. Whoever changes `src/app.ts` and `src/tasks.ts` changes this file along. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { acceptedAt, problem, request, text } from '../support/connection.js';
import { ServerProcess } from '../support/server-process.js';

describe('the example', { concurrency: true }, () => {
  test('says hello', async (t) => {
    const { port } = await ServerProcess.start(t);
    text(await request(port, 'GET', '/'), 200, 'Hello, world!');
  });

  for (const kind of ['sync', 'async']) {
    test(`starts its ${kind} task by GET and by POST, and logs each step`, async (t) => {
      const { port, out } = await ServerProcess.start(t);
      const urls: string[] = [];
      for (const method of ['GET', 'POST']) {
        urls.push(acceptedAt(await request(port, method, `/start_${kind}_task`)));
        await out.seen(new RegExp(`^task sent, id ${urls.length - 1}$`));
      }
      assert.equal((await request(port, 'HEAD', `/start_${kind}_task`)).status, 405);
      const [first = '', second = ''] = urls;
      await out.seen(new RegExp(`^start ${kind} task with foo$`));
      const { state } = JSON.parse((await request(port, 'DELETE', second)).body);
      assert.equal(state, 'cancelled');
      await out.seen(new RegExp(`^${kind} task finished$`));
      let view = { state: 'running', task: '', result: '' };
      while (view.state === 'running') view = JSON.parse((await request(port, 'GET', first)).body);
      assert.deepEqual([view.state, view.task, view.result], ['succeeded', `${kind}Task`, null]);
    });
  }

  test('logs for machines, each line with its task and its request', async (t) => {
    const { port, out } = await ServerProcess.start(t, { LOG_FORMAT: 'json' });
    const headers = { 'x-request-id': 'r-1' };
    acceptedAt(await request(port, 'POST', '/count_words', { body: 'a b', headers }));
    await out.seen(/counted/);
    const lines = out.all.map((line) => JSON.parse(line)).filter(({ taskId }) => taskId === 0);
    assert.deepEqual(lines.map(({ message }) => message).sort(), [
      'counted 0 lines, 2 words, 3 bytes',
      'start new task, id 0',
      'task sent, id 0',
    ]);
    for (const { level, task, requestId } of lines)
      assert.deepEqual([level, task, requestId], ['info', 'countWords', 'r-1']);
  });

  test('counts the words of a text of up to 64 KiB as `wc` does', async (t) => {
    const { port, out } = await ServerProcess.start(t);
    for (const body of [
      '',
      ' a  b\tc\r\nd\v\fe ',
      'Zwölf Boxkämpfer jagen Viktor\nquer über den großen Sylter Deich\n',
      '\ufeffa',
      `${'a'.repeat(65_533)}€`, // one character makes all the others wide
    ]) {
      const env = { LC_ALL: 'C.UTF-8' };
      const printed = execFileSync('wc', ['-lwc'], { input: body, env, encoding: 'utf8' });
      const [lines, words, bytes] = printed.trim().split(/\s+/).map(Number);
      const url = acceptedAt(await request(port, 'POST', '/count_words', { body }));
      await out.seen(new RegExp(`^counted ${lines} lines, ${words} words, ${bytes} bytes$`));
      let view = { state: 'running', result: {} };
      while (view.state === 'running') view = JSON.parse((await request(port, 'GET', url)).body);
      assert.deepEqual(view.result, { lines, words, bytes });
    }
    const tooLarge = await request(port, 'POST', '/count_words', { body: 'a'.repeat(65_537) });
    assert.equal(problem(tooLarge, 413), 'Expected a body of at most 65536 bytes');
  });
});
