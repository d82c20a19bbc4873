/** The whole path: `await runTask` or `blockingRunTask` on the main thread, the executor, the record of the end. */
import type { Task } from '#index';
import { begin, finish, PAYLOADS, readSetup, warmUpOf } from './contract.js';
import { loadTasks } from './library.js';

const setup = readSetup();
const { blockingRunTask, channel, options, runTask, startRuntime, tasks } = await loadTasks(setup.library);
const captured = PAYLOADS[setup.payload];
const [tx, rx] = channel<Task>(setup.capacity);
await startRuntime(rx, options);

const total = async () => (await runTask(tasks.total(), tx)).finished();
await run(warmUpOf(setup));
const before = await total();
const since = begin();
await run(setup.count);
finish(setup, since, (await total()) - before);

async function run(count: number): Promise<void> {
  if (setup.blocking === true) {
    for (let left = count; left > 0; left--) blockingRunTask(tasks.add(captured), tx);
  } else {
    for (let left = count; left > 0; left--) await runTask(tasks.add(captured), tx);
  }
}
