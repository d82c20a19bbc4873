/**
 * A late wake-up: for a thread that has something else to do before the receiver takes a processor, such as the answers to
 * the requests that it has read. The receiver is woken at the end of this turn of the event loop, once for all that was
 * sent in it; at once, if more than half of the room is used by then. Whoever sends late must not block in the same turn for
 * what comes of the message.
 *
 * The wake-up is not lost if its thread ends before: a sender that closes, and whoever buries one, rings too.
 */
import type { Ring, Ringable } from './ring.js';

export class LateBell implements Ringable {
  readonly #ring: Ring;
  #owed = false;
  readonly #give = (): void => {
    this.#owed = false;
    this.#ring.bell.ring();
  };

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  ring(): void {
    if (2 * this.#ring.length > this.#ring.capacity) this.#ring.bell.ring();
    else if (!this.#owed) {
      this.#owed = true;
      setImmediate(this.#give);
    }
  }
}
