/**
 * What tracing tools can listen to, by `node:diagnostics_channel`, on the owner's thread. `start` comes
 * when the owner learns of it, at the latest together with `end`; the record has the time. Ends of tasks that are enqueued
 * while somebody subscribes are learnt of at once. Without a subscriber an event is never made.
 */
import { channel } from 'node:diagnostics_channel';

/** `async-tasks:worker:death`: the worker thread has ended without having been asked to. */
export interface WorkerDeathEvent {
  readonly cause: Error;
  /** When another one is started, in milliseconds. */
  readonly delay: number;
}

/** The task is in the queue. The event is its `TaskRecord`, as with the next two. */
export const enqueueChannel = channel('async-tasks:enqueue');
export const startChannel = channel('async-tasks:start');
export const endChannel = channel('async-tasks:end');
export const workerDeathChannel = channel('async-tasks:worker:death');
