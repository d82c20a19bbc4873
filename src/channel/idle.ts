/**
 * What a receiver does while there is no message, before it parks: it looks for some microseconds, or it dozes.
 *
 * Looking finds a message at once, and keeps a processor busy. Parking costs nothing, but then the next sender has to
 * wake this thread, which costs both some 20 to 100 µs. In between there is a flow of messages too slow to look for and
 * too fast to be woken for each: requests of a busy server. A receiver that *dozes* sleeps for a moment whatever comes, or
 * until half of the room is used; the messages of that moment cost their senders no wake-up, and this thread one for all
 * of them. A sender that waits for what comes of its message would lose by that, and so would the thread's event loop:
 * only a patient caller dozes.
 */
import { announceDoze, doze, pause, retract } from './park.js';
import { EMPTY, type Ring } from './ring.js';
import type { Bell } from './roster.js';

/**
 * How often, a microsecond apart, an idle receiver looks. Where it looked that long in vain, the next REST waits look
 * only shortly: messages that come seldom must not keep a processor busy, and an idle process parks and stays parked.
 */
const LONG_SPIN = 80;
const SHORT_SPIN = 3;
const REST = 16;

/** In milliseconds. Half of a queue of 32 fills in that time at 50,000 messages a second: then a sender does wake it. */
const DOZE_MS = 0.3;
/** At most so many dozes in turn; then a few waits without, to see how the messages come now. */
const DOZES = 64;
/** So many waits without; twice as many each time that dozing did not pay. */
const FEW_WAITS = 8;
const MANY_WAITS = 256;

/** One receiver's habits. */
export class Idle {
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
    this.#bell = ring.receiverBell;
    this.#position = ring.position;
  }

  /** Looks for a message for a while. Returns what {@link Ring.peek} said last. `patient`: may doze afterwards. */
  look(patient: boolean): number {
    const looks = this.#rest > 0 || (patient && this.#waits === 0) ? SHORT_SPIN : LONG_SPIN;
    let length = EMPTY;
    let left = looks;
    for (; left > 0 && length === EMPTY; left--) {
      pause();
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
    const { words, at } = this.#bell;
    const begin = performance.now();
    if (this.#dozes === 0) this.#rate = ((ring.position - this.#position) | 0) / (begin - this.#since);
    announceDoze(words, at);
    if (ring.peek() === EMPTY) doze(words, at, DOZE_MS);
    retract(words, at);
    const end = performance.now();
    const came = ring.backlog;
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
