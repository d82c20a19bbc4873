/**
 * Seats: which senders are open, and what happens to a sender whose thread has died.
 *
 * Each open sender has a seat, 0 to 30. Its number stands in the cells that the sender has claimed and not published, so a
 * thread that sees the exit of the sender's thread can find and abort them. Seats are used again. The word of a seat
 * counts its openings, odd while it is open: a handle that is attached or buried too late means another opening.
 *
 *   word           written by
 *   OPEN           bit s: the thread that opens, closes or buries the sender of seat s
 *   OPENING of s   opening + 1: the thread that opens or closes; -opening: the thread that buries, until it is done
 *
 * A sender that is killed, at any instruction, leaves at most three things: a cell in WRITING (perhaps with TAIL still at
 * it), a wake-up of the receiver that it owed, and a call that it has swallowed or was about to make. Burial mends the
 * three, in this order, then frees the seat.
 */
import { OPEN, OPENINGS } from './memory.js';
import type { Ring } from './ring.js';
import type { Calls } from './waiting.js';

/** At most this many senders are open at once. */
export const MAX_SENDERS = 31;

/** One opening of a seat. */
export interface Seat {
  readonly seat: number;
  readonly opening: number;
}

/**
 * Takes a free seat.
 *
 * @throws RangeError if all are taken
 */
export function openSeat(words: Int32Array): Seat {
  for (let seat = 0; seat < MAX_SENDERS; seat++) {
    const opening = Atomics.load(words, OPENINGS + seat);
    if (opening < 0 || (opening & 1) === 1) continue;
    const next = (opening + 1) & 0x7fff_ffff;
    if (Atomics.compareExchange(words, OPENINGS + seat, opening, next) !== opening) continue; // against other openers
    Atomics.or(words, OPEN, 1 << seat); // pairs with the load in Ring.#isEnded
    return { seat, opening: next };
  }
  throw new RangeError(`Expected at most ${MAX_SENDERS} open senders: close one first`);
}

/** This opening has not ended. */
export function isOpen(words: Int32Array, { seat, opening }: Seat): boolean {
  return Atomics.load(words, OPENINGS + seat) === opening;
}

/** The sender sends nothing more. Its last message has been published. Does nothing if it is closed. */
export function closeSeat({ words, bell }: Ring, { seat, opening }: Seat): void {
  if (Math.abs(Atomics.load(words, OPENINGS + seat)) !== opening) return;
  Atomics.and(words, OPEN, ~(1 << seat)); // pairs with the load in Ring.#isEnded
  bell.ring();
  Atomics.store(words, OPENINGS + seat, (opening + 1) & 0x7fff_fffe); // from here on, another sender may have it
}

/** Buries the sender of a dead thread. Does nothing if it was closed, or is buried already. */
export function bury({ seat, opening }: Seat, ring: Ring, calls: Calls): void {
  const { words } = ring;
  if (Atomics.compareExchange(words, OPENINGS + seat, opening, -opening) !== opening) return; // against other burials
  ring.abort(seat);
  ring.bell.ringAlways();
  calls.repeat();
  closeSeat(ring, { seat, opening });
}
