/** The worker thread's entry: import the tasks, take over the channel's receiver, run the executor. */
import { workerData } from 'node:worker_threads';
import { printDirectly } from '../log/index.js';
import { moduleOf, type TaskModule } from '../task/index.js';
import { type ExecutorSetup, taskExec } from './executor.js';
import { setImporting } from './importing.js';
import type { TaskType } from './record.js';

/** What the runtime gives the thread. Nobody but the supervisor has the other end of the port. */
export interface WorkerSetup extends ExecutorSetup {
  readonly tasks: string;
  /** The log is JSON. */
  readonly json: boolean;
}

/** The tasks, once they are imported. `drained`: the channel is closed, and all its tasks have run. */
export type WorkerMessage = readonly TaskType[] | 'drained';

process.setSourceMapsEnabled(true);
const setup: WorkerSetup = { ...workerData };
for (const key of Object.keys(workerData)) delete workerData[key]; // tasks find nothing of the runtime there
printDirectly(setup.json);
const module = await importTasks(setup.tasks);
const tasks = [...module.values()].map(({ key, name, kind, timeout }) => ({ key, name, kind, timeout }));
setup.port.postMessage(tasks satisfies WorkerMessage);
await taskExec(setup, module);
setup.port.postMessage('drained' satisfies WorkerMessage);

async function importTasks(url: string): Promise<TaskModule> {
  setImporting(true);
  const { tasks }: { readonly tasks?: unknown } = await import(url).catch((error) => {
    if (!(error instanceof SyntaxError)) throw error;
    // Node.js tells the place only when the process ends over it.
    throw new SyntaxError(`Expected ${url}, and what it imports, to compile: ${error.message}`, {
      cause: error,
    });
  });
  setImporting(false);
  const found = moduleOf(tasks);
  if (found !== undefined) return found;
  throw new TypeError(
    `Expected ${url} to export \`tasks\`, made by defineTasks of the library at ${import.meta.url}. ` +
      'If it does, there are two copies of it, installed twice, or bundled into one of them: see README, "Bundle it"',
  );
}
