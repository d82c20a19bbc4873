/** The tasks of the application that the tests of `src/http` ask. Each can be started by a text: `POST /run/NAME/TEXT`. */
import { spawnSync } from 'node:child_process';
import { defineTasks, syncTask } from '#index';
import { hold, never } from '../conformance/tasks.js';

export const tasks = defineTasks({
  hold: syncTask(hold),
  /** Blocks the thread for so many ms, or for good, whoever asks it to stop. */
  endure: syncTask((ms: string) => void Atomics.wait(never, 0, 0, ms === '' ? Infinity : Number(ms))),
  measure: syncTask((text: string) => ({ units: text.length, bytes: Buffer.byteLength(text) })),
  /** Ends its thread once it has succeeded. */
  die: syncTask(() => void setImmediate(() => process.exit(1))),
  give: syncTask((value: string) => value),
  say: syncTask((text: string) => console.log(`said ${text}`)),
  fail: syncTask(() => {
    throw new Error('on purpose');
  }),
  /** The thread is in a system call all the while, and cannot be ended. */
  sleep: syncTask((seconds: string) => void spawnSync('sleep', [seconds])),
});
