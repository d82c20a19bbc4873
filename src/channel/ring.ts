/**
 * The ring: every step that threads take in the memory of a channel (memory.ts).
 *
 * The bound is the cells. There are as many as `capacity`, and each is used again and again, once in a lap:
 *
 *            claim             publish              take
 *   FREE ───────────► WRITING ─────────► READY ──────────────► FREE of the next lap
 *   of this lap          │                 │ take back               ▲
 *                        │ give up, bury   ▼                         │
 *                        └────────────► ABORTED ─────────────────────┘
 *                                                     skip
 *
 *   step        a compare-exchange of the cell, by
 *   claim       a sender, from exactly FREE of this lap: a cell of an earlier lap is still in use, so the channel is full
 *   publish     the sender that has claimed it
 *   give up     the same sender, if it finds the channel closed; a receiver that discards what is left
 *   bury        the thread that buries a dead sender
 *   take        the receiver. The message leaves the channel here, and its room is free
 *   take back   the sender's thread, before the take: one of the two wins, and both know
 *   skip        the receiver: a store, since nobody else leaves ABORTED
 *
 * TAIL follows the claims: a sender claims the cell at TAIL, then moves TAIL on. A sender that finds this cell claimed
 * helps TAIL on, so a sender that dies between the two steps holds up nobody. (Michael and Scott's queue claims and helps
 * like that; laps in the state are Vyukov's and crossbeam's.)
 *
 * TAIL also says whether the channel is closed and whether a sender waits for room. One load tells a sender all three,
 * and its compare-exchange of TAIL fails if any of them has changed since.
 *
 * Invariants:
 *   1. At most `capacity` positions are claimed and not taken: each has a cell of its own.
 *   2. A cell is claimed only while TAIL is at its position, so positions are claimed, and taken, in order.
 *   3. Each cell leaves WRITING once and READY once.
 *
 * Only single words decide anything, so a thread can be killed between any two instructions. A sender killed between
 * claim and publish leaves WRITING: the receiver stops there until the sender is buried (seats.ts). A receiver killed
 * before the take leaves the message to the next one; one killed after it leaves FREE of the next lap, which the next
 * receiver steps over.
 *
 * A sender that is stopped between two steps for exactly as many positions as are counted (2^25 for a channel of one, else
 * up to 2^30) would take a cell for one of its own lap.
 */

import type { Scratch } from './cells.js';
import {
  BELL,
  BELOW_LAP,
  CALLS,
  CLOSED,
  FLAGS,
  Memory,
  OPEN,
  PHASE_MASK,
  Phase,
  TAIL,
  WAITS,
} from './memory.js';
import { Bell } from './park.js';

/** What became of a message. FULL: there is no room that this sender may take. */
export const Sent = { YES: 0, FULL: 1, CLOSED: 2 } as const;
export type Sent = (typeof Sent)[keyof typeof Sent];

/** {@link Ring.peek}: no message now; no message any more. */
export const EMPTY = -1;
export const END = -2;

/** One thread's view of the ring. A sender and a receiver each have their own. */
export class Ring extends Memory {
  /** Where the receiver parks. */
  readonly bell: Bell;
  /** A sender: the position of the message that it has sent last. */
  sent = 0;
  /** A receiver: the position that it takes next, where its cell begins, and the free state of that. */
  #head: number;
  #at: number;
  #free: number;
  /** A receiver: the state of the cell in which {@link peek} has found a message. */
  #found = 0;

  constructor(shared: SharedArrayBuffer) {
    super(shared);
    this.bell = new Bell(this.words, BELL);
    this.#head = this.taken % this.limit;
    this.#at = this.cell(this.#head);
    this.#free = this.free(this.#head);
  }

  /** How many messages are in the channel. A snapshot for people: other threads go on meanwhile. */
  get length(): number {
    const tail = Atomics.load(this.words, TAIL) >>> 2;
    const ahead = this.ahead(tail, this.taken % this.limit);
    // The receiver is beyond a TAIL that was read before it went on, or that a dead sender did not move.
    return ahead > this.limit >> 1 ? 0 : Math.min(ahead, this.capacity);
  }

  /** Nothing is sent any more. */
  get closed(): boolean {
    return (Atomics.load(this.words, TAIL) & CLOSED) !== 0; // pairs with close
  }

  /** All that was sent has been taken. */
  get isEmpty(): boolean {
    const tail = Atomics.load(this.words, TAIL) >>> 2;
    const last = tail === 0 ? this.limit - 1 : tail - 1;
    return Atomics.load(this.words, this.cell(last)) === this.freed(this.free(last)); // pairs with take
  }

  /** There is room for one message, and for so many more, whoever may take it. */
  hasRoom(more: number): boolean {
    const p = ((Atomics.load(this.words, TAIL) >>> 2) + more) % this.limit;
    return Atomics.load(this.words, this.cell(p)) === this.free(p); // pairs with take
  }

  /** The message at p has not been taken: of a position that was claimed fewer than `limit` positions ago. */
  isHere(p: number): boolean {
    const state = Atomics.load(this.words, this.cell(p)); // pairs with take
    return (state & ~BELOW_LAP) === this.free(p) && (state & PHASE_MASK) !== Phase.ABORTED;
  }

  /** No more sends. What was sent can still be taken. */
  close(): void {
    Atomics.or(this.words, TAIL, CLOSED); // pairs with the loads and compare-exchanges of TAIL in post
    this.bell.ring();
  }

  /** Gives up the half-written messages of this seat, or of all: their sends fail, and the receiver skips them. */
  abort(seat?: number): void {
    for (let i = 0; i < this.capacity; i++) {
      const at = this.cell(i);
      const state = Atomics.load(this.words, at);
      if ((state & PHASE_MASK) !== Phase.WRITING) continue;
      if (seat !== undefined && (state & BELOW_LAP) >> 2 !== seat) continue;
      this.#moveTailBeyond((state >>> 7) * this.capacity + i); // the dead sender may not have moved TAIL on
      Atomics.compareExchange(this.words, at, state, state | Phase.ABORTED); // against publish
    }
  }

  // ── A sender ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Claims the position at TAIL, copies `length` bytes of `message` into its cell, and publishes them. While other senders
   * wait for room, only the one whose `turn` it is may send: see waiting.ts. The caller wakes the receiver.
   */
  post(message: Scratch, length: number, seat: number, turn: number): Sent {
    const { words } = this;
    for (;;) {
      const tail = Atomics.load(words, TAIL); // pairs with close, and with the senders that come to wait
      if ((tail & CLOSED) !== 0) return Sent.CLOSED;
      if ((tail & WAITS) !== 0 && Atomics.load(words, CALLS) !== turn) return Sent.FULL; // pairs with call
      const p = tail >>> 2;
      const at = this.cell(p);
      const free = this.free(p);
      const writing = free | (seat << 2) | Phase.WRITING;
      const after = (this.next(p) << 2) | (tail & FLAGS);
      const before = Atomics.compareExchange(words, at, free, writing); // the claim; pairs with take
      if (before !== free) {
        if (this.isLapBefore(before, free)) return Sent.FULL;
        Atomics.compareExchange(words, TAIL, tail, after); // claimed by another: help
        continue;
      }
      if (Atomics.compareExchange(words, TAIL, tail, after) !== tail && this.#moveTailBeyond(p)) {
        Atomics.compareExchange(words, at, writing, writing | Phase.ABORTED); // fails if it was discarded
        this.bell.ring(); // the receiver may be parked at this position
        return Sent.CLOSED; // it may also have said END already: so this message must not be published
      }
      this.copyIn(at, message, length);
      // Publishes length and message; pairs with the load in peek. Fails if the receiver has discarded it.
      if (Atomics.compareExchange(words, at, writing, free | (seat << 2) | Phase.READY) !== writing)
        return Sent.CLOSED;
      this.sent = p;
      return Sent.YES;
    }
  }

  /** Moves TAIL beyond p, which this thread has claimed, if no helper has done so. Says whether the channel is closed. */
  #moveTailBeyond(p: number): boolean {
    for (;;) {
      const tail = Atomics.load(this.words, TAIL); // pairs with close
      if (tail >>> 2 !== p) return (tail & CLOSED) !== 0;
      const after = (this.next(p) << 2) | (tail & FLAGS);
      if (Atomics.compareExchange(this.words, TAIL, tail, after) === tail) return (tail & CLOSED) !== 0;
    }
  }

  /** Takes back this seat's message at p, sent fewer than `limit` positions ago. `false`: it has been taken. */
  takeBack(p: number, seat: number): boolean {
    const ready = this.free(p) | (seat << 2) | Phase.READY;
    const at = this.cell(p);
    return Atomics.compareExchange(this.words, at, ready, ready | Phase.ABORTED) === ready; // against take
  }

  // ── The receiver ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The length in bytes of the next message, or EMPTY, or END. The message stays where it is. */
  peek(): number {
    for (;;) {
      const at = this.#at;
      const state = Atomics.load(this.words, at); // pairs with publish
      const phase = state & PHASE_MASK;
      if ((state & ~BELOW_LAP) !== this.#free) {
        this.#advance(); // taken by a receiver that died before it could say so
      } else if (phase === Phase.READY) {
        this.#found = state;
        return this.lengthAt(at);
      } else if (phase === Phase.ABORTED) {
        Atomics.store(this.words, at, this.freed(this.#free)); // pairs with the claim of the next lap
        this.#advance();
      } else if (phase === Phase.WRITING || !this.#isEnded()) {
        return EMPTY;
      } else if (Atomics.load(this.words, at) === state) {
        return END; // looked at again: the last sender may have published, then closed
      }
    }
  }

  /** There is something at the head: a message, or what has to be skipped. Looks at one word. */
  get hasNext(): boolean {
    const state = Atomics.load(this.words, this.#at); // pairs with publish
    return (state & ~BELOW_LAP) !== this.#free || (state & PHASE_MASK) >= Phase.READY;
  }

  /** Nobody can send any more. Look at the cell again *after* this has become true. */
  #isEnded(): boolean {
    return Atomics.load(this.words, OPEN) === 0 || this.closed; // pairs with closeSeat
  }

  /** Copies the message at the head out of shared memory. */
  copyNext(into: Scratch, length: number): void {
    this.copyOut(this.#at, into, length);
  }

  /** Takes the message that {@link peek} found out of the channel. `false`: it has just been taken back. */
  take(): boolean {
    const at = this.#at;
    const found = this.#found;
    const freed = this.freed(this.#free);
    const taken = Atomics.compareExchange(this.words, at, found, freed) === found; // against takeBack; pairs with the claim
    if (!taken) Atomics.store(this.words, at, freed); // it was taken back
    this.#advance();
    return taken;
  }

  #advance(): void {
    this.taken += 1;
    this.#head = this.next(this.#head);
    this.#at = this.cell(this.#head);
    this.#free = this.free(this.#head);
  }
}
