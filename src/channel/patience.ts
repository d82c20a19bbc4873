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
const SENDER_SPIN = 80;
const ASYNC_SPIN = 8;
const RECEIVER_SPIN = 80;
/** So many looks a receiver always takes: in a fast flow, the next message is there within them. */
const FEW_SPIN = 3;
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

  isDue(): boolean {
    return this.#rest === 0;
  }

  /** A wait without it. */
  skip(): void {
    if (this.#rest > 0) this.#rest -= 1;
  }

  /** `again`: at the next wait. */
  learn(paid: boolean, again = paid): void {
    this.#rests = paid ? this.#fewest : Math.min(2 * this.#rests + 1, MOST_WAITS);
    this.#rest = again ? 0 : this.#rests;
  }
}

/** Looking, as long as it pays. */
class Spin {
  readonly #habit = new Habit(0);
  readonly #pause: number;
  readonly #most: number;
  readonly #few: number;

  /** `most` and `few`: how often to look, with so many microseconds between two looks, where it pays and where not. */
  constructor(pause: number, most: number, few = 0) {
    this.#pause = pause;
    this.#most = most;
    this.#few = few;
  }

  /** Returns after how many looks `ready` said true; 0: it has not. */
  until(ready: () => boolean, shortly = false): number {
    const all = !shortly && this.#habit.isDue();
    const begin = all ? performance.now() : 0;
    const found = this.#look(ready, all ? this.#most : this.#few);
    // One that took far longer than that was interrupted: somebody else needed this processor.
    const limit = (2 * this.#pause * this.#most) / 1000;
    if (all) this.#habit.learn(found > 0 && (found <= this.#few || performance.now() - begin < limit));
    else this.#habit.skip();
    return found;
  }

  #look(ready: () => boolean, looks: number): number {
    for (let look = 1; look <= looks; look++) {
      pause(this.#pause);
      if (ready()) return look;
    }
    return 0;
  }
}

/** A sender's habits. */
export class SenderPatience {
  readonly #blocked: Spin;
  readonly #awaiting: Spin;

  constructor(capacity: number) {
    const pause = Math.min(Math.max(capacity >> 2, 1), MAX_PAUSE);
    this.#blocked = new Spin(pause, Math.ceil(SENDER_SPIN / pause));
    this.#awaiting = new Spin(pause, Math.ceil(ASYNC_SPIN / pause));
  }

  /** Looks for room, with the thread blocked. */
  lookBlocked(ready: () => boolean): boolean {
    return this.#blocked.until(ready) > 0;
  }

  /** Looks for room, while an event loop waits. */
  lookAwaiting(ready: () => boolean): boolean {
    return this.#awaiting.until(ready) > 0;
  }
}

/** The receiver's habits. */
export class ReceiverPatience {
  readonly #ring: Ring;
  readonly #bell: Bell;
  readonly #spin = new Spin(1, RECEIVER_SPIN, FEW_SPIN);
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

  /** Looks for a message. Returns what {@link Ring.peek} says then. `patient`: may doze afterwards. */
  look(patient: boolean): number {
    const found = this.#spin.until(this.#ready, patient && this.#doze.isDue());
    if (found === 0 || found > FEW_SPIN) this.#doze.skip();
    return found > 0 ? this.#ring.peek() : EMPTY;
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
