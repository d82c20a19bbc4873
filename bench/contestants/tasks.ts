/** The tasks of the contestant `runtask`. */
import { asyncTask, defineTasks, syncTask } from '#index';
import { sizeOf } from './contract.js';

let sum = 0;

export const tasks = defineTasks({
  add: syncTask((captured: unknown) => {
    sum += sizeOf(captured);
  }),
  addAsync: asyncTask(async (captured: unknown) => {
    sum += sizeOf(captured);
  }),
  total: syncTask(() => sum),
  /** When it runs: comparable between threads. */
  now: syncTask(() => performance.timeOrigin + performance.now()),
});
