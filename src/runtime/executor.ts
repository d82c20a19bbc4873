/**
 * The executor: a loop that receives, with a `switch` on the task's kind.
 *
 * Tasks start in the order of the queue. A sync task runs alone; async tasks overlap up to `concurrency`, and with the
 * default of 1 each is awaited before the next starts. Whatever a task does, its end is reported, and the loop goes on.
 */
import { setImmediate } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { Receiver, type ReceiverHandle } from '../channel/index.js';
import { Call, CorruptMessageError } from '../codec/index.js';
import { shown } from '../expect.js';
import { safely } from '../log/index.js';
import type { Task, TaskModule } from '../task/index.js';
import { now } from './clock.js';
import { Reporter } from './ends.js';
import { Runner } from './runner.js';
import { Runs } from './runs.js';

/** What the executor is given by the owner's thread. */
export interface ExecutorSetup {
  readonly rx: ReceiverHandle<Task>;
  readonly ends: SharedArrayBuffer;
  readonly runs: SharedArrayBuffer;
  /** Each message says that a task was asked to stop. The port keeps the thread alive when a task waits for that alone. */
  readonly port: MessagePort;
  /** A line tells of each task. */
  readonly log: boolean;
}

/** How long tasks may follow one another before the event loop has its turn, in milliseconds. */
const STRETCH_MS = 1;

/** Runs tasks until the channel is closed and drained. */
export async function taskExec(setup: ExecutorSetup, module: TaskModule): Promise<void> {
  const print = setup.log ? safely(console.log) : undefined;
  const runs = new Runs(setup.runs);
  const concurrency = runs.rows.length;
  /** When the event loop last had its turn, or earlier. */
  let yielded = now();
  const reporter = new Reporter(setup.ends, () => rx.callAll());
  const rx = Receiver.attach<Task>(setup.rx, {
    taking: (id) => runner.taking(id),
    mayNap: concurrency === 1, // tasks that overlap need the event loop
  });
  const runner = new Runner(module, runs, reporter, rx);
  setup.port.on('message', () => runner.tellStopped());
  print?.('task executor started');
  for (;;) {
    if (runner.running === concurrency) await runner.oneEnded();
    if (runner.time - yielded >= STRETCH_MS) {
      await setImmediate();
      yielded = runner.lookAtClock();
    }
    let task: Task | undefined;
    try {
      task = rx.tryRecv();
      if (task === undefined) {
        runner.isTimeOld = true;
        task = await rx.recv();
      }
      if (task !== undefined && !(task instanceof Call))
        throw new CorruptMessageError(`Expected a task, got ${shown(task)}`);
    } catch (error) {
      if (!(error instanceof CorruptMessageError)) throw error;
      runner.skip(error);
      continue;
    }
    if (task === undefined) break;
    switch (task.kind) {
      case 'sync':
        if (runner.running > 0) await runner.allEnded();
        runner.runSync(task, print);
        break;
      case 'async':
        runner.runAsync(task, print);
        break;
      default:
        task.kind satisfies never;
    }
  }
  await runner.allEnded();
}
