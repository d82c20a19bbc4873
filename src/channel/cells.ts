/**
 * Cells of shared memory. A short message lies in its cell, a longer one behind the cells, in room of its own. Pages of
 * that room cost nothing until a message touches them.
 */

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

/** In words: where the first cell begins; how long a cell is; in it, the word with the length of the message that follows. */
export interface Layout {
  readonly first: number;
  readonly size: number;
  readonly length: number;
}

/** Memory for so many cells, and what comes before them. */
export function createCells(count: number, layout: Layout, maxBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer((layout.first + count * layout.size) * 4 + count * roomFor(maxBytes));
}

function roomFor(maxBytes: number): number {
  return Math.ceil(maxBytes / 8) * 8;
}

/** One thread's view of the memory. */
export class Cells {
  readonly shared: SharedArrayBuffer;
  /** All words up to the last cell. */
  readonly words: Int32Array;
  readonly maxBytes: number;
  readonly #layout: Layout;
  /** Where in a cell the message begins. */
  readonly #message: number;
  readonly #inlineBytes: number;
  readonly #rooms: Uint8Array[] = [];

  constructor(shared: SharedArrayBuffer, count: number, layout: Layout, maxBytes: number) {
    this.shared = shared;
    this.words = new Int32Array(shared, 0, layout.first + count * layout.size);
    this.maxBytes = maxBytes;
    this.#layout = layout;
    this.#message = layout.length + 1;
    this.#inlineBytes = (layout.size - this.#message) * 4;
  }

  /** Copies a message into the cell that begins at word `at`. */
  copyIn(at: number, message: Scratch, length: number): void {
    const { words } = this;
    const into = at + this.#message;
    words[into - 1] = length;
    if (length > this.#inlineBytes) this.#room(at).set(message.bytes.subarray(0, length));
    else for (let i = 0; i << 2 < length; i++) words[into + i] = message.words[i] ?? 0;
  }

  /** The length of a cell's message; never negative, whatever the bytes are. */
  lengthAt(at: number): number {
    return (this.words[at + this.#message - 1] ?? 0) >>> 0;
  }

  /** Copies a cell's message out. */
  copyOut(at: number, into: Scratch, length: number): void {
    const { words } = this;
    const from = at + this.#message;
    if (length > this.#inlineBytes) into.bytes.set(this.#room(at).subarray(0, length));
    else for (let i = 0; i << 2 < length; i++) into.words[i] = words[from + i] ?? 0;
  }

  #room(at: number): Uint8Array {
    const index = (at - this.#layout.first) / this.#layout.size;
    const start = this.words.byteLength + index * roomFor(this.maxBytes);
    this.#rooms[index] ??= new Uint8Array(this.shared, start, this.maxBytes);
    return this.#rooms[index];
  }
}
