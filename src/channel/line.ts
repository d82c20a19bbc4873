/**
 * The line: who may send, and in which order threads get room when there is none.
 *
 * Each open sender has a number, its *slot*, 0 to 30, so that a set of senders is one word of memory. Slots are used
 * again: a sender is known by its slot and its *life*, which is odd while it is open, and another one with every opening.
 *
 * A sender that finds no room stands in line: a bit in GATE, and a *turn*. Of the room that there is, the thread with the
 * oldest turn has a right to the first place, the next one to the second, and newcomers to what is left. So a thread may
 * claim a position if the room exceeds the number of threads before it. After each message it takes a new turn, behind the
 * others. That is the whole order between threads: nobody takes the place of a thread that stood in line before the room
 * came, though where there is room for more, a newcomer's message may be received before its own; and threads in line
 * send one message each in turn. A thread that computes, or is dead and not buried, keeps its one place meanwhile.
 *
 * Who has stood there for longest is *called* first, and alone (ring.ts). It sends what it waited to send, and then, as a
 * newcomer, as much as there is room for beyond the places of the others: so of several busy threads, each gets its turn.
 *
 *   word            written by
 *   GATE            bit s: the thread of sender s, or who buries it; sign bit: whoever closes the receiver, for good
 *   OPEN            bit s: who opens, closes or buries sender s
 *   NEXT_TURN       threads that take a turn, +1 each
 *   TURN of s       the thread of sender s
 *   LIFE of s       who opens or begins to bury sender s, by compare-exchange; negative during a burial. The end of it, or
 *                   of a closing, is a store: the slot is theirs until then
 *   BELL of s       see park.ts
 */
import { Bell } from './park.js';

/** Words in 128 bytes, two cache lines, which the hardware likes to fetch together: so far apart lies what different threads write. */
export const STRIDE = 32;

const GATE = 0;
const OPEN = 1;
const NEXT_TURN = 2;
const SENDERS: number = STRIDE; // a stride for each sender: its bell, turn, life
const TURN = 1;
const LIFE = 2;

/** At most this many senders are open at once: one bit each, and the sign bit of GATE is taken. */
export const MAX_SENDERS = 31;
/** The line has the first words of the memory, so many. */
export const LINE_WORDS: number = SENDERS + MAX_SENDERS * STRIDE;

const CLOSED = -0x8000_0000; // the sign bit

/** One opening of a sender: its slot, and which of that slot's openings. */
export interface Life {
  readonly slot: number;
  readonly life: number;
}

/** One thread's view of the line. */
export class Line {
  readonly #words: Int32Array;
  readonly #bells: readonly Bell[];

  constructor(words: Int32Array) {
    this.#words = words;
    this.#bells = Array.from({ length: MAX_SENDERS }, (_, slot) => new Bell(words, SENDERS + slot * STRIDE));
  }

  // ── Who is open ────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes a free slot and begins a life in it.
   *
   * @throws RangeError if all are taken
   */
  open(): Life {
    for (let slot = 0; slot < MAX_SENDERS; slot++) {
      const at = lifeOf(slot);
      const life = Atomics.load(this.#words, at);
      if (life < 0 || (life & 1) === 1) continue;
      const next = (life + 1) & 0x7fff_ffff;
      if (Atomics.compareExchange(this.#words, at, life, next) !== life) continue; // against other openers
      Atomics.or(this.#words, OPEN, 1 << slot);
      return { slot, life: next };
    }
    throw new RangeError(`Expected at most ${MAX_SENDERS} open senders: close one first`);
  }

  /** This sender sends nothing more. Comes after its last publish; pairs with `empty`. */
  end({ slot }: Life): void {
    Atomics.and(this.#words, OPEN, ~(1 << slot));
  }

  /** Gives back the slot of a sender that is closed: until here it can be buried. */
  free({ slot, life }: Life): void {
    Atomics.store(this.#words, lifeOf(slot), (life + 1) & 0x7fff_fffe); // the slot may be another sender's now
  }

  /** Begins the burial of a sender whose thread is dead. `false`: its life is over, or somebody else is at it. */
  startBurial({ slot, life }: Life): boolean {
    return Atomics.compareExchange(this.#words, lifeOf(slot), life, -life) === life; // against others that bury
  }

  /** Takes a dead sender off, and wakes everybody: it may have owed them that. */
  finishBurial(life: Life): void {
    Atomics.and(this.#words, GATE, ~(1 << life.slot));
    this.ringAll();
    this.end(life);
  }

  /** No sender is open. */
  get empty(): boolean {
    return Atomics.load(this.#words, OPEN) === 0; // pairs with end
  }

  // ── The gate, and the line before it ───────────────────────────────────────────────────────────────────────────

  /** Negative: the channel is closed. Else one bit for each sender that stands in line; 0 as a rule. */
  get gate(): number {
    return Atomics.load(this.#words, GATE); // pairs with close and join
  }

  /** The channel takes no more messages. */
  close(): void {
    Atomics.or(this.#words, GATE, CLOSED);
    this.ringAll();
  }

  /** Stands in line, behind those who do already. */
  join(slot: number): void {
    this.takeTurn(slot);
    Atomics.or(this.#words, GATE, 1 << slot); // comes before the caller's next look at HEAD; pairs with Ring.advance
  }

  /** Goes behind all others in line. This thread may have been called for what is another's turn now: see Ring.callLine. */
  takeTurn(slot: number): void {
    const turn = Atomics.add(this.#words, NEXT_TURN, 1);
    Atomics.store(this.#words, SENDERS + slot * STRIDE + TURN, turn); // pairs with ahead
  }

  /** Leaves the line. This thread may have been called in vain: see Ring.callLine. */
  leave(slot: number): void {
    Atomics.and(this.#words, GATE, ~(1 << slot)); // pairs with the loads of gate
  }

  /** How many threads stand in line before `slot`: all of them, if it does not stand in line itself. */
  ahead(slot: number, gate: number): number {
    const mine = Atomics.load(this.#words, SENDERS + slot * STRIDE + TURN);
    const inLine = (gate & (1 << slot)) !== 0;
    let count = 0;
    for (let rest = gate & ~(1 << slot); rest !== 0; rest &= rest - 1) {
      const turn = Atomics.load(this.#words, SENDERS + lowest(rest) * STRIDE + TURN); // pairs with takeTurn
      if (!inLine || ((turn - mine) | 0) < 0) count += 1;
    }
    return count;
  }

  /** Wakes who has stood in line for longest, of those who have not been woken yet: they are on their way. */
  callNext(): void {
    let next = -1;
    let oldest = 0;
    for (let rest = Math.max(this.gate, 0); rest !== 0; rest &= rest - 1) {
      const slot = lowest(rest);
      if (this.bell(slot).awake) continue;
      const turn = Atomics.load(this.#words, SENDERS + slot * STRIDE + TURN); // pairs with takeTurn
      if (next >= 0 && ((turn - oldest) | 0) > 0) continue;
      next = slot;
      oldest = turn;
    }
    if (next >= 0) this.bell(next).ringAlways();
  }

  /** Where the thread of sender `slot` parks. */
  bell(slot: number): Bell {
    return this.#bells[slot] ?? new Bell(this.#words, SENDERS + slot * STRIDE);
  }

  /** Wakes all senders, even if they do not seem to be parked: whoever should have woken them may be dead. */
  ringAll(): void {
    for (const bell of this.#bells) bell.ringAlways();
  }
}

function lifeOf(slot: number): number {
  return SENDERS + slot * STRIDE + LIFE;
}

/** The number of the lowest bit that is set. */
function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
