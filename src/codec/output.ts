/** Tags, sizes and primitives to bytes. */
import { TaskTooLargeError } from './errors.js';
import { scratch, Tag } from './wire.js';

/** Up to here a loop over the characters beats the call into `Buffer`; measured. */
const SHORT_WRITE = 24;
/** What does not fit is still counted, for the error to say by how much; within these bounds, for time's sake. */
const MAX_COUNTED_BYTES = 64 * 1024 * 1024;
const MAX_COUNTED_VALUES = 1024 * 1024;

/** The bytes of one value at a time. */
export class Output {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #buffer: Buffer;
  readonly #view: DataView;
  readonly #maxBytes: number;
  readonly #maxCounted: number;
  #at = 0;
  #unstored = 0;

  constructor(maxBytes: number) {
    const memory = scratch(maxBytes);
    this.bytes = new Uint8Array(memory);
    this.#buffer = Buffer.from(memory);
    this.#view = new DataView(memory);
    this.#maxBytes = maxBytes;
    this.#maxCounted = Math.max(MAX_COUNTED_BYTES, 16 * maxBytes);
  }

  start(): void {
    this.#at = 0;
    this.#unstored = 0;
  }

  get size(): number {
    return this.#at;
  }

  get fits(): boolean {
    return this.#at <= this.#maxBytes;
  }

  /** Forgets what has been written since `size` had this value. */
  rewind(size: number): void {
    this.#at = size;
  }

  /** The size, or a `TaskTooLargeError`. */
  end(): number {
    if (!this.fits) throw new TaskTooLargeError(this.#at, this.#maxBytes);
    return this.#at;
  }

  /** The offset of the next `count` bytes, or -1 if they do not fit and are only counted. */
  #claim(count: number): number {
    const at = this.#at;
    this.#at = at + count;
    if (this.#at <= this.#maxBytes) return at;
    if (this.#at > this.#maxCounted || ++this.#unstored > MAX_COUNTED_VALUES) {
      throw new TaskTooLargeError(this.#at, this.#maxBytes, true);
    }
    return -1;
  }

  tag(tag: number): void {
    const at = this.#claim(1);
    if (at >= 0) this.bytes[at] = tag;
  }

  /** Tag and size, and room for `count` bytes: returns where, or -1 as `#claim` does. */
  sized(tag: number, size: number, count: number): number {
    const head = size < 255 ? 2 : 6;
    const at = this.#claim(head + count);
    if (at < 0) return -1;
    this.bytes[at] = tag;
    this.bytes[at + 1] = Math.min(size, 255);
    if (head > 2) this.#view.setUint32(at + 2, size, true);
    return at + head;
  }

  number(value: number): void {
    const int = value | 0;
    if (!Object.is(int, value)) {
      this.float(Tag.Float64, value); // Not `===`, which takes -0 for 0.
      return;
    }
    const small = int >>> 8 === 0;
    const at = this.#claim(small ? 2 : 5);
    if (at < 0) return;
    this.bytes[at] = small ? Tag.Uint8 : Tag.Int32;
    if (small) this.bytes[at + 1] = int;
    else this.#view.setInt32(at + 1, int, true);
  }

  float(tag: number, value: number): void {
    const at = this.#claim(9);
    if (at < 0) return;
    this.bytes[at] = tag;
    this.#view.setFloat64(at + 1, value, true);
  }

  /** Hexadecimal is the only way in and out of a bigint that takes time proportional to its size. */
  bigint(value: bigint): void {
    this.tag(value < 0n ? Tag.Negative : Tag.Positive);
    this.string((value < 0n ? -value : value).toString(16));
  }

  string(text: string): void {
    if (text.length <= SHORT_WRITE ? this.#storeShort(text) : this.#storeAscii(text)) return;
    const at = this.sized(Tag.Utf16, text.length, 2 * text.length);
    if (at >= 0) this.#buffer.write(text, at, 'utf16le');
  }

  /** Whether it could, because no character needs more than a byte. */
  #storeShort(text: string): boolean {
    // Stored before it is claimed, to look at each character once. Stores past the end of `bytes` are ignored.
    const start = this.#at + 2;
    let bits = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      this.bytes[start + i] = unit;
      bits |= unit;
    }
    if (bits > 0xff) return false;
    this.sized(Tag.Latin1, text.length, text.length);
    return true;
  }

  #storeAscii(text: string): boolean {
    if (Buffer.byteLength(text) !== text.length) return false;
    const at = this.sized(Tag.Latin1, text.length, text.length);
    if (at >= 0) this.#buffer.write(text, at, 'latin1');
    return true;
  }

  binary(type: number, bytes: Uint8Array): void {
    const at = this.sized(Tag.Binary, bytes.length, 1 + bytes.length);
    if (at < 0) return;
    this.bytes[at] = type;
    this.bytes.set(bytes, at + 1);
  }
}
