/**
 * How a thread waits before it parks: it looks for a while, dozes, or naps. All that is tuned to how fast processors,
 * threads and messages are stands here.
 *
 * *Looking* finds what comes at once, and keeps a processor busy. *Parking* costs nothing, but then somebody has to wake
 * this thread, which costs both some 5 to 100 µs. In between there is a flow of messages too slow to look for and too
 * fast to be woken for each: requests of a busy server, or whatever comes while sender and receiver share one processor.
 * A receiver that *dozes* sleeps for a moment whatever comes, or until half of the room is used; the messages of that
 * moment cost their senders no wake-up, and this thread one for all of them. A sender that waits for what comes of its
 * message would lose by that, and so would the thread's event loop. So only a *patient* receiver dozes: one that has
 * nothing else to do, and that nobody is known to wait for.
 *
 * A sender on an event loop *naps*: it blocks its thread until it is called, for a tenth of a millisecond at most. A
 * receiver of short tasks makes room within that, and an event loop is woken with much ado.
 *
 * None of it pays everywhere. On one processor nothing comes while this thread looks; where somebody else needs the
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

// Under the scheduler of the tests, those of looks and waits are 0 or 1: see test/interleave/realm.ts.
/** How long a blocked sender looks for room, in microseconds. */
const SENDER_SPIN_US = 80;
/** The same for a sender on an event loop, which has other things to do. */
const ASYNC_SPIN_US = 8;
/** How long such a sender naps, in milliseconds. */
const NAP_MS = 0.1;
/** How often, a microsecond apart, a receiver looks for a message. */
const RECEIVER_SPIN_US = 80;
/** How often it does so where looking does not pay: in a fast flow, the next message is there within that. */
const FEW_LOOKS = 3;
/** The longest pause between two looks of a sender, in microseconds. Room for a batch of messages comes up meanwhile. */
const MAX_PAUSE_US = 8;
/** What did not pay is tried again after so many waits at the latest. */
const MOST_WAITS = 255;
/** So many waits without a doze, or a nap, come first; and again after DOZES in a row, to see how messages come then. */
const FEW_WAITS = 8;
const DOZES = 64;
/** In milliseconds. Half of a queue of 32 fills in that time at 50,000 messages a second: then a sender does wake it. */
const DOZE_MS = 0.3;

/** As many messages as two cache lines hold, and a sender fills in about a microsecond. */
const BATCH = 4;

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

  /** It was done. `again`: at the next wait, too. */
  learn(paid: boolean, again = paid): void {
    this.#rest = paid ? this.#shortest : Math.min(2 * this.#rest + 1, MOST_WAITS);
    this.#left = again ? 0 : this.#rest;
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

  /** Looks; `shortly`: a few times only. Returns after how many looks `ready` said true; 0: it has not. */
  until(ready: () => boolean, shortly = false): number {
    for (let look = 1; look <= this.#few; look++) if (this.#sees(ready)) return look;
    if (shortly || !this.#habit.isDue()) {
      this.#habit.skip();
      return 0;
    }
    const begin = performance.now();
    let found = 0;
    for (let look = this.#few + 1; look <= this.#most && found === 0; look++)
      if (this.#sees(ready)) found = look;
    // One that took far longer than that was interrupted: somebody else needed this processor.
    const limit = (2 * this.#pause * this.#most) / 1000;
    this.#habit.learn(found > 0 && performance.now() - begin < limit);
    return found;
  }

  /** It has paid, or is due to be tried again. */
  get pays(): boolean {
    return this.#habit.isDue();
  }

  #sees(ready: () => boolean): boolean {
    pause(this.#pause);
    return ready();
  }
}

/** A sender's habits. */
export class SenderPatience {
  readonly #blocked: Spin;
  readonly #awaiting: Spin;
  readonly #nap = new Habit(FEW_WAITS);

  constructor(capacity: number) {
    const pause = Math.min(Math.max(capacity >> 2, 1), MAX_PAUSE_US);
    this.#blocked = new Spin(pause, Math.ceil(SENDER_SPIN_US / pause));
    this.#awaiting = new Spin(pause, Math.ceil(ASYNC_SPIN_US / pause));
  }

  /** Looks for room, with the thread blocked. */
  lookBlocked(ready: () => boolean): boolean {
    return this.#blocked.until(ready) > 0;
  }

  /** Looks for room, while an event loop waits. */
  lookAwaiting(ready: () => boolean): boolean {
    return this.#awaiting.until(ready) > 0;
  }

  /** Naps, if that may be worth it. For a sender in line. Returns what `ready` says then. */
  nap(bell: Bell, ready: () => boolean): boolean {
    if (!this.#nap.isDue()) {
      this.#nap.skip();
      return false;
    }
    bell.wait(ready, NAP_MS);
    const paid = ready();
    this.#nap.learn(paid);
    return paid;
  }
}

/** The receiver's habits. */
export class ReceiverPatience {
  readonly #ring: Ring;
  readonly #bell: Bell;
  readonly #spin = new Spin(1, RECEIVER_SPIN_US, FEW_LOOKS);
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
    if (found === 0 || found > FEW_LOOKS) this.#doze.skip();
    this.#ring.callAt = this.#spin.pays ? this.#ring.capacity >> 1 : 0;
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
