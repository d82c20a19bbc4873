/**
 * The event loop's turns between tasks, and the time, which tells when one is due. One look at the clock costs as much as
 * a send, so there is one for each task: the end of a task is the start of the next.
 */
import { setImmediate } from 'node:timers/promises';

export class Turn {
  #now = Date.now();
  #stale = true;
  #start = this.#now;

  /** The time in milliseconds: when the last task ended, or after a wait. */
  now(): number {
    if (this.#stale) this.#now = Date.now();
    this.#stale = false;
    return this.#now;
  }

  /** A task ends now. */
  endTask(): number {
    this.#now = Date.now();
    return this.#now;
  }

  /** The executor may wait before the next task: by then, the time is another one. */
  expectWait(): void {
    this.#stale = true;
  }

  /** Time has passed since the last turn: at least a millisecond, or the beginning of one. */
  get over(): boolean {
    return this.#now !== this.#start;
  }

  /** Lets the event loop have its turn: timers and sockets of earlier tasks go on. */
  async next(): Promise<void> {
    await setImmediate();
    this.#now = Date.now();
    this.#start = this.#now;
  }
}
