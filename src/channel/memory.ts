/**
 * The memory of a channel: what lies where, and the states of a cell. Who takes which step is said in ring.ts.
 *
 *   constants │ TAIL │ TAKEN │ BELL, RECEIVER_THREAD │ CALLS, COMERS │ OPEN, OPENINGS │ cells │ long messages
 *
 *   word              meaning                                          written by
 *   TAIL              next position to claim, CLOSED, WAITS            senders, +1 each; who closes, waits, calls or buries
 *   TAKEN             how many positions have left (64 bits, plain)    the receiver, for its successor, and for `length`
 *   BELL              the receiver is parked: see park.ts              the receiver; who wakes it
 *   RECEIVER_THREAD   `threadId` of the receiver, -1: none             who attaches or shares the receiver
 *   CALLS, COMERS     who waits for room: see waiting.ts               who calls; who comes to wait
 *   OPEN, OPENINGS    which seats are taken: see seats.ts              who opens, closes or buries a sender
 *
 * Each group is written by other threads than its neighbours, so each has 128 bytes of its own: two cache lines, which
 * the hardware likes to fetch together. A cell has one cache line:
 *
 *   word 0      lap (25 bits) | seat of the sender (5 bits) | phase (2 bits)     Atomics only
 *   word 1      length of the message in bytes                                   plain, published by word 0
 *   word 2..15  the message, if it has at most 56 bytes; else it stands behind the cells, in room of its own
 *
 * Positions count messages, modulo `limit`. Position p lives in cell `p mod capacity`, in lap `p div capacity`; there are
 * as many laps as 25 bits can count and 30 bits of positions can hold.
 */

import { Cells, createCells, type Layout } from './cells.js';

/** Words in 128 bytes. */
const STRIDE = 32;
const CAPACITY = 0;
const MAX_BYTES = 1;
export const TAIL: number = STRIDE;
const TAKEN: number = STRIDE; // in 64-bit words
export const BELL: number = 3 * STRIDE;
export const RECEIVER_THREAD: number = BELL + 1;
export const CALLS: number = 4 * STRIDE;
export const COMERS: number = CALLS + 1;
export const OPEN: number = 5 * STRIDE;
/** One word for each seat. */
export const OPENINGS: number = OPEN + 1;
const CELLS: number = 6 * STRIDE;

const CELL_WORDS = 16;
const LAYOUT: Layout = { first: CELLS, size: CELL_WORDS, length: 1 };

/** The phases of a cell: see ring.ts. */
export const Phase = { FREE: 0, WRITING: 1, READY: 2, ABORTED: 3 } as const;
export const PHASE_MASK = 3;
/** Phase and seat of a cell's state. */
export const BELOW_LAP = 0x7f;

/** In TAIL, below the position: a sender waits for room; nothing is sent any more. */
export const WAITS = 1;
export const CLOSED = 2;
export const FLAGS: number = WAITS | CLOSED;

/** Makes the shared memory of a channel. `start`, the first position, is for tests: just below the wrap-around. */
export function createMemory(capacity: number, maxBytes: number, start = 0): SharedArrayBuffer {
  const shared = createCells(capacity, LAYOUT, maxBytes);
  const words = new Int32Array(shared, 0, CELLS);
  words[CAPACITY] = capacity;
  words[MAX_BYTES] = maxBytes;
  words[RECEIVER_THREAD] = -1;
  const memory = new Memory(shared);
  const first = ((start % memory.limit) + memory.limit) % memory.limit;
  words[TAIL] = first << 2;
  memory.taken = first;
  for (let n = 0, p = first; n < capacity; n++, p = memory.next(p))
    memory.words[memory.cell(p)] = memory.free(p);
  return shared;
}

/** One thread's view of the memory. */
export class Memory extends Cells {
  readonly capacity: number;
  /** Positions are below this. */
  readonly limit: number;
  readonly #laps: number;
  readonly #counts: Float64Array;

  constructor(shared: SharedArrayBuffer) {
    const constants = new Int32Array(shared, 0, TAIL);
    const capacity = constants[CAPACITY] ?? 1;
    super(shared, capacity, LAYOUT, constants[MAX_BYTES] ?? 0);
    this.capacity = capacity;
    this.#laps = Math.min(2 ** 25, Math.floor(2 ** 30 / this.capacity));
    this.limit = this.capacity * this.#laps;
    this.#counts = new Float64Array(shared, 0, CELLS / 2);
  }

  /** The position after p. */
  next(p: number): number {
    return p + 1 === this.limit ? 0 : p + 1;
  }

  /** How far position p is ahead of position `from`. */
  ahead(p: number, from: number): number {
    return p >= from ? p - from : p - from + this.limit;
  }

  /** Where the cell of position p begins: its state. */
  cell(p: number): number {
    return CELLS + (p % this.capacity) * CELL_WORDS;
  }

  /** The state of p's cell when p may be claimed. Any state of the lap is this one, with seat and phase added. */
  free(p: number): number {
    return ((p / this.capacity) | 0) << 7;
  }

  /** The free state of the next lap: what a cell is in after it has been taken. */
  freed(free: number): number {
    return free >>> 7 === this.#laps - 1 ? 0 : (free + (1 << 7)) | 0;
  }

  /** A cell in this state still belongs to the lap before that of the free state. */
  isLapBefore(state: number, free: number): boolean {
    return state >>> 7 === (free === 0 ? this.#laps : free >>> 7) - 1;
  }

  /** How many positions have left the channel since it was made. Never wraps. */
  get taken(): number {
    return this.#counts[TAKEN] ?? 0;
  }

  set taken(count: number) {
    this.#counts[TAKEN] = count;
  }

  /** `threadId` of the thread that receives, also when it is dead, until another attaches; -1 after `share`. */
  get receiverThread(): number {
    return Atomics.load(this.words, RECEIVER_THREAD);
  }

  set receiverThread(threadId: number) {
    Atomics.store(this.words, RECEIVER_THREAD, threadId);
  }
}
