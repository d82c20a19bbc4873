/**
 * The seam: what routes and `serve` ask of a queue, with what each method promises, and the queue between threads as
 * such a one. Only this file knows how tasks are run. Another engine takes its place by the same interface: see
 * `examples/bullmq`. One suite, `test/conformance/`, holds both to it.
 */
import type { Sender } from '../channel/index.js';
import {
  type DrainOptions,
  type DrainReport,
  enqueueTask,
  type Runtime,
  type Task,
  type TaskRecord,
  type TaskState,
  whenEnded,
} from '../runtime/index.js';
import type { Routes } from './router.js';

/** A value that is here already is not worth a promise. */
type Awaitable<T> = T | Promise<T>;

/** How long a task may wait for room, and who asked for it. */
export interface Patience {
  /** In milliseconds. */
  readonly timeout: number;
  /** Gives up when it aborts. */
  readonly signal: AbortSignal;
  /** The id of the request, for the log and the task's record. */
  readonly requestId?: string | undefined;
}

/**
 * Takes tasks in, up to a bound, has each of them run at most once, and knows what becomes of them: each that was
 * accepted ends as succeeded, failed or cancelled.
 *
 * A method that cannot reach the queue fails with an error whose `code` is ERR_QUEUE_UNAVAILABLE. In one process that
 * does not happen.
 */
export interface Queue {
  /**
   * Gives the task's id once it is in the queue: never more than the capacity are accepted and not started. Fails with
   * an error whose `code` is ERR_SEND_TIMEOUT if there was no room for so long, ERR_CHANNEL_CLOSED, ERR_TASK_TOO_LARGE,
   * ERR_NOT_SENDABLE, or with the signal's reason; with a TypeError for a task of another module. Then nothing is queued.
   */
  enqueue(task: Task, options: Patience): Awaitable<number>;
  /** `undefined`: no such task, or it ended long ago. */
  read(id: number): Awaitable<TaskRecord | undefined>;
  /**
   * Asks the task to stop. The state that it had: `queued`: it will never run. `running`: it is told, and may still
   * succeed. A final state, or `undefined`: too late.
   */
  cancel(id: number): Awaitable<TaskState | undefined>;
  /** Resolves with the record when the task has ended; with `undefined` as `read` does. */
  finished(id: number): Promise<TaskRecord | undefined>;
  /** The name of a task's function, by its number; `closure` if it was moved. */
  nameOf(task: Pick<TaskRecord, 'fn'>): string;
  /** Tasks are accepted and run. */
  readonly ready: boolean;
  /** This process cannot run the tasks that are its own to run, though nobody has asked for that: start another. */
  readonly failing: boolean;
  /** The queue was asked to end: `drain` or `close` was called. */
  readonly ending: boolean;
  /**
   * Accepts no more tasks, those that wait for room included (ERR_CHANNEL_CLOSED), after `delay` ms in which it is only
   * not `ready`. Resolves when no accepted task needs this process any more, or after `timeout` ms, and says what became
   * of those that did. Tasks can still be read.
   */
  drain(options: DrainOptions): Promise<DrainReport>;
  /** The same at once, or cuts a drain short. */
  close(): Promise<void>;
  /** The tasks that would be lost if the process ended now. */
  atStake(): readonly TaskRecord[];
}

/** The queue between threads: `tx` and `runtime` belong to one channel. */
export function queueOf(tx: Sender<Task>, runtime: Runtime): Queue {
  const { ledger } = runtime;
  return {
    enqueue(task, options) {
      const queued = enqueueTask(task, tx, options, true); // the answers first, then the tasks
      return queued instanceof Promise ? queued.then(({ id }) => id) : queued.id;
    },
    read: (id) => ledger.read(id),
    cancel: (id) => ledger.cancel(id),
    finished: (id) => whenEnded(id, tx),
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
    drain: (options) => runtime.drain(options),
    close: () => runtime.close(),
    atStake: () => ledger.open().flatMap((id) => ledger.read(id) ?? []),
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
