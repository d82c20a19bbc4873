/** What two threads print: whole, at once, and never at the cost of their work. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addFields, jsonLine, printJson, reportFailure, safely, withFields } from '#log';
import { type Lines, Pipe } from '../support/server-process.js';
import type { Answer, Order } from './fixtures/printer.js';

const PRINTER = fileURLToPath(new URL('./fixtures/printer.js', import.meta.url));
const NOTE = /^\(the log was not read: (\d+) writes lost\)$/;

/** The process that prints. Its stdout and stderr are one pipe, which nobody reads before `lines` is used. */
class Printer {
  readonly child: ChildProcess;
  readonly #pipe: Pipe;
  #lines: Lines | undefined;

  constructor(t: TestContext, mode = 'plain', output?: number) {
    this.#pipe = new Pipe(t);
    const fd = output ?? this.#pipe.input;
    this.child = spawn(process.execPath, [PRINTER, mode], { stdio: ['ignore', fd, fd, 'ipc'] });
    this.#pipe.closeInput();
    t.after(() => this.child.kill('SIGKILL'));
  }

  get lines(): Lines {
    this.#lines ??= this.#pipe.read();
    return this.#lines;
  }

  async tell(order: Order): Promise<Answer> {
    this.child.send(order);
    for (;;) {
      const [answer] = await once(this.child, 'message');
      if (answer.thread === order.thread) return answer;
    }
  }

  print(thread: 'main' | 'worker', count: number, ...bytes: number[]): Promise<Answer> {
    return this.tell({ thread, print: 'lines', count, bytes });
  }

  /** Reads until the note has come. Returns how many short lines that took. */
  async readAgain(thread: 'main' | 'worker'): Promise<number> {
    let count = 0;
    for (this.lines.resume(); !this.lines.all.some((line) => /writes lost/.test(line)); count++)
      await this.print(thread, 1, 39);
    return count;
  }

  /** All that was printed. Ends the process. */
  async end(): Promise<readonly string[]> {
    this.lines.resume();
    this.child.send({ thread: 'main', print: 'exit' } satisfies Order);
    assert.deepEqual(await once(this.child, 'exit'), [7, null]);
    await this.lines.ended;
    return this.lines.all;
  }
}

describe('a reader that stands still', { concurrency: 4 }, () => {
  for (const bytes of [[39], [2100], [100_000], [2100, 39, 500, 5]]) {
    test(`costs a thread a second in all, with lines of ${bytes.join(', ')} bytes`, async (t) => {
      const printer = new Printer(t);
      await printer.print('main', Math.ceil(100_000 / (bytes[0] ?? 1)), bytes[0] ?? 1); // the pipe is full, but for its tail
      let ms = 0;
      for (let n = 0; n < 2; n++) ms += (await printer.print('worker', 50, ...bytes)).ms;
      assert.ok(ms < 2000, `${ms} ms`);
      const main = await printer.print('main', 50, ...bytes);
      assert.ok(main.ms < 2000, `${main.ms} ms`);
    });
  }

  test('is told afterwards how much was lost, and gets whole lines again', async (t) => {
    const printer = new Printer(t);
    await printer.print('main', 50, 100_000);
    const short = await printer.readAgain('main');
    const { ms } = await printer.print('main', 20, 100_000);
    assert.ok(ms < 1000, `${ms} ms`);
    const [cut, note, ...whole] = await printer.end();
    assert.match(cut?.slice(-8) ?? '', /^m… \[cut\]$/);
    const lost = Number(NOTE.exec(note?.slice(0, 99) ?? '')?.[1]);
    const lengths = whole.map((line) => line.length);
    assert.deepEqual(lengths, [...Array(50 + short - lost).fill(38), ...Array(20).fill(99_999)]);
  });

  test('costs patience once more after it has read', async (t) => {
    const printer = new Printer(t);
    await printer.print('worker', 50, 2100);
    await printer.readAgain('worker');
    printer.lines.pause();
    const { ms } = await printer.print('worker', 100, 2100);
    assert.ok(ms > 400 && ms < 2000, `${ms} ms`);
  });
});

describe('what two threads print', { concurrency: 4 }, () => {
  for (const mode of ['plain', 'library']) {
    const bytes = 4096;
    test(`at the same time comes out whole, ${mode}, in lines of ${bytes} bytes`, async (t) => {
      const printer = new Printer(t, mode);
      printer.lines.resume();
      await Promise.all([printer.print('worker', 100, bytes), printer.print('main', 100, bytes)]);
      const lines = await printer.end();
      const whole = lines.filter((line) => /^(m+|w+)$/.test(line) && line.length === bytes - 1);
      assert.deepEqual([whole.length, lines.length], [200, 200]);
    });
  }

  test('comes out in order and at once, in every way to print, while the threads are blocked', async (t) => {
    const printer = new Printer(t);
    printer.lines.resume();
    for (const thread of ['worker', 'main'] as const) {
      const before = printer.lines.all.length;
      printer.child.send({ thread, print: 'every way' } satisfies Order);
      while (printer.lines.all.length < before + 10) await new Promise(setImmediate);
      const expected = [1, 2].flatMap((n) =>
        ['log', 'stdout', 'error', 'stderr', 'latin'].map((way) => `${way} ${n}`),
      );
      assert.deepEqual(printer.lines.all.slice(before), expected);
    }
  });

  test('is printed by consoles with the same members', async (t) => {
    const printer = new Printer(t);
    for (const thread of ['worker', 'main'] as const) await printer.tell({ thread, print: 'members' });
    const [worker, main] = await printer.end();
    assert.equal(worker, main);
  });

  for (const path of ['/dev/full', '/dev/null']) {
    test(`ends nobody when its reader is gone, or there is no room: ${path}`, async (t) => {
      const fd = openSync(path, 'w');
      const printer = new Printer(t, 'plain', path === '/dev/full' ? fd : undefined);
      closeSync(fd);
      if (path !== '/dev/full') printer.lines.destroy();
      for (const thread of ['worker', 'main'] as const)
        assert.ok((await printer.print(thread, 3, 100_000)).ms < 500);
      printer.child.send({ thread: 'main', print: 'exit' } satisfies Order);
      assert.deepEqual(await once(printer.child, 'exit'), [7, null]);
    });
  }
});

describe('a log of JSON', () => {
  test('has an object on each line, also for what was lost', async (t) => {
    const printer = new Printer(t, 'json');
    await printer.print('worker', 100, 2100);
    await printer.readAgain('worker');
    const lines = (await printer.end()).map((line) => JSON.parse(line));
    for (const { time, level } of lines) {
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.equal(level, 'info');
    }
    const at = lines.findIndex(({ message }) => NOTE.test(message));
    assert.equal(lines[at + 1].message, 'w'.repeat(38));
  });

  test('has the fields of the task and its request, and of its failure', () => {
    printJson();
    const print = (line: string) => JSON.parse(jsonLine('error', line));
    const request = withFields({ requestId: 'r-3' }, () => {
      addFields({ taskId: 5 });
      return print('text\n');
    });
    const { time, ...rest } = request;
    assert.deepEqual(rest, { level: 'error', message: 'text', requestId: 'r-3', taskId: 5 });
    assert.deepEqual(Object.keys(print('text')), ['time', 'level', 'message']);
    let line = '';
    const error = Object.assign(new RangeError('no', { cause: new Error('why') }), { code: 'E_NO' });
    const failure = { id: 3, name: 'fail', state: 'failed', error, requestId: 'r-3', duration: 1.5 } as const;
    reportFailure((text) => {
      line = jsonLine('error', text);
    }, failure);
    const { time: _, error: shown, ...fields } = JSON.parse(line);
    assert.deepEqual(fields, {
      level: 'error',
      message: 'task failed: fail, id 3',
      taskId: 3,
      task: 'fail',
      requestId: 'r-3',
      duration: 1.5,
    });
    assert.deepEqual([shown.name, shown.code, shown.message], ['RangeError', 'E_NO', 'no']);
    assert.match(
      shown.stack,
      /^RangeError \[E_NO\]: no\n {4}at .*log\.test[\s\S]*\ncaused by:\nError: why\n/,
    );
  });
});

describe('a failed task in the log', () => {
  function report(error: unknown): string {
    const lines: string[] = [];
    reportFailure((line) => lines.push(line), { id: 7, name: 'work', state: 'failed', error });
    return lines.join('\n');
  }

  test('has its name and id, and the error with stack and causes', () => {
    const cause = new AggregateError([new Error('one'), 'two'], 'several');
    const text = report(Object.assign(new RangeError('too deep', { cause }), { code: 'E_DEEP' }));
    assert.match(text, /^task failed: work, id 7\nRangeError \[E_DEEP\]: too deep\n {4}at .*log\.test/);
    const causes = text.split('\n').filter((line) => !line.startsWith('    at '));
    assert.deepEqual(causes.slice(2), [
      'caused by:',
      'AggregateError: several',
      'caused by:',
      'Error: one',
      'caused by:',
      'two',
    ]);
    assert.equal(report('only text'), 'task failed: work, id 7\nonly text');
  });

  test('shows nothing of what the task captured, and does not grow with what it threw', () => {
    const url = 'https://user:hunter2@host';
    for (const error of [
      Object.assign(new Error('no', { cause: { url } }), { url, code: { url } }),
      new AggregateError([Object.assign(new Error('the one'), { url }), { url }], 'several'),
      { url },
      Object.assign(new Error('x'.repeat(100_000), { cause: new Error('y'.repeat(100_000)) }), { url }),
    ]) {
      const text = report(error);
      assert.doesNotMatch(text, /hunter2/);
      assert.ok(text.length < 20_000);
    }
  });

  test('is printed whatever was thrown, and whatever became of the console', () => {
    const getters = Object.defineProperty(new Error('x'), 'message', { get: () => assert.fail() });
    assert.match(report(getters), /Error: \[message: its getter threw\]\n {4}(at |\[stack)/);
    assert.match(report(Object.create(null)), /a thrown object$/);
    assert.match(
      report(() => {}),
      /cannot be sent: a function/,
    );
    safely(() => assert.fail())('a line');
    safely(undefined)('a line');
  });
});
