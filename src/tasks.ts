/**
 * The example tasks. Make the project yours here: the server builds tasks from this module, and the worker thread
 * imports it to run them, so it must not start anything by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncTask, defineTasks, syncTask } from './index.js';

const TASK_MS = 3000;

/** A sync task keeps the worker thread busy: right for computing. */
function runSync(someVar: string): void {
  console.log(`start sync task with ${someVar}`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TASK_MS); // blocks, as a long computation would
  console.log('sync task finished');
}

/** An async task waits, and the thread's event loop goes on: right for files, sockets, other services. */
async function runAsync(someVar: string): Promise<void> {
  console.log(`start async task with ${someVar}`);
  await sleep(TASK_MS);
  console.log('async task finished');
}

export interface TextCount {
  readonly lines: number;
  readonly words: number;
  readonly bytes: number;
}

/** Counts like `wc`: newlines, runs of non-space characters, bytes in UTF-8. */
function countWords(text: string): TextCount {
  const count: TextCount = {
    lines: text.split('\n').length - 1,
    words: text.match(/\S+/g)?.length ?? 0,
    bytes: Buffer.byteLength(text),
  };
  console.log(`counted ${count.lines} lines, ${count.words} words, ${count.bytes} bytes`);
  return count;
}

export const tasks = defineTasks({
  syncTask: syncTask(runSync),
  asyncTask: asyncTask(runAsync),
  countWords: syncTask(countWords, { timeout: 60_000 }),
});
