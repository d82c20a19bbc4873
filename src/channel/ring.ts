/**
 * The ticket ring: the shared memory of a channel, and every step that threads take in it.
 *
 * A sender *claims* the next position, stores its message at once, and only then waits until the position is *admitted*.
 * Nobody ever waits for a parked sender to copy its message, order is decided by the claim, and a sender that dies while
 * it is parked has already left its message behind.
 *
 *   positions   ──────HEAD──────────────LIMIT──────────TAIL──────────►  int32, wrapping
 *                taken │ admitted, to take │ waiting      │ unclaimed
 *
 * A position p lives in cell `p mod CELLS`; `p div CELLS` is its lap. Two cells share a cache line, so that one transfer
 * between cores brings two messages when they come fast:
 *
 *   word 0      state = lap (24 bits) | owner (5 bits) | phase (3 bits)     Atomics only
 *   word 1      length of the message in bytes                              plain, published by the state
 *   word 2..7   the message, if it has at most 24 bytes; else it stands in the cell's own overflow room
 *
 *   phase       WRITING → READY                  claimed while there was room
 *               WRITING → WAITING → READY        claimed beyond LIMIT, admitted later
 *               WAITING → ABORTED → VOID         given up: timed out, aborted, or the channel was closed
 *               WRITING → ABORTED                the owner died, met a closed channel, or did not want the position
 *                                                (`Claimant`); or `seal` was first
 *
 * Who writes what:
 *   - TAIL: senders, by compare-exchange, +1 each. Whoever finds the cell at TAIL claimed moves TAIL on (helps), so a
 *     sender that dies between the two steps of a claim holds up nobody.
 *   - HEAD and LIMIT: the receiver alone, each only upwards.
 *   - a cell's state: WRITING is left by exactly one compare-exchange, of the owner or of `seal`, or by `bury` once the
 *     owner is dead; WAITING by exactly one as well, to READY (by the receiver or the owner) or to ABORTED (by the
 *     owner). Nobody changes READY. ABORTED → VOID: the receiver alone.
 *     A cell is not marked free: position p may be claimed when its cell is one lap behind and HEAD > p - CELLS.
 *
 * Invariants:
 *   1. At rest, the positions in [HEAD, LIMIT) that are not VOID number exactly `capacity`: the receiver moves LIMIT by
 *      one *credit* for each position it takes, and a credit that meets an ABORTED position marks it VOID and goes on to
 *      the next. So given-up positions never cost room, and never more than `capacity` messages are admitted.
 *   2. HEAD < LIMIT, until the receiver closes; from then on LIMIT stays where it is.
 *   3. HEAD ≥ TAIL - CELLS: no position is claimed before its cell's last message was taken.
 *
 * Senders that find all cells in use (only possible with more than CELLS - capacity of them waiting, or given up) stand
 * in line: see roster.ts.
 *
 * Death: only the state word and single-word updates decide anything, so a thread can be killed between any two
 * instructions. `bury` gives up what a dead sender left WRITING; `repair` recounts invariant 1 for the next receiver
 * from the cells and repeats the wake-ups that the dead one may have owed.
 *
 * The cell-first claim with helping is that of Michael and Scott's queue; laps in the state word are Vyukov's and
 * crossbeam's; the message before the wait is Kotlin's buffered channel.
 */
import { isAwake, isDozing, wake, wakeAlways } from './park.js';
import { ALL, type Bell, LINE, type Life, ROSTER_WORDS, Roster } from './roster.js';

// Behind the roster. Each group is written by other threads than its neighbours, so each has a line of its own.
const CAPACITY: number = ROSTER_WORDS; // constant: written before the memory is shared
const CELLS: number = ROSTER_WORDS + 1;
const MAX_BYTES: number = ROSTER_WORDS + 2;
const TAIL: number = ROSTER_WORDS + LINE; // next position to claim
const HEAD: number = ROSTER_WORDS + 2 * LINE; // next position to take
const LIMIT: number = HEAD + 1; // first position not admitted
const BELL: number = ROSTER_WORDS + 3 * LINE; // the receiver parks here, or dozes
const RECEIVER_THREAD: number = BELL + 1; // threadId of the receiver's thread, or -1

const FIRST_CELL: number = ROSTER_WORDS + 4 * LINE;
const CELL_WORDS = 8;
const LENGTH = 1;
const PAYLOAD = 2;
const INLINE_BYTES: number = (CELL_WORDS - PAYLOAD) * 4;

const Phase = { WRITING: 1, WAITING: 2, READY: 3, ABORTED: 4, VOID: 5 } as const;
const NOBODY = -1;

/** What became of a message that was posted, or is waiting. */
export const Outcome = { ADMITTED: 0, WAITING: 1, FULL: 2, CLOSED: 3 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** {@link Ring.peek}: no message now. */
export const EMPTY = -1;
/** {@link Ring.peek}: no message any more. */
export const END = -2;

/** Thread-local room for one encoded message; both views cover the same memory. */
export interface Scratch {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

/** What all senders and receivers of one channel in one thread share. */
export interface Link {
  readonly memory: SharedArrayBuffer;
  /** Memory that travels with the channel's handles, for whoever uses the channel; the channel never looks into it. */
  companion?: SharedArrayBuffer | undefined;
}

/**
 * Follows a message: `claimed` is called once it has its position, before anyone can see it. `false` gives the position
 * up and claims the next one. It must not throw.
 */
export interface Claimant {
  claimed(position: number): boolean;
}

/**
 * Makes the shared memory of a ring. `cells` and `start` (the first position) are for tests: tiny rings, and positions
 * just below the wrap-around.
 */
export function createMemory(
  capacity: number,
  maxBytes: number,
  cells: number = cellsFor(capacity),
  start = 0,
): SharedArrayBuffer {
  const room = Math.ceil(maxBytes / 8) * 8;
  const memory = new SharedArrayBuffer((FIRST_CELL + cells * CELL_WORDS) * 4 + cells * room);
  const words = new Int32Array(memory, 0, FIRST_CELL + cells * CELL_WORDS);
  words[CAPACITY] = capacity;
  words[CELLS] = cells;
  words[MAX_BYTES] = maxBytes;
  const ring = new Ring(memory);
  ring.reset(start);
  return memory;
}

/** A power of two with room for `capacity` messages and at least as many waiting senders. */
function cellsFor(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2 * capacity, 128)));
}

/** One thread's view of the memory. A sender and a receiver each have their own. */
export class Ring {
  readonly memory: SharedArrayBuffer;
  readonly capacity: number;
  readonly cells: number;
  readonly maxBytes: number;
  readonly roster: Roster;
  /** The position of the last message that {@link post} left WAITING. */
  posted = 0;

  readonly #words: Int32Array;
  readonly #shift: number;
  readonly #lapMask: number;
  readonly #overflow: Uint8Array[] = [];
  #head = 0; // the receiver's own HEAD and LIMIT; a sender's last sight of them
  #limit = 0;

  constructor(memory: SharedArrayBuffer) {
    const constants = new Int32Array(memory, 0, TAIL);
    this.memory = memory;
    this.capacity = constants[CAPACITY] ?? 0;
    this.maxBytes = constants[MAX_BYTES] ?? 0;
    this.cells = constants[CELLS] ?? 0;
    this.#words = new Int32Array(memory, 0, FIRST_CELL + this.cells * CELL_WORDS);
    this.roster = new Roster(this.#words);
    this.#shift = Math.log2(this.cells);
    this.#lapMask = Math.min(2 ** (32 - this.#shift) - 1, 0xff_ffff);
    this.#look();
  }

  /** Before the memory is shared: all cells one lap behind, ready for the positions from `start` on. */
  reset(start: number): void {
    for (let p = (start - this.cells) | 0; p !== start; p = (p + 1) | 0) {
      Atomics.store(this.#words, this.#cell(p), this.#state(p, 0, Phase.VOID));
    }
    Atomics.store(this.#words, TAIL, start);
    Atomics.store(this.#words, HEAD, start);
    Atomics.store(this.#words, LIMIT, start + this.capacity);
    Atomics.store(this.#words, RECEIVER_THREAD, NOBODY);
    this.#look();
  }

  /** Messages admitted and not yet taken, 0 to `capacity`. A snapshot: other threads go on meanwhile. */
  get length(): number {
    let count = 0;
    const limit = Atomics.load(this.#words, LIMIT);
    for (let p = Atomics.load(this.#words, HEAD); ((p - limit) | 0) < 0; p = (p + 1) | 0) {
      const state = Atomics.load(this.#words, this.#cell(p));
      if (state >>> 8 !== this.#lap(p)) break; // unclaimed, or taken meanwhile and claimed again
      if ((state & 7) <= Phase.READY) count += 1;
    }
    return Math.min(count, this.capacity);
  }

  /** The receiver has closed the channel. */
  get closed(): boolean {
    return this.roster.gate < 0;
  }

  // ── Senders ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Closes a sender. After the last one the receiver drains what is there, then ends. */
  closeSender(life: Life): void {
    this.roster.leave(life);
    wake(this.#words, BELL); // one that dozes looks by itself in a moment
    this.roster.free(life);
  }

  /**
   * Claims the next position, stores `length` bytes of `message` and publishes them.
   *
   * ADMITTED: the receiver will take it. WAITING: it stands at `posted` and waits for room. FULL: no cell is free, or,
   * with `admittedOnly`, no room; nothing was claimed. CLOSED: it will never be received.
   */
  post(slot: number, message: Scratch, length: number, admittedOnly: boolean, claimant?: Claimant): Outcome {
    const words = this.#words;
    for (;;) {
      const gate = this.roster.gate;
      if (gate < 0) return Outcome.CLOSED;
      const p = Atomics.load(words, TAIL);
      if (admittedOnly && !this.#admitted(p)) return Outcome.FULL;
      const at = this.#cell(p);
      const before = Atomics.load(words, at);
      const lap = this.#lap(p);
      if (before >>> 8 === lap) {
        Atomics.compareExchange(words, TAIL, p, (p + 1) | 0); // claimed by another: help it, try the next
        continue;
      }
      if (before >>> 8 !== ((lap - 1) & this.#lapMask)) continue; // TAIL went round since we read it
      if (!this.#mayClaim(p, slot, gate)) return Outcome.FULL;
      // The claim. The state has the lap in it, so this fails if anybody claimed p since.
      if (Atomics.compareExchange(words, at, before, this.#state(p, slot, Phase.WRITING)) !== before)
        continue;
      Atomics.compareExchange(words, TAIL, p, (p + 1) | 0); // may have been done by a helper
      if (claimant !== undefined && !claimant.claimed(p)) {
        this.#abandon(p, slot);
        continue;
      }
      this.#store(p, message, length);
      return this.#publish(p, slot);
    }
  }

  /** Gives up a claimed position before anything was published. */
  #abandon(p: number, slot: number): void {
    const writing = this.#state(p, slot, Phase.WRITING);
    Atomics.compareExchange(this.#words, this.#cell(p), writing, this.#state(p, slot, Phase.ABORTED)); // against seal
    this.#tellReceiver(); // it may sleep in front of it, and its room is to be given back
  }

  /** Makes a stored message visible: READY if there is room, else WAITING. */
  #publish(p: number, slot: number): Outcome {
    const words = this.#words;
    const at = this.#cell(p);
    // The claim above, then this look; closeReceiver: the gate, then a look at the cells. One of us sees the other.
    if (this.closed) {
      this.#abandon(p, slot);
      return Outcome.CLOSED;
    }
    const admitted = this.#admitted(p);
    const writing = this.#state(p, slot, Phase.WRITING);
    const next = this.#state(p, slot, admitted ? Phase.READY : Phase.WAITING);
    // Publishes length and payload; pairs with peek and #admit. Against seal: one of the two succeeds.
    if (Atomics.compareExchange(words, at, writing, next) !== writing) return Outcome.CLOSED;
    if (admitted) {
      this.#tellReceiver();
      return Outcome.ADMITTED;
    }
    this.posted = p;
    return this.outcome(p, slot);
  }

  /** What became of the message that `slot` left WAITING at position `p`. */
  outcome(p: number, slot: number): Outcome {
    const waiting = this.#state(p, slot, Phase.WAITING);
    // Pairs with #admit. Any other state is READY in this lap, or a later lap: then the message was taken.
    if (Atomics.load(this.#words, this.#cell(p)) !== waiting) return Outcome.ADMITTED;
    const closed = this.closed; // before LIMIT is read: closing makes it final
    if (this.#admitted(p)) {
      // The receiver moved LIMIT past p before it could see WAITING here, or is just about to look: either may do it.
      Atomics.compareExchange(this.#words, this.#cell(p), waiting, this.#state(p, slot, Phase.READY));
      this.#tellReceiver();
      return Outcome.ADMITTED;
    }
    if (!closed) return Outcome.WAITING;
    return this.withdraw(p, slot) ? Outcome.CLOSED : Outcome.ADMITTED;
  }

  /** There is something for the receiver. One that dozes is left alone while at least half of the room is free. */
  #tellReceiver(): void {
    if (isAwake(this.#words, BELL)) return;
    // TAIL moved before this: of several senders, the last to come here sees what all have claimed.
    const room = (Atomics.load(this.#words, LIMIT) - Atomics.load(this.#words, TAIL)) | 0;
    if (isDozing(this.#words, BELL) && 2 * room >= this.capacity) return;
    wakeAlways(this.#words, BELL);
  }

  /** Gives a WAITING position up. `false`: too late, it has been admitted. */
  withdraw(p: number, slot: number): boolean {
    const waiting = this.#state(p, slot, Phase.WAITING);
    const aborted = this.#state(p, slot, Phase.ABORTED);
    return Atomics.compareExchange(this.#words, this.#cell(p), waiting, aborted) === waiting; // against #admit
  }

  /** Room for position `p`: may be taken without waiting. */
  #admitted(p: number): boolean {
    if ((this.#limit - 1 - p) >>> 0 < this.cells) return true; // a window, for a sight that may be laps old
    this.#limit = Atomics.load(this.#words, LIMIT); // pairs with the store in #grant
    return ((p - this.#limit) | 0) < 0;
  }

  /** The cell of `p` has been taken, and is not reserved for a thread that has stood in line for longer. */
  #mayClaim(p: number, slot: number, gate: number): boolean {
    if (gate === 0 && (p - this.#head) >>> 0 < this.cells) return true; // a window, as above
    this.#head = Atomics.load(this.#words, HEAD); // pairs with #pass
    const free = (this.#head + this.cells - p) | 0;
    return gate === 0 ? free > 0 : free > this.roster.ahead(slot, gate);
  }

  /**
   * For a sender whose thread has ended, however it ended: gives up what it left half-written, repeats the wake-ups it
   * may have owed, and closes it. Its complete messages stay. Does nothing to a life that was closed, and its successors.
   */
  bury(life: Life): void {
    if (!this.roster.lives(life)) return;
    for (let i = 0; i < this.cells; i++) {
      const at = FIRST_CELL + i * CELL_WORDS;
      const state = Atomics.load(this.#words, at);
      if ((state & 0xff) !== ((life.slot << 3) | Phase.WRITING)) continue;
      Atomics.store(this.#words, at, (state & ~7) | Phase.ABORTED); // its owner is dead: nobody else writes here
    }
    this.roster.remove(life);
    wakeAlways(this.#words, BELL);
    this.roster.free(life);
  }

  // ── The receiver ───────────────────────────────────────────────────────────────────────────────────────────────

  /** `threadId` of the thread that receives, or -1 while no thread does. */
  get receiverThread(): number {
    return Atomics.load(this.#words, RECEIVER_THREAD);
  }

  set receiverThread(threadId: number) {
    Atomics.store(this.#words, RECEIVER_THREAD, threadId);
  }

  /** A new receiver takes over, perhaps from one that died between any two instructions. */
  repair(): void {
    this.#look();
    let credits = this.capacity;
    for (let p = this.#head; p !== this.#limit; p = (p + 1) | 0) if (this.#admit(p)) credits -= 1;
    if (!this.closed) this.#grant(credits);
    this.roster.wakeAll(ALL, wakeAlways);
  }

  /** The length in bytes of the next message, or EMPTY, or END. The message stays where it is. */
  peek(): number {
    for (;;) {
      const p = this.#head;
      if (p === this.#limit) return END; // invariant 2: the channel was closed
      const at = this.#cell(p);
      let state = Atomics.load(this.#words, at); // pairs with #publish
      if (state >>> 8 !== this.#lap(p)) {
        if (!this.#ended()) return EMPTY;
        state = Atomics.load(this.#words, at); // again: the last sender may have published, then closed
        if (state >>> 8 !== this.#lap(p)) return END;
      }
      switch (state & 7) {
        case Phase.READY:
          return (this.#words[at + LENGTH] ?? 0) >>> 0; // not negative: never taken for EMPTY or END
        case Phase.WRITING:
          return EMPTY;
        case Phase.WAITING:
          this.#admit(p); // it is before LIMIT; its owner has not noticed yet, or is dead
          continue;
        case Phase.VOID:
          this.#pass(0);
          continue;
        default:
          this.#pass(1); // ABORTED after it had been admitted: its room is given back
      }
    }
  }

  /** The position that is `count` after HEAD has been claimed. A hint: pairs with nothing. */
  reaches(count: number): boolean {
    const p = (this.#head + count) | 0;
    return Atomics.load(this.#words, this.#cell(p)) >>> 8 === this.#lap(p);
  }

  /** How many positions have been claimed and not taken, given-up ones too. A snapshot, for estimates. */
  get backlog(): number {
    return (Atomics.load(this.#words, TAIL) - this.#head) | 0;
  }

  /** The position of the message that {@link peek} found. */
  get position(): number {
    return this.#head;
  }

  /** Copies the message at HEAD out of shared memory. */
  copyOut(into: Scratch, length: number): void {
    const p = this.#head;
    if (length > INLINE_BYTES) {
      into.bytes.set(this.#room(p).subarray(0, length));
      return;
    }
    const from = this.#cell(p) + PAYLOAD;
    const count = (length + 3) >> 2;
    for (let i = 0; i < count; i++) into.words[i] = this.#words[from + i] ?? 0;
  }

  /** Done with the message at HEAD: its room and its cell are free from here on. */
  advance(): void {
    this.#pass(1);
  }

  #pass(credits: number): void {
    this.#head = (this.#head + 1) | 0;
    Atomics.store(this.#words, HEAD, this.#head); // frees the cell; pairs with #mayClaim
    const gate = this.roster.gate; // comes after HEAD: a thread that has just joined the line sees it, or is seen
    if (gate >= 0) this.#grant(credits);
    if ((gate & ALL) !== 0) this.roster.wakeAll(gate & ALL);
  }

  /** Moves LIMIT on, one admitted position for each credit. */
  #grant(credits: number): void {
    for (let left = credits; left > 0; ) {
      const p = this.#limit;
      this.#limit = (p + 1) | 0;
      Atomics.store(this.#words, LIMIT, this.#limit); // before the look at the cell; pairs with #admitted
      if (this.#admit(p)) left -= 1;
    }
  }

  /** Spends a credit on `p`, and tells the sender that waits there. `false`: it gave up, so p holds no credit. */
  #admit(p: number): boolean {
    const at = this.#cell(p);
    for (;;) {
      const state = Atomics.load(this.#words, at); // pairs with #publish
      if (state >>> 8 !== this.#lap(p)) return true; // unclaimed: room for whoever comes
      switch (state & 7) {
        case Phase.WAITING:
          // Against withdraw: one of the two succeeds. If it is not this one, look again.
          if (Atomics.compareExchange(this.#words, at, state, (state & ~7) | Phase.READY) !== state) continue;
          this.roster.wake((state >>> 3) & 31);
          return true;
        case Phase.ABORTED:
          Atomics.store(this.#words, at, (state & ~7) | Phase.VOID); // only the receiver touches ABORTED
          return false;
        default:
          return (state & 7) !== Phase.VOID;
      }
    }
  }

  /** Nobody can send any more. Look at the cell again *after* this has become true. */
  #ended(): boolean {
    return this.roster.empty || this.closed; // pairs with closeSender and closeReceiver
  }

  /** No more sends. What was admitted can still be taken. */
  closeReceiver(): void {
    this.roster.close(); // pairs with #publish and outcome
    this.roster.wakeAll(ALL, wakeAlways);
    wake(this.#words, BELL);
  }

  /**
   * After closing, for a receiver that does not wait for what is still being written: gives it up, and its send fails.
   * A sender that claims a position only now finds the channel closed by itself.
   */
  seal(): void {
    for (let p = this.#head; p !== this.#limit; p = (p + 1) | 0) {
      const at = this.#cell(p);
      const state = Atomics.load(this.#words, at);
      if (state >>> 8 !== this.#lap(p) || (state & 7) !== Phase.WRITING) continue;
      Atomics.compareExchange(this.#words, at, state, (state & ~7) | Phase.ABORTED); // against #publish
    }
  }

  /** The word on which the receiver parks. */
  get receiverBell(): Bell {
    return { words: this.#words, at: BELL };
  }

  // ── Both ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #look(): void {
    this.#head = Atomics.load(this.#words, HEAD);
    this.#limit = Atomics.load(this.#words, LIMIT);
  }

  #cell(p: number): number {
    return FIRST_CELL + (p & (this.cells - 1)) * CELL_WORDS;
  }

  #lap(p: number): number {
    return (p >>> this.#shift) & this.#lapMask;
  }

  #state(p: number, slot: number, phase: number): number {
    return (this.#lap(p) << 8) | (slot << 3) | phase;
  }

  #store(p: number, message: Scratch, length: number): void {
    const at = this.#cell(p);
    this.#words[at + LENGTH] = length;
    if (length > INLINE_BYTES) {
      this.#room(p).set(message.bytes.subarray(0, length));
      return;
    }
    const count = (length + 3) >> 2;
    for (let i = 0; i < count; i++) this.#words[at + PAYLOAD + i] = message.words[i] ?? 0;
  }

  /** The overflow room of p's cell. Pages that no long message ever touched cost nothing. */
  #room(p: number): Uint8Array {
    const index = p & (this.cells - 1);
    const size = Math.ceil(this.maxBytes / 8) * 8;
    const start = (FIRST_CELL + this.cells * CELL_WORDS) * 4 + index * size;
    this.#overflow[index] ??= new Uint8Array(this.memory, start, this.maxBytes);
    return this.#overflow[index];
  }
}
