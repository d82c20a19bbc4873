/**
 * The memory of a channel: what lies where. Who writes it, and when, is said in ring.ts and line.ts.
 *
 *   the line (line.ts) │ constants │ TAIL │ HEAD │ BELL, RECEIVER_THREAD │ cells │ overflow room of each cell
 *
 * Each group is written by other threads than its neighbours, so each has 128 bytes of its own. Two cells share a cache
 * line, so that one transfer between cores brings two messages when they come fast:
 *
 *   word 0      state = lap (24 bits) | owner's slot (5 bits) | phase (3 bits)    Atomics only
 *   word 1      length of the message in bytes                                    plain, published by the state
 *   word 2..7   the message, if it has at most 24 bytes; else it stands in the cell's overflow room
 *
 * A position p, an int32 that wraps, lives in cell `p mod CELLS`, with CELLS the next power of two from the capacity up;
 * `p div CELLS` is its lap.
 */
import { LINE_WORDS, STRIDE } from './line.js';

const CAPACITY: number = LINE_WORDS;
const CELLS: number = LINE_WORDS + 1;
const MAX_BYTES: number = LINE_WORDS + 2;
/** Next position to claim. */
export const TAIL: number = LINE_WORDS + STRIDE;
/** Next position to take. */
export const HEAD: number = LINE_WORDS + 2 * STRIDE;
/** Where the receiver parks. */
export const BELL: number = LINE_WORDS + 3 * STRIDE;
/** `threadId` of the receiver's thread: see ring.ts. */
export const RECEIVER_THREAD: number = BELL + 1;

const FIRST_CELL: number = LINE_WORDS + 4 * STRIDE;
const CELL_WORDS = 8;
const LENGTH = 1;
const PAYLOAD = 2;
const INLINE_BYTES: number = (CELL_WORDS - PAYLOAD) * 4;

/** The phases of a cell: see ring.ts. */
export const Phase = { WRITING: 1, READY: 2, ABORTED: 3 } as const;

/** Thread-local room for one encoded message; both views cover the same memory. */
export interface Scratch {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

/** A message that outlives the encoder's next one. */
export function copyOf(message: Scratch, length: number): Scratch {
  const bytes = new Uint8Array(Math.ceil(length / 4) * 4);
  bytes.set(message.bytes.subarray(0, bytes.length));
  return { bytes, words: new Int32Array(bytes.buffer) };
}

/**
 * Makes the shared memory of a channel. `cells` and `start` (the first position) are for tests: more cells than needed,
 * and positions just below the wrap-around.
 */
export function createMemory(
  capacity: number,
  maxBytes: number,
  cells: number = 2 ** Math.ceil(Math.log2(capacity)),
  start = 0,
): SharedArrayBuffer {
  const bytes = (FIRST_CELL + cells * CELL_WORDS) * 4 + cells * roomFor(maxBytes);
  const shared = new SharedArrayBuffer(bytes);
  const words = new Int32Array(shared, 0, FIRST_CELL);
  words[CAPACITY] = capacity;
  words[CELLS] = cells;
  words[MAX_BYTES] = maxBytes;
  words[TAIL] = start;
  words[HEAD] = start;
  words[RECEIVER_THREAD] = -1;
  const memory = new Memory(shared);
  for (let p = (start - cells) | 0; p !== start; p = (p + 1) | 0) {
    memory.words[memory.cell(p)] = memory.state(p, 0, Phase.ABORTED); // one lap behind
  }
  return shared;
}

function roomFor(maxBytes: number): number {
  return Math.ceil(maxBytes / 8) * 8;
}

/** One thread's view of the memory. */
export class Memory {
  readonly shared: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly capacity: number;
  readonly cells: number;
  readonly maxBytes: number;
  readonly #shift: number;
  readonly #lapMask: number;
  readonly #overflow: Uint8Array[] = [];

  constructor(shared: SharedArrayBuffer) {
    const constants = new Int32Array(shared, 0, TAIL);
    this.shared = shared;
    this.capacity = constants[CAPACITY] ?? 0;
    this.cells = constants[CELLS] ?? 0;
    this.maxBytes = constants[MAX_BYTES] ?? 0;
    this.words = new Int32Array(shared, 0, FIRST_CELL + this.cells * CELL_WORDS);
    this.#shift = Math.log2(this.cells);
    this.#lapMask = Math.min(2 ** (32 - this.#shift) - 1, 0xff_ffff);
  }

  /** Where the cell of position `p` begins. Its first word is its state. */
  cell(p: number): number {
    return FIRST_CELL + (p & (this.cells - 1)) * CELL_WORDS;
  }

  /** The state of a cell in the lap of position `p`. */
  state(p: number, slot: number, phase: number): number {
    return (this.#lap(p) << 8) | (slot << 3) | phase;
  }

  /** A cell in this state has been claimed for position `p`. */
  claimed(p: number, state: number): boolean {
    return state >>> 8 === this.#lap(p);
  }

  /** A cell in this state is one lap behind position `p`. */
  aLapBehind(p: number, state: number): boolean {
    return state >>> 8 === ((this.#lap(p) - 1) & this.#lapMask);
  }

  #lap(p: number): number {
    return (p >>> this.#shift) & this.#lapMask;
  }

  /** Copies a message into the cell of position `p`. */
  copyIn(p: number, message: Scratch, length: number): void {
    const at = this.cell(p);
    this.words[at + LENGTH] = length;
    if (length > INLINE_BYTES) {
      this.#room(p).set(message.bytes.subarray(0, length));
      return;
    }
    const count = (length + 3) >> 2;
    for (let i = 0; i < count; i++) this.words[at + PAYLOAD + i] = message.words[i] ?? 0;
  }

  /** The length of the message at position `p`; never negative, whatever the bytes are. */
  length(p: number): number {
    return (this.words[this.cell(p) + LENGTH] ?? 0) >>> 0;
  }

  /** Copies the message at position `p` out. */
  copyOut(p: number, into: Scratch, length: number): void {
    if (length > INLINE_BYTES) {
      into.bytes.set(this.#room(p).subarray(0, length));
      return;
    }
    const from = this.cell(p) + PAYLOAD;
    const count = (length + 3) >> 2;
    for (let i = 0; i < count; i++) into.words[i] = this.words[from + i] ?? 0;
  }

  /** The overflow room of p's cell. Pages that no long message ever touched cost nothing. */
  #room(p: number): Uint8Array {
    const index = p & (this.cells - 1);
    const start = (FIRST_CELL + this.cells * CELL_WORDS) * 4 + index * roomFor(this.maxBytes);
    this.#overflow[index] ??= new Uint8Array(this.shared, start, this.maxBytes);
    return this.#overflow[index];
  }
}
