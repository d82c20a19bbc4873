/**
 * How long a thread looks before it sleeps: this is for speed alone. Nearly all that is tuned to how fast processors,
 * threads and messages are stands here.
 *
 * A thread that *looks* finds at once what comes at once, and keeps a processor busy. A thread that *sleeps* costs nothing,
 * but another thread has to wake it, and an event loop is woken with much ado: 30 to 100 µs for both sides together. A
 * thread that *naps* is blocked, event loop and all, and woken in a third of that; so it naps for a moment only. A receiver
 * naps in two steps: for NAP_MS only a sender that finds no room wakes it, so that messages come in batches; then, for
 * BLOCK_MS, any message does.
 *
 * Neither pays everywhere: beside busy neighbours a look takes longer than it seems. So each is a habit: done as long as it
 * pays, and left for twice as many waits each time that it does not. On one processor nothing comes while a thread looks, so
 * it never does.
 */
import { availableParallelism } from 'node:os';

/** How long a thread naps, in milliseconds. */
export const NAP_MS = 0.1;
/** How long a receiver is blocked after that, and woken by the next message. Its event loop waits for so long, too. */
export const BLOCK_MS = 1;
/** How long a thread looks, in microseconds. */
const LOOK_US = 80;
/** A habit that did not pay is tried again after so many waits at the latest. */
const MOST_WAITS = 63;
/** So many multiplications, each after the other, take about a microsecond. */
const STEPS = 800;
let paused = 1;

/**
 * Waits about so many microseconds between two looks. Each look takes the cache line away from the thread that is about
 * to write it; a little patience lets that thread write several messages in between.
 */
function pause(microseconds: number): void {
  let last = paused;
  for (let left = microseconds * STEPS; left > 0; left--) last = (Math.imul(last, 31) + left) | 0;
  paused = last; // kept, or the loop would be optimized away
}

/** Something that is done as long as it pays. */
class Habit {
  /** How many waits it was left for when it did not pay, and how many of them are left. */
  #rest: number;
  #left: number;

  constructor(rest = 0) {
    this.#rest = rest;
    this.#left = rest;
  }

  get paid(): boolean {
    return this.#rest === 0;
  }

  /** `false`: this wait goes without it. */
  isDue(): boolean {
    if (this.#left === 0) return true;
    this.#left -= 1;
    return false;
  }

  learn(paid: boolean): void {
    this.#rest = paid ? 0 : Math.min(2 * this.#rest + 1, MOST_WAITS);
    this.#left = this.#rest;
  }
}

/** The habits of one side of a channel. */
export class Look {
  readonly #looking = new Habit(availableParallelism() === 1 ? Number.POSITIVE_INFINITY : 0);
  readonly #napping = new Habit();
  readonly #pauseUs: number;

  constructor(pauseUs: number) {
    this.#pauseUs = pauseUs;
  }

  /** Looking has paid the last time. */
  get pays(): boolean {
    return this.#looking.paid;
  }

  /** Looks until `ready` says true, or for some microseconds, or not at all. Returns what `ready` said last. */
  until(ready: () => boolean): boolean {
    if (!this.#looking.isDue()) return false;
    const begin = performance.now();
    let found = false;
    for (let left = LOOK_US; left > 0 && !found; left -= this.#pauseUs) {
      pause(this.#pauseUs);
      found = ready();
    }
    // A look that took far longer was interrupted: another thread needed this processor.
    this.#looking.learn(found && performance.now() - begin < (2 * LOOK_US) / 1000);
    return found;
  }

  /** Naps by `park`, or does not. Returns what `park` said: it found what it waited for. */
  nap(park: () => boolean): boolean {
    if (!this.#napping.isDue()) return false;
    const found = park();
    this.#napping.learn(found);
    return found;
  }
}
