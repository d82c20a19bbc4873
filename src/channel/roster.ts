/**
 * The roster: which senders are open, which of them stand in line, and whether the channel takes messages at all.
 *
 * Each open sender has a number, 0 to 30, so that a set of senders is one word of memory. Numbers are used again: a
 * sender is known by its number and its *life*, which is odd while it is open, and another one with every opening.
 *
 * Senders that find all cells of the ring in use stand in *line*: a bit in GATE and a turn each. One free cell is
 * reserved for each thread in line, oldest turn first, so newcomers cannot starve them and a slow one does not hold up
 * the others.
 *
 * One thread opens or closes a given life, and one thread, which has seen its end, buries it. The gate is closed on the
 * receiver's side.
 */
import { wake, wakeAlways } from './park.js';

/** Words in 128 bytes: two cache lines, which the hardware likes to fetch together. */
export const LINE = 32;

const GATE = 0; // sign bit: closed by the receiver; bit s: sender s stands in line
const OPEN = 1; // bit s: sender s is open
const NEXT_TURN = 2; // turn for the next thread that joins the line
const SENDERS: number = LINE; // one line for each sender: parking word, turn, life
const TURN = 1;
const LIFE = 2; // odd: open. Each opening has another number

/** At most this many senders are open at once: one bit each, and the sign bit of GATE is taken. */
export const MAX_SENDERS = 31;
/** The roster has the first words of the memory, so many. */
export const ROSTER_WORDS: number = SENDERS + MAX_SENDERS * LINE;

/** The numbers of all senders, one bit each. */
export const ALL = 0x7fff_ffff;
const CLOSED = -0x8000_0000; // the sign bit

/** Where a thread parks. */
export interface Bell {
  readonly words: Int32Array;
  readonly at: number;
}

/** One opening of a sender: its number, and which of that number's openings. */
export interface Life {
  readonly slot: number;
  readonly life: number;
}

/** One thread's view of the roster. */
export class Roster {
  readonly #words: Int32Array;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  // ── Who is open ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a free number and begins a life with it. `undefined`: all are open. */
  open(): Life | undefined {
    for (let slot = 0; slot < MAX_SENDERS; slot++) {
      const at = SENDERS + slot * LINE + LIFE;
      const life = Atomics.load(this.#words, at);
      // Against other openers. Only who closes or buries this life makes the number even, and so free, again.
      if ((life & 1) === 1 || Atomics.compareExchange(this.#words, at, life, life + 1) !== life) continue;
      Atomics.or(this.#words, OPEN, 1 << slot);
      return { slot, life: life + 1 };
    }
    return undefined;
  }

  /** This life has neither been closed nor buried. */
  lives({ slot, life }: Life): boolean {
    return Atomics.load(this.#words, SENDERS + slot * LINE + LIFE) === life; // pairs with free
  }

  /** This sender sends nothing more. Comes after its last publish; pairs with `empty`. */
  leave({ slot }: Life): void {
    Atomics.and(this.#words, OPEN, ~(1 << slot));
  }

  /** The same for a dead one, which may stand in line, and may have owed somebody a wake-up. */
  remove({ slot }: Life): void {
    Atomics.and(this.#words, GATE, ~(1 << slot));
    this.wakeAll(ALL, wakeAlways);
    Atomics.and(this.#words, OPEN, ~(1 << slot));
  }

  /** Gives the number back: the last step of closing and of burying, for until here the life can be buried. */
  free({ slot, life }: Life): void {
    Atomics.store(this.#words, SENDERS + slot * LINE + LIFE, life + 1); // the number may be another sender's now
  }

  /** No sender is open. */
  get empty(): boolean {
    return Atomics.load(this.#words, OPEN) === 0; // pairs with leave
  }

  // ── The gate and the line before it ────────────────────────────────────────────────────────────────────────────

  /** Negative: the channel is closed. Else one bit for each sender that stands in line; 0 as a rule. */
  get gate(): number {
    return Atomics.load(this.#words, GATE); // pairs with close and joinLine
  }

  /** The channel takes no more messages. */
  close(): void {
    Atomics.or(this.#words, GATE, CLOSED);
  }

  /** Stands in line for a cell, behind those who do already. */
  joinLine(slot: number): void {
    const turn = Atomics.add(this.#words, NEXT_TURN, 1);
    Atomics.store(this.#words, SENDERS + slot * LINE + TURN, turn);
    Atomics.or(this.#words, GATE, 1 << slot); // comes before the caller's next look at HEAD; pairs with Ring.#pass
  }

  /** Leaves the line. What was reserved for this thread may be somebody's now, so the others look again. */
  leaveLine(slot: number): void {
    const others = Atomics.and(this.#words, GATE, ~(1 << slot)) & ~(1 << slot);
    this.wakeAll(others);
  }

  /** How many threads stand in line before `slot`: all of them, if it does not stand in line itself. */
  ahead(slot: number, gate: number): number {
    const mine = Atomics.load(this.#words, SENDERS + slot * LINE + TURN);
    const inLine = (gate & (1 << slot)) !== 0;
    let count = 0;
    for (let s = 0; s < MAX_SENDERS; s++) {
      if (s === slot || (gate & (1 << s)) === 0) continue;
      const turn = Atomics.load(this.#words, SENDERS + s * LINE + TURN); // pairs with joinLine
      if (!inLine || ((turn - mine) | 0) < 0) count += 1;
    }
    return count;
  }

  // ── Wake-ups ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The word on which sender `slot` parks. */
  bell(slot: number): Bell {
    return { words: this.#words, at: SENDERS + slot * LINE };
  }

  /** Wakes sender `slot`. */
  wake(slot: number): void {
    wake(this.#words, SENDERS + slot * LINE);
  }

  /** Wakes all senders whose bit is set. `wakeAlways`: even if they do not seem to be parked. */
  wakeAll(slots: number, how: typeof wake = wake): void {
    for (let s = 0; s < MAX_SENDERS; s++) {
      if ((slots & (1 << s)) !== 0) how(this.#words, SENDERS + s * LINE);
    }
  }
}
