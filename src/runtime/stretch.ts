/**
 * A stretch of tasks that follow one another before the event loop has its turn, and the time, which tells when it has
 * lasted long enough. One look at the clock costs as much as a send, so there is one for each task: the end of a task is
 * the start of the next.
 */
import { setImmediate } from 'node:timers/promises';
import { now } from './clock.js';

/** How long a stretch may last before its last task is received: that may take a nap more (channel/patience.ts). */
const STRETCH_MS = 1;

export class Stretch {
  #now = now();
  #stale = true;
  #start = this.#now;

  /** The time: when the last task ended, or after a wait. */
  now(): number {
    if (this.#stale) this.#now = now();
    this.#stale = false;
    return this.#now;
  }

  /** A task ends now. */
  endTask(): number {
    this.#now = now();
    return this.#now;
  }

  /** The executor may wait before the next task: by then, the time is another one. */
  expectWait(): void {
    this.#stale = true;
  }

  /** It has lasted long enough. */
  get over(): boolean {
    return this.#now - this.#start >= STRETCH_MS;
  }

  /** Lets the event loop have its turn: timers and sockets of earlier tasks go on. Then the next stretch begins. */
  async end(): Promise<void> {
    await setImmediate();
    this.#now = now();
    this.#start = this.#now;
  }
}
