/**
 * The events that tracing tools can listen to, by `node:diagnostics_channel`, on the owner's thread. `start` comes with
 * `end`: the owner learns of both at once; the record has the times. While there is a subscriber, the owner learns of each
 * end at once. Without a subscriber an event is never made.
 */
import { channel } from 'node:diagnostics_channel';
import type { Entry } from './entry.js';

/** `async-tasks:worker:death`: the worker thread has died, and the runtime goes on. */
export interface WorkerDeathEvent {
  readonly cause: Error;
  /** When another one is started, in milliseconds. */
  readonly delay: number;
}

export const workerDeathChannel = channel('async-tasks:worker:death');
/** The task is in the queue. The event is its `TaskRecord`, as with the next two. */
const enqueueChannel = channel('async-tasks:enqueue');
const startChannel = channel('async-tasks:start');
const endChannel = channel('async-tasks:end');

/** Somebody wants to know of each end. */
export function isWatched(): boolean {
  return endChannel.hasSubscribers || startChannel.hasSubscribers;
}

export function tellEnqueued(entry: Entry): void {
  if (enqueueChannel.hasSubscribers) enqueueChannel.publish(entry.describe());
}

/** In a microtask: a subscriber may ask and send, and so bring more ends. */
export function tellEnded(entry: Entry): void {
  if (!isWatched()) return;
  queueMicrotask(() => {
    if (entry.startedAt !== undefined) startChannel.publish(entry.describe());
    endChannel.publish(entry.describe());
  });
}
