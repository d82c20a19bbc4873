/** The form of messages: what encoder and decoder agree on. */

/** The byte before each value, and what follows it. Numbers are little-endian; sizes (in code units) and counts are uint32. */
export const Tag = {
  Constant: 0, // plus its place in CONSTANTS
  Int32: 4,
  Float64: 5,
  Latin1: 6, // size, a byte for each
  Utf16: 7, // size, two bytes for each
  Array: 8, // count, as many values
  Object: 9, // count, as many keys and values in turn
  Clone: 10, // V8's bytes, up to the end of the message
  SyncCall: 11, // `fn`, perhaps `note`, `args`
  AsyncCall: 12,
  Short: 128, // plus a size: Latin1
} as const;
export const CONSTANTS: readonly unknown[] = [undefined, null, false, true];

/** A call of a function in another thread. */
export class Call {
  readonly kind: 'sync' | 'async';
  /** An int32 that stands for the function, or the function's source. */
  readonly fn: number | string;
  readonly args: readonly unknown[];
  /** A text that travels along. */
  readonly note: string | undefined;

  constructor(kind: Call['kind'], fn: Call['fn'], args: Call['args'], note?: string) {
    this.kind = kind;
    this.fn = fn;
    this.args = args;
    this.note = note;
  }
}

/** Memory for one message of at most `maxBytes`, rounded up to a multiple of 8: both arrays show the same. */
export class Scratch {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  protected readonly maxBytes: number;
  protected readonly view: DataView;
  protected readonly buffer: Buffer;

  constructor(maxBytes: number) {
    const memory = new ArrayBuffer(Math.ceil(maxBytes / 8) * 8);
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
    this.maxBytes = maxBytes;
    this.view = new DataView(memory);
    this.buffer = Buffer.from(memory);
  }
}
