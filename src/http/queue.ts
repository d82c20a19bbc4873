/**
 * What HTTP asks of a queue, and the queue between threads as such a one: the only file here that knows how tasks are
 * run. Another queue takes its place by the same interface.
 */
import type { Sender } from '../channel/index.js';
import {
  type Runtime,
  runTask,
  type Task,
  type TaskRecord,
  type TaskState,
  tryRunTask,
} from '../runtime/index.js';
import type { Routes } from './router.js';

type Awaitable<T> = T | Promise<T>;

export interface Queue {
  /**
   * Gives the task's id once it is in the queue. Fails with an error whose `code` is ERR_SEND_TIMEOUT if there was no
   * room for `timeout` ms, ERR_CHANNEL_CLOSED, ERR_TASK_TOO_LARGE, or with the signal's reason: then nothing is queued.
   */
  enqueue(
    task: Task,
    options: {
      readonly timeout: number;
      readonly signal: AbortSignal;
      readonly requestId: string | undefined;
    },
  ): Awaitable<number>;
  /** `undefined`: no such task, or it ended long ago. */
  read(id: number): Awaitable<TaskRecord | undefined>;
  /** Asks the task to stop. The state that it had. */
  cancel(id: number): Awaitable<TaskState | undefined>;
  /** The name of a task's function, by its number. */
  nameOf(task: Pick<TaskRecord, 'fn'>): string;
  /** Tasks are accepted and run. */
  readonly ready: boolean;
  /** Tasks are not run, though nobody has asked for that. */
  readonly failing: boolean;
  /** No more tasks are accepted. */
  readonly ending: boolean;
}

export function queueOf(tx: Sender<Task>, runtime: Runtime): Queue {
  return {
    enqueue(task, options) {
      // Most often there is room, and then nothing needs to be waited for.
      return tryRunTask(task, tx, options)?.id ?? runTask(task, tx, options).then(({ id }) => id);
    },
    read: (id) => runtime.ledger.read(id),
    cancel: (id) => runtime.ledger.cancel(id),
    nameOf: (task) => runtime.nameOf(task),
    get ready() {
      return runtime.ready;
    },
    get failing() {
      return runtime.failing;
    },
    get ending() {
      return runtime.ending;
    },
  };
}

/**
 * What the channel must carry for these routes: the largest body, as a string of two bytes a character, and the task
 * around it. At least the channel's own default.
 */
export function maxTaskBytes<App>(routes: Routes<App>): number {
  const largest = Math.max(0, ...Object.values(routes).map(({ maxBody = 0 }) => maxBody));
  return Math.max(65_536, 2 * largest + 1024);
}
