/**
 * The executor: a loop that receives, with a `switch` on the task's kind.
 *
 * Tasks start in the order of the queue. A sync task runs alone; async tasks overlap up to `concurrency`, and with the
 * default of 1 each is awaited before the next starts. Whatever a task does, its outcome goes to the ledger, and the
 * loop goes on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Accept, Receiver } from '../channel/index.js';
import { CorruptMessageError } from '../codec/index.js';
import { withFields } from './fields.js';
import type { Ledger } from './ledger.js';
import { Overlap } from './overlap.js';
import { type Print, safely } from './report.js';
import { Runner, type RunnerOptions } from './runner.js';
import { Stretch } from './stretch.js';
import { Task } from './task.js';

export interface ExecutorOptions extends RunnerOptions {
  /** Where the lines go that tell of each task; `undefined`: nowhere. */
  readonly log: Print | undefined;
}

/** Where the tasks come from: what the executor needs of a receiver. */
type Inbox = Pick<Receiver<Task>, 'recv' | 'tryRecv'>;

/** As it is when this module is loaded, before the module of the tasks: that one may enter an async context for good. */
const inEmptyContext = AsyncLocalStorage.snapshot();

/** Runs tasks until the channel is closed and drained. */
export function taskExec(rx: Inbox, options: ExecutorOptions): Promise<void> {
  return inEmptyContext(() => execute(rx, options));
}

async function execute(rx: Inbox, options: ExecutorOptions): Promise<void> {
  const { ledger, concurrency } = options;
  const print = safely(options.log);
  const stretch = new Stretch();
  const runner = new Runner(options, stretch);
  const overlap = new Overlap(concurrency);
  const accept = acceptTask(ledger, stretch);
  const announce = () => print('start new task');
  print('task executor started');
  for (;;) {
    let task: Task | undefined;
    if (stretch.over) await stretch.end();
    try {
      task = rx.tryRecv(accept) ?? (await wait(rx, accept, options, stretch));
    } catch (error) {
      runner.skipCorrupt(error);
      continue;
    }
    if (task === undefined) break;
    if (options.log !== undefined) withFields(runner.fieldsOf(task), announce);
    switch (task.kind) {
      case 'sync':
        if (overlap.size > 0) await overlap.end();
        runner.runSync(task);
        break;
      case 'async':
        await overlap.add(runner.runAsync(task));
        break;
      default:
        task.kind satisfies never;
    }
  }
  await overlap.end();
}

/** A task becomes RUNNING while its message still stands in the channel: see ledger.ts. */
function acceptTask(ledger: Ledger, stretch: Stretch): Accept<Task> {
  return (task, position) => {
    ledger.tally.reach(position);
    const started = ledger.start(position, stretch.now()); // what is no task has a record as well
    if (task instanceof CorruptMessageError) throw task;
    if (!(task instanceof Task)) throw new CorruptMessageError('Expected a task');
    task.position = position;
    if (!started) stretch.expectWait(); // it was cancelled, and the receiver may wait before the next one
    return started;
  };
}

/** Waits for a message. It may come at once: the event loop has not had its turn then. */
function wait(
  rx: Inbox,
  accept: Accept<Task>,
  { concurrency }: ExecutorOptions,
  stretch: Stretch,
): Promise<Task | undefined> {
  stretch.expectWait();
  return rx.recv(accept, concurrency === 1); // tasks that overlap need the event loop
}
