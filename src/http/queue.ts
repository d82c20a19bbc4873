/**
 * The seam: what routes and `serve` ask of a queue, and the queue between threads as such a one. Only this file knows how
 * tasks are run. Another engine can take its place: `test/http/conformance/` holds each to the promises.
 */
import { randomUUID } from 'node:crypto';
import type { Sender } from '../channel/index.js';
import {
  type DrainOptions,
  type DrainReport,
  enqueueTask,
  type Runtime,
  type TaskHandle,
  type TaskRecord,
  type TaskState,
} from '../runtime/index.js';
import type { Task } from '../task/index.js';

type Awaitable<T> = T | Promise<T>;

/** A task waits for room for `timeout` ms, or until `signal` aborts. `requestId` is for the log and the record. */
export interface Patience {
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly requestId?: string | undefined;
}

/** A task in the queue. The key stands for it, in its URL as well, and cannot be guessed. */
export type Accepted = { readonly key: string; readonly record: TaskRecord };

/**
 * Takes tasks in, up to a bound, and runs each at most once: it ends as succeeded, failed or cancelled. A method fails
 * with ERR_QUEUE_UNAVAILABLE if it cannot reach the queue. In one process that does not happen.
 */
export interface Queue {
  /**
   * Accepts no more than the capacity. Fails with ERR_SEND_TIMEOUT or the signal's reason if there is no room; else with
   * ERR_CHANNEL_CLOSED, ERR_TASK_TOO_LARGE, ERR_NOT_SENDABLE, or a TypeError for a task of another module.
   */
  enqueue(task: Task, options: Patience): Awaitable<Accepted>;
  /** `undefined`: no such task, or it ended long ago. */
  read(key: string): Awaitable<TaskRecord | undefined>;
  /** Resolves with the state that the task had. `queued`: it never runs. `running`: it is told. Else it is too late. */
  cancel(key: string): Awaitable<TaskState | undefined>;
  /** Resolves as `read` does, when the task has ended. */
  ended(key: string): Promise<TaskRecord | undefined>;
  /** Tasks are accepted and run. */
  readonly ready: boolean;
  /** This process cannot run the tasks that are its own to run, though it should: start another. */
  readonly failing: boolean;
  /** The queue was asked to end. */
  readonly ending: boolean;
  /**
   * After `delay` ms of being only not `ready`, it accepts no more tasks, also none that waits for room. Resolves when no
   * task needs this process any more, or after `timeout` ms, with what became of them. They can still be read.
   */
  drain(options: DrainOptions): Promise<DrainReport>;
  /** The same at once, or cuts a drain short. */
  close(): Promise<unknown>;
  /** The tasks that would be lost if the process ended now. */
  atStake(): readonly TaskRecord[];
}

/** So many tasks that have ended can still be read. */
const KEPT = 1024;

const isOpen = ({ finished }: TaskRecord) => finished === undefined;

/** The queue between threads: `tx` and `runtime` belong to one channel. */
export function queueOf(tx: Sender<Task>, runtime: Runtime): Queue {
  const handles = new Map<string, TaskHandle>();

  function accepted(handle: TaskHandle): Accepted {
    const key = randomUUID();
    handles.set(key, handle);
    for (const [old, oldest] of handles) {
      if (handles.size <= KEPT) break;
      if (!isOpen(oldest.status())) handles.delete(old);
    }
    return { key, record: handle.status() };
  }

  return {
    enqueue(task, options) {
      const queued = enqueueTask(task, tx, options, true); // the answers first, then the tasks
      return queued instanceof Promise ? queued.then(accepted) : accepted(queued);
    },
    read: (key) => handles.get(key)?.status(),
    cancel: (key) => handles.get(key)?.cancel(),
    ended: async (key) => handles.get(key)?.ended(),
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
    atStake: () => runtime.tasks().filter(isOpen).reverse(),
  };
}
