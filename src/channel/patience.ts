/**
 * How a thread waits before it parks for long: it looks for a while, and may nap. All that is tuned to how fast
 * processors, threads and messages are stands here.
 *
 * *Looking* finds what comes at once, and keeps a processor busy. *Parking* costs nothing, but then somebody has to wake
 * this thread, and an event loop is woken with much ado: some 30 to 100 µs for both sides together. A thread that *naps*
 * is blocked, event loop and all, and woken in a third of that; so it naps for a moment only. A receiver does if it is
 * *patient*: it has nothing else to do. A sender on an event loop that stands in line does, since a receiver of short tasks
 * makes room within a tenth of a millisecond.
 *
 * Neither pays everywhere. On one processor nothing comes while this thread looks; where somebody else needs the
 * processor, a look takes longer than it seems. So each is done as long as it pays, and each time that it does not, it is
 * left for twice as many waits. Where looking does not pay, the receiver also takes all that is there before it calls
 * those in line: on one processor they would only interrupt it.
 */
import type { Bell } from './park.js';
import { EMPTY, type Ring } from './ring.js';

/**
 * A thread in line is called once half of the room is free, or all. The receiver may take its time before that, with some
 * room free, so the thread looks by itself as often as this, in milliseconds.
 */
export const IN_LINE_MS = 10;

// Under the scheduler of the tests some of these are 0 or 1: see `fewLooks` in test/interleave/realm.ts.
/** How long a blocked sender looks for room, in microseconds. */
const SENDER_SPIN_US = 80;
/** How long a sender and a receiver nap, in milliseconds. All that its event loop has to do waits for so long, too. */
const SENDER_NAP_MS = 0.1;
const RECEIVER_NAP_MS = 1;
/** How long a receiver looks for a message, in microseconds: a look in each. */
const RECEIVER_SPIN_US = 80;
/** The longest pause between two looks of a sender, in microseconds. Room for a batch of messages comes up meanwhile. */
const MAX_PAUSE_US = 8;
/** What did not pay is tried again after so many waits at the latest. */
const MOST_WAITS = 255;
/** So many waits of a sender without a nap come first: its event loop has others to serve. */
const FEW_WAITS = 8;

/** So many multiplications, each after the other, take about a microsecond. */
const STEPS = 800;
let paused = 1;

/**
 * Waits about so many microseconds between two looks. Each look takes the cache line away from the thread that is about
 * to write it; a little patience lets that one write several messages in between.
 */
function pause(microseconds: number): void {
  let last = paused;
  for (let left = microseconds * STEPS; left > 0; left--) last = (Math.imul(last, 31) + left) | 0;
  paused = last; // kept, or the loop would be optimized away
}

/** Something that is done as long as it pays. */
class Habit {
  readonly #shortest: number;
  /** How many waits to go without it after the next time that it does not pay, and how many are left now. */
  #rest: number;
  #left: number;

  constructor(shortest: number) {
    this.#shortest = shortest;
    this.#rest = shortest;
    this.#left = shortest;
  }

  isDue(): boolean {
    return this.#left === 0;
  }

  /** A wait without it. */
  skip(): void {
    if (this.#left > 0) this.#left -= 1;
  }

  /** It was done. */
  learn(paid: boolean): void {
    this.#rest = paid ? this.#shortest : Math.min(2 * this.#rest + 1, MOST_WAITS);
    this.#left = paid ? 0 : this.#rest;
  }
}

/** Looking, as long as it pays. */
class Spin {
  readonly #habit = new Habit(0);
  readonly #pause: number;
  readonly #most: number;

  /** Looks so often at most, with so many microseconds between two looks. */
  constructor(pause: number, most: number) {
    this.#pause = pause;
    this.#most = most;
  }

  /** Looks. Returns what `ready` said last. */
  until(ready: () => boolean): boolean {
    if (!this.#habit.isDue()) {
      this.#habit.skip();
      return false;
    }
    const begin = performance.now();
    let found = false;
    for (let look = 0; look < this.#most && !found; look++) {
      pause(this.#pause);
      found = ready();
    }
    // One that took far longer than that was interrupted: somebody else needed this processor.
    const limit = (2 * this.#pause * this.#most) / 1000;
    this.#habit.learn(found && performance.now() - begin < limit);
    return found;
  }

  /** It has paid, or is due to be tried again. */
  get pays(): boolean {
    return this.#habit.isDue();
  }
}

/** Napping, as long as it pays. */
class Nap {
  readonly #habit: Habit;
  readonly #ms: number;

  /** For so many milliseconds, after so many waits without it. */
  constructor(ms: number, waits: number) {
    this.#ms = ms;
    this.#habit = new Habit(waits);
  }

  /** Naps, if that may be worth it. Returns what `ready` says then. */
  at(bell: Bell, ready: () => boolean): boolean {
    if (!this.#habit.isDue()) {
      this.#habit.skip();
      return false;
    }
    bell.wait(ready, this.#ms);
    const paid = ready();
    this.#habit.learn(paid);
    return paid;
  }
}

/** A sender's habits. */
export class SenderPatience {
  readonly #spin: Spin;
  readonly #nap = new Nap(SENDER_NAP_MS, FEW_WAITS);

  constructor(capacity: number) {
    const pause = Math.min(Math.max(capacity >> 2, 1), MAX_PAUSE_US);
    this.#spin = new Spin(pause, Math.ceil(SENDER_SPIN_US / pause));
  }

  /** Looks for room, with the thread blocked. */
  look(ready: () => boolean): boolean {
    return this.#spin.until(ready);
  }

  /** For a sender in line. Returns what `ready` says at last. */
  nap(bell: Bell, ready: () => boolean): boolean {
    return this.#nap.at(bell, ready);
  }
}

/** The receiver's habits. */
export class ReceiverPatience {
  readonly #ring: Ring;
  readonly #spin = new Spin(1, RECEIVER_SPIN_US);
  readonly #nap = new Nap(RECEIVER_NAP_MS, 0);
  readonly #ready = (): boolean => this.#ring.peek() !== EMPTY;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  /** Looks for a message. Returns what {@link Ring.peek} says then. */
  look(): number {
    const found = this.#spin.until(this.#ready);
    this.#ring.callAt = this.#spin.pays ? this.#ring.capacity >> 1 : 0;
    return found ? this.#ring.peek() : EMPTY;
  }

  /** For a patient receiver. `true`: there is a message, or there will be none any more. */
  nap(): boolean {
    return this.#nap.at(this.#ring.bell, this.#ready);
  }
}
