/**
 * How a thread waits before it parks: it looks for a while, or dozes. The only place in the channel that knows about
 * time.
 *
 * Looking finds what comes at once, and keeps a processor busy. Parking costs nothing, but then somebody has to wake this
 * thread, which costs both some 20 to 100 µs. In between there is a flow of messages too slow to look for and too fast to
 * be woken for each: requests of a busy server. A receiver that *dozes* sleeps for a moment whatever comes, or until half
 * of the room is used; the messages of that moment cost their senders no wake-up, and this thread one for all of them.
 * A sender that waits for what comes of its message would lose by that, and so would the thread's event loop: only a
 * patient caller dozes.
 */
import type { Bell } from './park.js';
import { EMPTY, type Ring } from './ring.js';

/**
 * A thread in line is called once half of the room is free. While a long task runs, less room than that may stay free, so
 * it looks by itself as often as this.
 */
export const NAP_MS = 10;

/** How long a blocked sender looks for room before it stands in line, in microseconds. */
const SENDER_SPIN = 80;
/** The same for a thread that does not block, while it pays: an event loop is waiting. */
const ASYNC_SPIN = 8;
/** The longest pause between two of these looks. Short tasks make room for a batch of messages meanwhile. */
const MAX_PAUSE = 8;

/**
 * How often, a microsecond apart, an idle receiver looks. Where it looked that long in vain, the next REST waits look
 * only shortly: messages that come seldom must not keep a processor busy, and an idle process parks and stays parked.
 */
const LONG_SPIN = 80;
const SHORT_SPIN = 3;
const REST = 16;
/** As many messages as two cache lines hold, and a sender fills in about a microsecond. */
const BATCH = 4;

/** In milliseconds. Half of a queue of 32 fills in that time at 50,000 messages a second: then a sender does wake it. */
const DOZE_MS = 0.3;
/** At most so many dozes in turn; then a few waits without, to see how the messages come now. */
const DOZES = 64;
/** So many waits without; twice as many each time that dozing did not pay. */
const FEW_WAITS = 8;
const MANY_WAITS = 256;

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

/** A sender's habits. */
export class SenderPatience {
  readonly #pause: number;
  #asyncSpin = ASYNC_SPIN;

  constructor(capacity: number) {
    this.#pause = Math.min(Math.max(capacity >> 2, 1), MAX_PAUSE);
  }

  /** Looks for room, with the thread blocked. */
  lookBlocked(ready: () => boolean): boolean {
    return this.#look(ready, SENDER_SPIN);
  }

  /** Looks for room, while an event loop waits: shortly, and only once after it was in vain. */
  lookAwaiting(ready: () => boolean): boolean {
    const found = this.#look(ready, this.#asyncSpin);
    this.#asyncSpin = found ? ASYNC_SPIN : Math.min(ASYNC_SPIN, 1);
    return found;
  }

  #look(ready: () => boolean, microseconds: number): boolean {
    let found = false;
    for (let spent = 0; spent < microseconds && !found; ) {
      const next = Math.min(this.#pause, microseconds);
      pause(next);
      spent += next;
      found = ready();
    }
    return found;
  }
}

/** The receiver's habits. */
export class ReceiverPatience {
  readonly #ring: Ring;
  readonly #bell: Bell;
  /** Waits that look only shortly. */
  #rest = 0;
  /** Waits to come without a doze, and so many after the next doze that does not pay. */
  #waits = MANY_WAITS;
  #nextWaits = MANY_WAITS;
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

  /** Looks for a message for a while. Returns what {@link Ring.peek} said last. `patient`: may doze afterwards. */
  look(patient: boolean): number {
    const looks = this.#rest > 0 || (patient && this.#waits === 0) ? SHORT_SPIN : LONG_SPIN;
    let length = EMPTY;
    let left = looks;
    for (; left > 0 && length === EMPTY; left--) {
      pause(1);
      length = this.#ring.peek();
    }
    if (length === EMPTY && this.#rest > 0) this.#rest -= 1;
    else if (length === EMPTY && looks === LONG_SPIN) this.#rest = REST;
    if (patient && looks - left >= SHORT_SPIN && this.#waits > 0) this.#waits -= 1;
    return length;
  }

  /** Dozes, if that may be worth it. `true`: positions have been claimed, so there are messages now, or soon. */
  doze(): boolean {
    if (this.#waits > 0) return false;
    const ring = this.#ring;
    const begin = performance.now();
    if (this.#dozes === 0) this.#rate = ((ring.position - this.#position) | 0) / (begin - this.#since);
    this.#bell.doze(() => ring.peek() !== EMPTY, DOZE_MS);
    const end = performance.now();
    const came = ring.length;
    // If far fewer came than before, the senders were waiting for what comes of their messages.
    const paid = came > 1 && came > (this.#rate * (end - begin)) / 2;
    this.#dozes += 1;
    if (paid) this.#nextWaits = FEW_WAITS;
    if (paid && this.#dozes < DOZES) return true;
    this.#waits = this.#nextWaits;
    if (!paid) this.#nextWaits = Math.min(2 * this.#nextWaits, MANY_WAITS);
    this.#dozes = 0;
    this.#since = end;
    this.#position = (ring.position + came) | 0;
    return came > 0;
  }
}
