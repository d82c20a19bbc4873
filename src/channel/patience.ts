/**
 * How a thread waits before it parks: it looks for a while, or dozes. The only place in the channel that knows about
 * time.
 *
 * *Looking* finds what comes at once, and keeps a processor busy. *Parking* costs nothing, but then somebody has to wake
 * this thread, which costs both some 5 to 100 µs. In between there is a flow of messages too slow to look for and too
 * fast to be woken for each: requests of a busy server, or whatever comes while sender and receiver share one processor.
 * A receiver that *dozes* sleeps for a moment whatever comes, or until half of the room is used; the messages of that
 * moment cost their senders no wake-up, and this thread one for all of them. A sender that waits for what comes of its
 * message would lose by that, and so would the thread's event loop: only a patient caller dozes.
 *
 * Neither pays everywhere. On one processor nothing comes while this thread looks; where somebody else needs the
 * processor, a look takes longer than it seems. So both are done as long as they pay, and each time that one does not, it
 * is left for twice as many waits.
 */
import type { Bell } from './park.js';
import { EMPTY, type Ring } from './ring.js';

/**
 * A thread in line is called once half of the room is free. While a long task runs, less room than that may stay free, so
 * it looks by itself as often as this.
 */
export const NAP_MS = 10;

/** How long to look, in microseconds: a blocked sender; a sender on an event loop; a receiver. */
const SENDER_SPIN = 40;
const ASYNC_SPIN = 8;
const RECEIVER_SPIN = 20;
/** Found within so many looks, it has paid: no need to ask the clock. */
const FEW_LOOKS = 4;
/** The longest pause between two looks of a sender. Short tasks make room for a batch of messages meanwhile. */
const MAX_PAUSE = 8;
/** What did not pay is tried again after so many waits at the latest. */
const MOST_WAITS = 255;

/** As many messages as two cache lines hold, and a sender fills in about a microsecond. */
const BATCH = 4;

/** In milliseconds. Half of a queue of 32 fills in that time at 50,000 messages a second: then a sender does wake it. */
const DOZE_MS = 0.3;
/** At most so many dozes in turn; then a few waits without, to see how the messages come now. */
const DOZES = 64;
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
  readonly #fewest: number;
  /** Waits to come without it; and how many those were when they began. */
  #rest: number;
  #rests: number;

  constructor(fewest: number) {
    this.#fewest = fewest;
    this.#rest = fewest;
    this.#rests = fewest;
  }

  /** Asked once for each wait. */
  isDue(): boolean {
    if (this.#rest === 0) return true;
    this.#rest -= 1;
    return false;
  }

  /** `more`: do it again at the next wait. */
  learn(paid: boolean, more = paid): void {
    this.#rests = paid ? this.#fewest : Math.min(2 * this.#rests + 1, MOST_WAITS);
    this.#rest = more ? 0 : this.#rests;
  }
}

/** Looks as long as that pays. */
class Spin {
  readonly #habit = new Habit(0);
  readonly #looks: number;
  readonly #pause: number;

  constructor(microseconds: number, pause: number) {
    this.#looks = Math.ceil(microseconds / pause);
    this.#pause = pause;
  }

  until(ready: () => boolean): boolean {
    if (!this.#habit.isDue()) return false;
    let begin = 0;
    for (let look = 1; look <= this.#looks; look++) {
      pause(this.#pause);
      if (look === FEW_LOOKS) begin = performance.now();
      if (!ready()) continue;
      // One that took far longer was interrupted: who made it true needed this processor.
      const limit = (2 * this.#pause * this.#looks) / 1000;
      this.#habit.learn(look <= FEW_LOOKS || performance.now() - begin < limit);
      return true;
    }
    this.#habit.learn(false);
    return false;
  }
}

/** A sender's habits. */
export class SenderPatience {
  readonly #blocked: Spin;
  readonly #awaiting: Spin;

  constructor(capacity: number) {
    const pause = Math.min(Math.max(capacity >> 2, 1), MAX_PAUSE);
    this.#blocked = new Spin(SENDER_SPIN, pause);
    this.#awaiting = new Spin(ASYNC_SPIN, pause);
  }

  /** Looks for room, with the thread blocked. */
  lookBlocked(ready: () => boolean): boolean {
    return this.#blocked.until(ready);
  }

  /** Looks for room, while an event loop waits. */
  lookAwaiting(ready: () => boolean): boolean {
    return this.#awaiting.until(ready);
  }
}

/** The receiver's habits. */
export class ReceiverPatience {
  readonly #ring: Ring;
  readonly #bell: Bell;
  readonly #spin = new Spin(RECEIVER_SPIN, 1);
  readonly #doze = new Habit(FEW_WAITS);
  readonly #ready = (): boolean => this.#ring.peek() !== EMPTY;
  #dozes = 0;
  /** Messages in a millisecond, over the last waits without a doze; when and where those began. */
  #rate = 0;
  #since = performance.now();
  #position: number;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#bell = ring.bell;
    this.#position = ring.position;
  }

  /**
   * A receiver at the heels of a sender would take each cache line away while the sender writes into it, and both would
   * wait for it at every message. So once in a batch it sees whether the next batch is there; if not, it lets the sender
   * get ahead.
   */
  letAhead(): void {
    const { capacity, position } = this.#ring;
    if (position % BATCH === 0 && capacity > BATCH && !this.#ring.reaches(BATCH)) pause(1);
  }

  /** Looks for a message. Returns what {@link Ring.peek} says then. */
  look(): number {
    return this.#spin.until(this.#ready) ? this.#ring.peek() : EMPTY;
  }

  /** Dozes, if that may be worth it. `true`: positions have been claimed, so there are messages now, or soon. */
  doze(): boolean {
    if (!this.#doze.isDue()) return false;
    const ring = this.#ring;
    const begin = performance.now();
    if (this.#dozes === 0) this.#rate = ((ring.position - this.#position) | 0) / (begin - this.#since);
    this.#bell.doze(this.#ready, DOZE_MS);
    const end = performance.now();
    const came = ring.length;
    // If far fewer came than before, the senders were waiting for what comes of their messages.
    const paid = came > 1 && came > (this.#rate * (end - begin)) / 2;
    this.#dozes += 1;
    const more = paid && this.#dozes < DOZES;
    this.#doze.learn(paid, more);
    if (more) return true;
    this.#dozes = 0;
    this.#since = end;
    this.#position = (ring.position + came) | 0;
    return came > 0;
  }
}
