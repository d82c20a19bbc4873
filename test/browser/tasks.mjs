/** The tasks of the browser tests: each does what its name says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncTask, currentTask, defineTasks, syncTask } from '../../dist/index.js';

export const tasks = defineTasks({
  hold: asyncTask(async () => {
    const { signal } = currentTask();
    await sleep(60_000, undefined, { signal });
  }),
  step: asyncTask(
    async () => {
      const { progress, signal } = currentTask();
      for (let n = 0; n <= 100; n++) {
        progress(n / 100);
        await sleep(50, undefined, { signal });
      }
    },
    { timeout: 60_000 },
  ),
  work: syncTask((ms) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }),
  give: syncTask((value) => value),
  fail: syncTask((message) => {
    throw new Error(message);
  }),
  exit: syncTask(() => process.exit(3)),
  '<img src=x onerror=alert(1)>': syncTask(() => '<img src=x onerror=alert(2)>'),
});
