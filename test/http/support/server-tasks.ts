/** Tasks for a server under test: each prints, waits or fails as its number says. */
import { spawnSync } from 'node:child_process';
import { defineTasks, syncTask } from '#index';

const never = new Int32Array(new SharedArrayBuffer(4));

export const tasks = defineTasks({
  say: syncTask((n: number) => console.log(`said ${n}`)),
  hold: syncTask((ms: number) => {
    console.log(`holding for ${ms} ms`);
    Atomics.wait(never, 0, 0, ms);
  }),
  fail: syncTask((n: number) => {
    throw new Error(`failed ${n}`);
  }),
  /** The thread is in a system call all the while, and cannot be ended. */
  program: syncTask((seconds: number) => {
    console.log('program runs');
    spawnSync('sleep', [String(seconds)]);
  }),
});
