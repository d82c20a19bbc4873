/** The tasks of the contestants. */
import { sizeOf } from './contract.js';
import { loadLibrary } from './library.js';

const { defineTasks, syncTask } = await loadLibrary(new URL(import.meta.url).searchParams.get('library'));

let sum = 0;

export const tasks = defineTasks({
  add: syncTask((captured: unknown) => {
    sum += sizeOf(captured);
  }),
  total: syncTask(() => sum),
  /** When it runs: comparable between threads. */
  now: syncTask(() => performance.timeOrigin + performance.now()),
});
