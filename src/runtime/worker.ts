/** The worker thread's entry: import the tasks, take over the channel's receiver, run the executor. */
import { type MessagePort, workerData } from 'node:worker_threads';
import { keepAlive, Receiver, type ReceiverHandle } from '../channel/index.js';
import { taskExec } from './executor.js';
import { Ledger } from './ledger.js';
import { printDirectly } from './log.js';
import { startPulse } from './pulse.js';
import { placed } from './syntax.js';
import { moduleOf, type Task, type TaskModule } from './task.js';

/** What the runtime gives the thread. */
export interface WorkerSetup {
  readonly rx: ReceiverHandle<Task>;
  readonly ledger: SharedArrayBuffer;
  readonly tasks: string;
  readonly concurrency: number;
  readonly log: boolean;
  /** For the two messages to the supervisor. Nobody else has the other end. */
  readonly port: MessagePort;
  readonly logMemory: SharedArrayBuffer;
}

/** What the thread tells its supervisor. If it dies instead, the supervisor sees that. */
export type WorkerMessage =
  | { readonly type: 'started'; readonly names: readonly string[]; readonly timeouts: boolean }
  | { readonly type: 'drained' };

process.setSourceMapsEnabled(true);
const setup = takeSetup();
printDirectly(setup.logMemory);
const module = await importTasks(setup.tasks);
const ledger = new Ledger(setup.ledger);
ledger.module = module.id;
startPulse(ledger.memory);
const timeouts = module.definitions.some((definition) => definition.timeout > 0);
tell({ type: 'started', names: module.names, timeouts });

const rx = Receiver.attach(setup.rx, (position) => ledger.skip(position));
keepAlive(1); // all the time: a task, too, may wait for nothing but its signal
await taskExec(rx, {
  module,
  ledger,
  concurrency: setup.concurrency,
  log: setup.log ? console.log : undefined,
});
keepAlive(-1);
tell({ type: 'drained' });

/** Takes away what tasks would find in `workerData`: all that is the runtime's own. */
function takeSetup(): WorkerSetup {
  const taken: WorkerSetup = { ...workerData };
  for (const key of Object.keys(workerData)) delete workerData[key];
  return taken;
}

async function importTasks(url: string): Promise<TaskModule> {
  const { tasks }: { readonly tasks?: unknown } = await import(url).catch((error) => {
    throw error instanceof SyntaxError ? placed(error, url) : error;
  });
  const module = moduleOf(tasks);
  if (module !== undefined) return module;
  if (!looksDefined(tasks)) throw new TypeError(`Expected ${url} to export \`tasks\`, made by defineTasks`);
  throw new TypeError(
    `Expected ${url} to import the library from where the runtime has it, which is ${import.meta.url}: ` +
      'there are two copies of it, installed twice, or bundled into one of them: see README, "Bundle it"',
  );
}

/** As `defineTasks` of another copy of the library makes it. */
function looksDefined(tasks: unknown): boolean {
  if (typeof tasks !== 'object' || tasks === null || !Object.isFrozen(tasks)) return false;
  const builders = Object.values(tasks);
  return builders.length > 0 && builders.every((each) => typeof each === 'function');
}

function tell(message: WorkerMessage): void {
  setup.port.postMessage(message);
}
