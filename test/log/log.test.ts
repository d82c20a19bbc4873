/** What two threads print: whole, at once, and never at the cost of their work. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addFields, jsonLine, printJson, reportFailure, safely, withFields } from '#log';
import { type Lines, Pipe } from '../support/server-process.js';
import type { Order } from './printer.js';

const PRINTER = fileURLToPath(new URL('./printer.js', import.meta.url));
const NOTE = /^\(the log was not read: (\d+) writes lost\)$/;
const THREADS = ['worker', 'main'] as const;

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

  /** Returns how long it took, in milliseconds. */
  async print(thread: Order['thread'], count: number, ...bytes: number[]): Promise<number> {
    this.child.send({ thread, count, bytes } satisfies Order);
    for (;;) {
      const [answer] = await once(this.child, 'message');
      if (answer.thread === thread) return answer.ms;
    }
  }

  /** Reads until the note has come. Returns how many short lines that took. */
  async readAgain(thread: Order['thread']): Promise<number> {
    let count = 0;
    for (this.lines.resume(); !this.lines.all.some((line) => /writes lost/.test(line)); count++)
      await this.print(thread, 1, 39);
    return count;
  }

  async exit(): Promise<void> {
    this.child.send('exit');
    assert.deepEqual(await once(this.child, 'exit'), [7, null]);
  }

  /** All that was printed. Ends the process. */
  async end(): Promise<readonly string[]> {
    this.lines.resume();
    await this.exit();
    await this.lines.ended;
    return this.lines.all;
  }
}

describe('What two threads print', { concurrency: 4 }, () => {
  for (const bytes of [[100_000], [2100, 39, 500, 5]])
    test(`costs a thread at most a second while nobody reads it, with lines of ${bytes} bytes`, async (t) => {
      const printer = new Printer(t);
      await printer.print('main', 50, 2100); // the pipe is full, but for its tail
      for (const thread of THREADS) {
        const ms = (await printer.print(thread, 50, ...bytes)) + (await printer.print(thread, 50, ...bytes));
        assert.ok(ms < 1500, `${ms} ms`);
      }
      await printer.readAgain('worker');
      printer.lines.pause();
      const again = await printer.print('worker', 150, 2100);
      assert.ok(again > 400 && again < 1500, `${again} ms, patience once more`);
    });

  test('is counted if it was lost, and comes in whole lines again', async (t) => {
    const printer = new Printer(t);
    await printer.print('main', 50, 100_000);
    const short = await printer.readAgain('main');
    assert.ok((await printer.print('main', 20, 100_000)) < 1000);
    const [first, note, ...whole] = await printer.end();
    assert.equal(first, 'm'.repeat(99_999));
    const lost = Number(NOTE.exec(note?.slice(0, 99) ?? '')?.[1]);
    const lengths = whole.map((line) => line.length);
    assert.deepEqual(lengths, [...Array(49 + short - lost).fill(38), ...Array(20).fill(99_999)]);
  });

  test('is an object on each line of a log of JSON, also if lines were lost', async (t) => {
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

  for (const mode of ['plain', 'library'])
    test(`at the same time comes out in whole lines of 4096 bytes, ${mode}`, async (t) => {
      const printer = new Printer(t, mode);
      printer.lines.resume();
      await Promise.all(THREADS.map((thread) => printer.print(thread, 100, 4096)));
      const lines = await printer.end();
      const whole = lines.filter((line) => /^(m+|w+)$/.test(line) && line.length === 4095);
      assert.deepEqual([whole.length, lines.length], [200, 200]);
    });

  test('comes out in order and at once, in every way to print, while the threads are blocked', async (t) => {
    const printer = new Printer(t);
    printer.lines.resume();
    const expected = ['log', 'stdout', 'error', 'stderr', 'latin'];
    for (const thread of THREADS) {
      const before = printer.lines.all.length;
      printer.child.send({ thread } satisfies Order);
      while (printer.lines.all.length < before + 10) await new Promise(setImmediate);
      const twice = [1, 2].flatMap((n) => expected.map((way) => `${way} ${n}`));
      assert.deepEqual(printer.lines.all.slice(before), twice);
    }
  });

  for (const path of ['/dev/full', '/dev/null'])
    test(`ends nobody when its reader is gone, or there is no room: ${path}`, async (t) => {
      const fd = openSync(path, 'w');
      const printer = new Printer(t, 'plain', path === '/dev/full' ? fd : undefined);
      closeSync(fd);
      if (path !== '/dev/full') printer.lines.destroy();
      for (const thread of THREADS) assert.ok((await printer.print(thread, 3, 100_000)) < 500);
      await printer.exit();
    });
});

describe('A failed task in the log', () => {
  function report(error: unknown): string {
    const lines: string[] = [];
    reportFailure((line) => lines.push(line), { id: 7, name: 'work', state: 'failed', error });
    return lines.join('\n');
  }

  test('has its name and id, and the error with stack and causes', () => {
    const cause = new AggregateError([new Error('one'), 'two'], 'several');
    const text = report(Object.assign(new RangeError('too deep', { cause }), { code: 'E_DEEP' }));
    assert.match(text, /^task failed: work, id 7\nRangeError \[E_DEEP\]: too deep\n {4}at .*log\.test/);
    const causes = text.split('\n').filter((line) => !/^ {4}at |^caused by:$/.test(line));
    assert.deepEqual(causes.slice(2), ['AggregateError: several', 'Error: one', 'two']);
    assert.equal(report('only text'), 'task failed: work, id 7\nonly text');
    safely(() => assert.fail('a task has broken the console'))('a line');
  });

  test('shows nothing of what the task captured, and does not grow with what it threw', () => {
    const url = 'https://user:hunter2@host';
    const cause = new Error('y'.repeat(100_000));
    const long = Object.assign(new Error('x'.repeat(100_000), { cause }), { url });
    const deep = Object.assign(new Error('no', { cause: { url } }), { url, code: { url } });
    for (const error of [long, deep, new AggregateError([deep, { url }], 'several'), { url }]) {
      const text = report(error);
      assert.doesNotMatch(text, /hunter2/);
      assert.ok(text.length < 20_000);
    }
  });

  test('has the fields of the task, its request and its error in a log of JSON', () => {
    printJson();
    const print = (line: string) => JSON.parse(jsonLine('error', line));
    assert.deepEqual(Object.keys(print('text')), ['time', 'level', 'message']);
    const request = withFields({ requestId: 'r-3' }, () => {
      addFields({ taskId: 5 });
      return print('text\n');
    });
    const known = { level: 'error', requestId: 'r-3' };
    assert.deepEqual(request, { ...known, time: request.time, message: 'text', taskId: 5 });
    const error = Object.assign(new RangeError('no'), { code: 'E_NO' });
    const failure = { id: 3, name: 'fail', state: 'failed', error, requestId: 'r-3', duration: 1.5 } as const;
    let line: Record<string, unknown> = {};
    reportFailure((text) => {
      line = print(text);
    }, failure);
    const { time, error: shown, ...fields } = line;
    const task = { taskId: 3, task: 'fail', duration: 1.5 };
    assert.deepEqual(fields, { ...known, ...task, message: 'task failed: fail, id 3' });
    const { stack, ...rest } = shown as Record<string, string>;
    assert.deepEqual(rest, { name: 'RangeError', code: 'E_NO', message: 'no' });
    assert.match(stack ?? '', /^RangeError \[E_NO\]: no\n {4}at .*log\.test/);
  });
});
