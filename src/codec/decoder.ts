/** Bytes to values, one at a time. Whatever the bytes are, none beyond the scratch buffer is read. */
import { deserialize } from './clone.js';
import { CorruptMessageError } from './errors.js';
import { Call, CONSTANTS, Scratch, Tag } from './wire.js';

const text16 = String.fromCharCode as (...units: (number | undefined)[]) => string;

export class Decoder extends Scratch {
  #at = 0;
  #end = 0;

  /** Decodes the first `length` bytes. Throws `CorruptMessageError` if they are not one value exactly. */
  decode(length: number): unknown {
    this.#at = 0;
    this.#end = length;
    try {
      const value = this.#value();
      if (this.#at !== length) throw new Error(`Expected its end after ${length} bytes, got ${this.#at}`);
      return value;
    } catch (cause) {
      throw new CorruptMessageError(`Expected a value of ${length} bytes`, { cause });
    }
  }

  #value(): unknown {
    const tag = this.bytes[this.#skip(1)] ?? 127;
    if (tag >= Tag.Short) return this.#latin1(tag - Tag.Short);
    if (tag === Tag.Int32) return this.view.getInt32(this.#skip(4), true);
    if (tag === Tag.Array) return this.#array(this.#size());
    if (tag === Tag.SyncCall) return this.#call('sync');
    if (tag === Tag.AsyncCall) return this.#call('async');
    if (tag === Tag.Object) return this.#object(this.#size());
    if (tag < Tag.Int32) return CONSTANTS[tag];
    if (tag === Tag.Float64) return this.view.getFloat64(this.#skip(8), true);
    if (tag === Tag.Latin1) return this.#slice('latin1', this.#size());
    if (tag === Tag.Utf16) return this.#slice('utf16le', 2 * this.#size());
    if (tag === Tag.Clone)
      return deserialize(this.bytes.subarray(this.#skip(this.#end - this.#at), this.#end));
    throw new Error(`Expected a tag, got ${tag}`);
  }

  #call(kind: Call['kind']): Call {
    const fn = this.#value() as Call['fn'];
    const next = this.#value() as string | unknown[];
    if (typeof next !== 'string') return new Call(kind, fn, next);
    return new Call(kind, fn, this.#value() as unknown[], next);
  }

  #array(count: number): unknown[] {
    const array: unknown[] = count <= 16 ? new Array(count) : [];
    for (let i = 0; i < count; i++) array[i] = this.#value();
    return array;
  }

  #object(count: number): object {
    const object: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) object[this.#value() as string] = this.#value();
    return object;
  }

  /** Up to 16 characters at once beat the call into `Buffer`; measured. */
  #latin1(length: number): string {
    if (length > 16) return this.#slice('latin1', length);
    const b = this.bytes;
    const i = this.#skip(length);
    // biome-ignore format: a row for each eight bytes
    return text16(
      b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7],
      b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13], b[i + 14], b[i + 15],
    ).slice(0, length);
  }

  /** Node.js 24 writes past the end of a UTF-16 string that half a character is left for. */
  #slice(encoding: BufferEncoding, size: number): string {
    if (size > this.#end - this.#at) throw new Error(`Expected ${size} more bytes`);
    return this.buffer.toString(encoding, this.#skip(size), this.#at);
  }

  #size(): number {
    return this.view.getUint32(this.#skip(4), true);
  }

  /** The offset of the next `count` bytes. */
  #skip(count: number): number {
    this.#at += count;
    return this.#at - count;
  }
}
