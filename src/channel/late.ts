/**
 * A late wake-up: for a thread that has something else to do before the receiver takes a processor, such as the answers to
 * the requests that it has read. The receiver is woken when the event loop has done what it can do now (`setImmediate`),
 * once for all that was sent until then; at once, if more than half of the room is used. So whatever keeps the loop from
 * that, such as the handlers of other requests, keeps the message from an idle receiver, for as long as that looks by
 * itself (`SLICE_MS` in park.ts). A thread that blocks in a send or a receive wakes it before.
 *
 * The wake-up is not lost if its thread ends before: a sender that closes, and whoever buries one, rings too.
 */
import { setImmediate } from 'node:timers'; // not the global: a test, or a task, may replace that
import { addWaiting, removeWaiting } from './blocked.js';
import type { Ring, Ringable } from './ring.js';

export class LateBell implements Ringable {
  readonly #ring: Ring;
  #owed = false;
  readonly #give = (): void => {
    removeWaiting(this.#give);
    this.#owed = false;
    if (this.#ring.length > 0) this.#ring.bell.ring(); // else the receiver has taken what was sent
  };

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  ring(): void {
    if (2 * this.#ring.length > this.#ring.capacity) this.#ring.bell.ring();
    else if (!this.#owed) {
      this.#owed = true;
      addWaiting(this.#give);
      setImmediate(this.#give);
    }
  }
}
