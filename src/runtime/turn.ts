/**
 * The event loop's turns between tasks, and the time, which tells when one is due. One look at the clock costs as much as
 * a send, so there is one for each task: the end of a task is the start of the next.
 */
import { setImmediate } from 'node:timers/promises';
import { now } from './clock.js';

/** How long tasks may follow one another before the event loop has its turn. */
const TURN_MS = 1;

export class Turn {
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

  /** Time has passed since the last turn. */
  get over(): boolean {
    return this.#now - this.#start >= TURN_MS;
  }

  /** Lets the event loop have its turn: timers and sockets of earlier tasks go on. */
  async next(): Promise<void> {
    await setImmediate();
    this.#now = now();
    this.#start = this.#now;
  }
}
