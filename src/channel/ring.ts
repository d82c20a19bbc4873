/**
 * The ring: the shared memory of a channel, and every step that threads take in it.
 *
 * A sender *claims* the next position, copies its message into the position's cell, and publishes it. A position is
 * claimed only when there is room for it; a sender that finds no room claims nothing, and stands in line (line.ts).
 *
 *   positions   ─────HEAD────────────────TAIL────────HEAD + capacity────►  int32, wrapping
 *               taken │ claimed, to take   │ room         │ no room
 *
 * The cells are used again and again, once in a *lap* (memory.ts). The state of one:
 *
 *                  claim              publish
 *   (a lap behind) ─────► WRITING ──────────────► READY      taken once HEAD has passed it
 *                            └──────────────────► ABORTED    skipped by the receiver
 *
 * A cell is not marked free: the lap in its state, and HEAD, tell. WRITING is left by exactly one compare-exchange. It is
 * *aborted* by the owner, if it finds the channel closed or does not want the position; by whoever *buries* the owner,
 * which is dead; by a receiver that discards what is left.
 *
 *   word              written by
 *   TAIL              senders, by compare-exchange, +1 each; see `post` for who may be late with it
 *   HEAD              the receiver alone, +1 each
 *   a cell's state    as above; the rest of the cell: the owner, while WRITING
 *   BELL              see park.ts
 *   RECEIVER_THREAD   whoever attaches, or shares, the receiver
 *
 * Invariants:
 *   1. No position is claimed beyond HEAD + capacity. That is the bound, and since there are at least `capacity` cells it
 *      also says that a cell is claimed only when its last message has been taken. TAIL is where the claims end, or one
 *      before, until somebody helps it on.
 *   2. Messages are taken in the order of their claims.
 *
 * Death: only single words decide anything, so a thread can be killed between any two instructions. A sender killed
 * between its claim and its publish leaves WRITING, and the receiver stops there until the dead one is buried. A
 * receiver killed anywhere leaves the message at HEAD to the next one.
 *
 * The cell-first claim with helping is that of Michael and Scott's queue; laps in the state word are Vyukov's and
 * crossbeam's.
 */
import { type Life, Line } from './line.js';
import { BELL, HEAD, Memory, Phase, RECEIVER_THREAD, type Scratch, TAIL } from './memory.js';
import { Bell } from './park.js';

/** What became of a message. FULL and CLOSED: it was not sent. */
export const Outcome = { SENT: 0, FULL: 1, CLOSED: 2 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** {@link Ring.peek}: no message now; no message any more. */
export const EMPTY = -1;
export const END = -2;

/** What all senders and receivers of one channel in one thread share. */
export interface Link {
  readonly memory: SharedArrayBuffer;
  /** A second piece of memory that travels with the channel's handles, for whoever uses the channel. */
  annex?: SharedArrayBuffer | undefined;
}

/** Follows a message: told its position once it is claimed, before anyone can see the message. `false`: try the next position. */
export interface Claimant {
  /** Must not throw. */
  claimed(position: number): boolean;
}

/** What wakes the receiver. */
export interface Ringable {
  ring(): void;
}

/** Is told of a position that was claimed and holds no message: its send has failed, or its sender is dead. */
export type Skipped = (position: number) => void;

/** One thread's view of the memory. A sender and a receiver each have their own. */
export class Ring {
  readonly memory: Memory;
  readonly capacity: number;
  readonly line: Line;
  /** Where the receiver parks. */
  readonly bell: Bell;
  /** The next in line is called when so many messages are left, and when none is. */
  callAt: number;
  /** Told of each position that the receiver skips, while it still stands in the channel. */
  onSkip: Skipped = () => {};
  readonly #words: Int32Array;
  /** The receiver's own HEAD; a sender's last sight of it. */
  #head: number;

  constructor(shared: SharedArrayBuffer) {
    this.memory = new Memory(shared);
    this.capacity = this.memory.capacity;
    this.callAt = this.capacity >> 1;
    this.#words = this.memory.words;
    this.line = new Line(this.#words);
    this.bell = new Bell(this.#words, BELL);
    this.#head = Atomics.load(this.#words, HEAD);
  }

  /** Messages claimed and not yet taken, 0 to `capacity`. A snapshot: other threads go on meanwhile. */
  get length(): number {
    const head = Atomics.load(this.#words, HEAD);
    const length = (Atomics.load(this.#words, TAIL) - head) | 0;
    return Math.max(0, Math.min(length, this.capacity)); // HEAD, or TAIL, may have gone on between the two looks
  }

  // ── Senders ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Claims the next position, copies `length` bytes of `message` into its cell, publishes them, and wakes the receiver, by
   * its bell or a late one. FULL: there is no room that this sender has a right to. CLOSED: it will never be received.
   *
   * The claim is the compare-exchange of the cell. Whoever finds the cell at TAIL claimed moves TAIL on (helps), so a
   * sender that dies between the two steps holds up nobody.
   */
  post(slot: number, message: Scratch, length: number, bell: Ringable, claimant?: Claimant): Outcome {
    const memory = this.memory;
    const words = this.#words;
    for (;;) {
      const p = Atomics.load(words, TAIL);
      const at = memory.cell(p);
      const before = Atomics.load(words, at);
      if (memory.claimed(p, before)) {
        Atomics.compareExchange(words, TAIL, p, (p + 1) | 0); // claimed by another: help it, try the next
        continue;
      }
      const outcome = this.#mayClaim(p, slot);
      if (outcome === Outcome.CLOSED) return outcome;
      if (!memory.aLapBehind(p, before)) continue; // TAIL went round since we read it
      if (outcome === Outcome.FULL) {
        // Only if p is still to be claimed: else it may have been taken since, or skipped, and HEAD has passed it.
        if (Atomics.load(words, TAIL) !== p || Atomics.load(words, at) !== before) continue;
        return outcome;
      }
      const writing = memory.state(p, slot, Phase.WRITING);
      // The claim. The state has the lap in it (24 bits), so this fails if anybody claimed p since.
      if (Atomics.compareExchange(words, at, before, writing) !== before) continue;
      Atomics.compareExchange(words, TAIL, p, (p + 1) | 0); // may have been done by a helper
      // The claim, then this look; a receiver that closes: the gate, then a look at the cells. One of us sees the other.
      const closed = this.line.gate < 0;
      if (closed || (claimant !== undefined && !claimant.claimed(p))) {
        this.#abort(at, writing);
        this.bell.ring(); // the receiver may be parked at this position
        if (closed) return Outcome.CLOSED;
        continue;
      }
      memory.copyIn(p, message, length);
      // Publishes length and message; pairs with peek. Fails if the message was discarded.
      if (Atomics.compareExchange(words, at, writing, memory.state(p, slot, Phase.READY)) !== writing)
        return Outcome.CLOSED;
      bell.ring();
      return Outcome.SENT;
    }
  }

  /**
   * SENT: there is room for position `p`, and this sender has a right to it. While nobody stands in line, the last sight of
   * HEAD will do: it can only show less room than there is. Else HEAD is read after the gate, since one who has just
   * joined must look after it has set its bit.
   */
  #mayClaim(p: number, slot: number): Outcome {
    let used = (p - this.#head) >>> 0;
    if (used >= this.capacity) used = this.#used(p);
    let gate = this.line.gate; // after HEAD: whoever joins the line later sees that room, too
    if (gate > 0) {
      used = this.#used(p);
      gate = this.line.gate;
    }
    if (gate < 0) return Outcome.CLOSED;
    const ahead = gate === 0 ? 0 : this.line.ahead(slot, gate);
    return this.capacity - used > ahead ? Outcome.SENT : Outcome.FULL;
  }

  /** Positions before `p` that are not taken yet. */
  #used(p: number): number {
    this.#head = Atomics.load(this.#words, HEAD); // pairs with the store in advance
    return (p - this.#head) >>> 0;
  }

  #abort(at: number, writing: number): void {
    Atomics.compareExchange(this.#words, at, writing, (writing & ~7) | Phase.ABORTED); // against publish, or each other
  }

  /**
   * Wakes the next in line when half of the room is free, and when all of it is; or only then (patience.ts). One at a time:
   * it fills the room, and the next is woken when that has been taken, or when it leaves the line. For everybody who has just
   * freed room, or its place in line.
   */
  callLine(): void {
    if (this.line.gate <= 0) return; // after the caller's change: who is just joining sees that, or its bit is seen here
    const used = this.length;
    if (used === 0 || used === this.callAt) this.line.callNext();
  }

  /** A sender sends nothing more. After the last one the receiver drains what is there, then ends. */
  closeSender(life: Life): void {
    this.line.end(life);
    this.bell.ring();
  }

  /**
   * For a sender whose thread has ended, however it ended: aborts what it left half-written, repeats the wake-ups it may
   * have owed, and closes it. Its complete messages stay. Does nothing to a life that is over, or is being buried: a
   * burial is begun once, so whoever buries must not be ended meanwhile.
   */
  bury(life: Life): void {
    if (!this.line.startBurial(life)) return;
    for (let p = 0; p < this.memory.cells; p++) {
      const at = this.memory.cell(p);
      const state = Atomics.load(this.#words, at);
      if ((state & 0xff) === ((life.slot << 3) | Phase.WRITING)) this.#abort(at, state);
    }
    this.line.finishBurial(life);
    this.bell.ringAlways();
    this.line.free(life);
  }

  // ── The receiver ───────────────────────────────────────────────────────────────────────────────────────────────

  /** `threadId` of the thread that receives, also when it is dead, until another attaches; -1 after `share`. */
  get receiverThread(): number {
    return Atomics.load(this.#words, RECEIVER_THREAD);
  }

  set receiverThread(threadId: number) {
    Atomics.store(this.#words, RECEIVER_THREAD, threadId);
  }

  /** The length in bytes of the next message, or EMPTY, or END. The message stays where it is. */
  peek(): number {
    for (;;) {
      const p = this.#head;
      const at = this.memory.cell(p);
      let state = Atomics.load(this.#words, at); // pairs with publish
      if (!this.memory.claimed(p, state)) {
        if (!this.#ended()) return EMPTY;
        state = Atomics.load(this.#words, at); // again: the last sender may have published, then closed
        if (!this.memory.claimed(p, state)) return END;
      }
      if ((state & 7) === Phase.READY) return this.memory.length(p);
      if ((state & 7) === Phase.WRITING) return EMPTY;
      this.onSkip(p); // ABORTED
      this.advance();
    }
  }

  /** Nobody can send any more. Look at the cell again *after* this has become true. */
  #ended(): boolean {
    return this.line.empty || this.line.gate < 0; // pairs with closeSender and close
  }

  /** The position of the message that {@link peek} found. */
  get position(): number {
    return this.#head;
  }

  /** Copies the message at HEAD out of shared memory. */
  copyOut(into: Scratch, length: number): void {
    this.memory.copyOut(this.#head, into, length);
  }

  /** Done with the message at HEAD: its room is free from here on. */
  advance(): void {
    this.#head = (this.#head + 1) | 0;
    Atomics.store(this.#words, HEAD, this.#head); // pairs with #used
    this.callLine();
  }

  /** A new receiver takes over, perhaps from one that died between any two instructions and owed wake-ups. */
  takeOver(): void {
    this.#head = Atomics.load(this.#words, HEAD);
    this.line.ringAll();
  }

  /** No more sends. What was sent can still be taken. */
  close(): void {
    this.line.close(); // pairs with the look after a claim
    this.bell.ring();
  }

  /**
   * After closing, for a receiver that does not wait for what is still being written: its send fails. A sender that
   * claims a position only now finds the channel closed by itself.
   */
  abortUnfinished(): void {
    for (let i = 0; i < this.capacity; i++) {
      const p = (this.#head + i) | 0;
      const at = this.memory.cell(p);
      const state = Atomics.load(this.#words, at);
      if (this.memory.claimed(p, state) && (state & 7) === Phase.WRITING) this.#abort(at, state);
    }
  }
}
