/** The example's routes and tasks, as shipped. Whoever changes `src/app.ts` and `src/tasks.ts` changes this file along. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { acceptedAt, problem, request, text } from '../support/connection.js';
import { ServerProcess } from '../support/server-process.js';

/** What the server shows of a task that has ended. */
async function ended(port: number, url: string) {
  for (;;) {
    const view = JSON.parse((await request(port, 'GET', url)).body);
    if (view.finished !== null) return view;
  }
}

describe('the example', { concurrency: true }, () => {
  for (const kind of ['sync', 'async'])
    test(`starts its ${kind} task by GET and by POST, and logs each step`, async (t) => {
      const { port, out } = await ServerProcess.start(t);
      const urls: string[] = [];
      for (const method of ['GET', 'POST'])
        urls.push(acceptedAt(await request(port, method, `/start_${kind}_task`)));
      await out.seen(/^task sent, id 1$/);
      assert.equal((await request(port, 'HEAD', `/start_${kind}_task`)).status, 405);
      await out.seen(new RegExp(`^start ${kind} task with foo$`));
      assert.equal(JSON.parse((await request(port, 'DELETE', `${urls[1]}`)).body).state, 'cancelled');
      await out.seen(new RegExp(`^${kind} task finished$`));
      assert.deepEqual((await ended(port, `${urls[0]}`)).result, null);
    });

  test('says hello, counts words as `wc` does, and logs for machines, each line with its task and its request', async (t) => {
    const { port, out } = await ServerProcess.start(t, { LOG_FORMAT: 'json' });
    text(await request(port, 'GET', '/'), 200, 'Hello, world!');
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const traceparent = `00-${trace}-b7ad6b7169203331-01`;
    let n = 0;
    for (const [headers, id, body] of [
      [{ 'x-request-id': 'a', traceparent }, 'a', ' a  b\tc\r\nd\v\fe '],
      [{ traceparent }, trace, 'Zwölf Boxkämpfer jagen Viktor\nquer über den großen Sylter Deich\n'],
      [{ 'x-request-id': 'a b', traceparent }, trace, '\ufeffa'],
      [{ 'x-request-id': 'x'.repeat(65) }, undefined, ''],
      [{ traceparent: `00-${trace}` }, undefined, `${'a'.repeat(65_533)}€`], // one character makes all the others wide
    ] as const) {
      const printed = execFileSync('wc', ['-lwc'], { input: body, env: { LC_ALL: 'C.UTF-8' } });
      const [lines, words, bytes] = String(printed).trim().split(/\s+/).map(Number);
      const url = acceptedAt(await request(port, 'POST', '/count_words', { body, headers }));
      assert.deepEqual((await ended(port, url)).result, { lines, words, bytes });
      await out.seen(new RegExp(`"counted ${lines} lines, ${words} words, ${bytes} bytes"`));
      const told = out.all.map((line) => JSON.parse(line)).filter(({ taskId }) => taskId === n);
      const shown = told.map(({ level, task, requestId }) => [level, task, requestId]);
      assert.deepEqual(shown, new Array(3).fill(['info', 'countWords', id])); // sent, started, counted
      n += 1;
    }
    const tooLarge = await request(port, 'POST', '/count_words', { body: 'a'.repeat(65_537) });
    assert.equal(problem(tooLarge, 413), 'Expected a body of at most 65536 bytes');
  });
});
