/** A batch with a progress bar: `node batch.js FILE…` counts the words of each file. */
import { readFile } from 'node:fs/promises';
import { channel, runTask, startRuntime, type Task, type TaskRecord } from 'async-tasks';
import { tasks } from './tasks.js';

const WIDTH = 40;
const files = process.argv.slice(2);
const [tx, rx] = channel<Task>(32);
await using _runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url), log: false });

let done = 0;
function drawBar(): void {
  const bar = '#'.repeat(Math.round((WIDTH * done) / files.length)).padEnd(WIDTH, '.');
  process.stderr.write(`\r[${bar}] ${done} of ${files.length}${done === files.length ? '\n' : ''}`);
}

const ends: Promise<TaskRecord>[] = [];
for (const file of files) {
  // This waits while the queue is full. So at most 32 texts wait at a time, however many files there are.
  const handle = await runTask(tasks.countWords(await readFile(file, 'utf8')), tx);
  const end = handle.ended(); // never rejects: one task that fails does not end the batch
  void end.then(() => {
    done += 1;
    drawBar();
  });
  ends.push(end);
}
for (const [index, { state, outcome }] of (await Promise.all(ends)).entries())
  console.log(files[index], state, outcome);
