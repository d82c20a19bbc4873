/** The worker thread's entry: import the tasks, take over the channel's receiver, run the executor. */
import { parentPort, workerData } from 'node:worker_threads';
import { Receiver, type ReceiverHandle } from '../channel/index.js';
import { printDirectly } from '../log.js';
import { taskExec } from './executor.js';
import { Ledger } from './ledger.js';
import { moduleOf, type Task } from './task.js';

/** What the runtime gives the thread. */
export interface WorkerSetup {
  readonly rx: ReceiverHandle<Task>;
  readonly ledger: SharedArrayBuffer;
  readonly tasks: string;
  readonly concurrency: number;
  readonly log: boolean;
  readonly logMemory: SharedArrayBuffer;
}

/** What the thread tells the runtime. If it dies instead, the runtime sees that. */
export type WorkerMessage =
  | { readonly type: 'started'; readonly names: readonly string[]; readonly timeouts: boolean }
  | { readonly type: 'drained' };

process.setSourceMapsEnabled(true);
const setup = workerData as WorkerSetup;
printDirectly(setup.logMemory);

const exports: { readonly tasks?: unknown } = await import(setup.tasks);
const module = moduleOf(exports.tasks);
if (module === undefined) {
  throw new TypeError(`Expected ${setup.tasks} to export \`tasks\`, made by defineTasks`);
}
const ledger = new Ledger(setup.ledger);
ledger.module = module.id;
const timeouts = module.definitions.some((definition) => definition.timeout > 0);
tell({ type: 'started', names: module.names, timeouts });

await taskExec(Receiver.attach(setup.rx), {
  module,
  ledger,
  concurrency: setup.concurrency,
  log: setup.log ? (line) => console.log(line) : undefined,
});
tell({ type: 'drained' });

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}
