/**
 * The events that tracing tools can listen to, by `node:diagnostics_channel`, on the owner's thread. `start` comes with
 * `end`: the owner learns of both at once; the record has the times. While there is a subscriber, the owner learns of each
 * end at once. Without a subscriber an event is never made.
 */
import { channel } from 'node:diagnostics_channel';
import type { Entry } from './entry.js';

/** `async-tasks:worker:death`: the worker thread has ended without having been asked to. */
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

/** Tells the subscribers of one end after the other, although they may ask and send, and so bring more ends. */
export class Events {
  readonly #untold: Entry[] = [];
  #isTelling = false;

  /** Somebody wants to know of each end. */
  get wanted(): boolean {
    return endChannel.hasSubscribers || startChannel.hasSubscribers;
  }

  enqueued(entry: Entry): void {
    if (enqueueChannel.hasSubscribers) enqueueChannel.publish(entry.describe());
  }

  /** The next `tell` says so. */
  ended(entry: Entry): void {
    if (this.wanted) this.#untold.push(entry);
  }

  tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let entry = this.#untold.shift(); entry !== undefined; entry = this.#untold.shift()) {
      const { startedAt } = entry;
      if (startedAt !== undefined && startChannel.hasSubscribers) startChannel.publish(entry.describe());
      if (endChannel.hasSubscribers) endChannel.publish(entry.describe());
    }
    this.#isTelling = false;
  }
}
