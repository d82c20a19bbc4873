/** Bytes to values. Whatever the bytes are, it reads none beyond their end, and needs no memory that they do not account for. */
import { CorruptMessageError } from './errors.js';
import {
  AGGREGATE,
  BINARY_TYPES,
  ENUMERABLE,
  ERROR_FIELDS,
  ERROR_TYPES,
  MAX_DEPTH,
  OTHER,
  type Reader,
  scratch,
  Tag,
  wiresByTag,
} from './wire.js';

/** For up to 16 characters: a list per length, since `apply` takes all of it. Faster than `Buffer`; measured. */
const characters: readonly number[][] = Array.from({ length: 17 }, (_, n) => new Array(n).fill(0));

/** Where a value is expected, `Hole` and `End` are as wrong as a tag that does not exist. */
function unexpected(tag: number): CorruptMessageError {
  return new CorruptMessageError(`Expected a value, got tag ${tag}`);
}

/** Decodes one value at a time from a scratch buffer of its own. */
export class Decoder implements Reader {
  /** Where `decode` reads: `maxBytes` rounded up to a multiple of 8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same memory. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly #buffer: Buffer;
  readonly #view: DataView;
  #at = 0;
  #end = 0;
  #depth = 0;

  constructor(maxBytes: number) {
    const memory = scratch(maxBytes);
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
    this.#buffer = Buffer.from(memory);
    this.#view = new DataView(memory);
  }

  /** Decodes the first `length` bytes. Throws `CorruptMessageError` if they are not one value exactly. */
  decode(length: number): unknown {
    if (!Number.isInteger(length) || length < 0 || length > this.bytes.length) {
      throw new CorruptMessageError(`Expected a length up to ${this.bytes.length}, got ${length}`);
    }
    this.#at = 0;
    this.#end = length;
    this.#depth = 0;
    let value: unknown;
    try {
      value = this.read();
    } catch (error) {
      if (error instanceof CorruptMessageError) throw error;
      // A constructor was given what it cannot take, such as an impossible pattern or half a float.
      throw new CorruptMessageError('Expected the bytes of a value', { cause: error });
    }
    if (this.#at !== length) throw new CorruptMessageError(`Expected ${length} bytes, got ${this.#at}`);
    return value;
  }

  /** Takes one value; for `WireClass.read` only. */
  read(): unknown {
    const tag = this.#byte();
    if (tag === Tag.Latin1) return this.#latin1(this.#size());
    if (tag === Tag.Uint8) return this.#byte();
    if (tag === Tag.Int32) return this.#view.getInt32(this.#take(4), true);
    if (tag >= Tag.Array) return this.#nested(tag);
    if (tag === Tag.Undefined) return undefined;
    if (tag === Tag.Null) return null;
    if (tag === Tag.False) return false;
    if (tag === Tag.True) return true;
    if (tag === Tag.Float64) return this.#view.getFloat64(this.#take(8), true);
    return this.#rare(tag);
  }

  #rare(tag: number): unknown {
    if (tag === Tag.Utf16) return this.#slice('utf16le', 2 * this.#size());
    if (tag === Tag.Positive) return BigInt(`0x${this.#text()}`);
    if (tag === Tag.Negative) return -BigInt(`0x${this.#text()}`);
    if (tag === Tag.Date) return new Date(this.#view.getFloat64(this.#take(8), true));
    if (tag === Tag.RegExp) return new RegExp(this.#text(), this.#text());
    if (tag === Tag.Binary) return this.#binary(this.#size());
    throw unexpected(tag);
  }

  #nested(tag: number): unknown {
    if (++this.#depth > MAX_DEPTH) throw new CorruptMessageError(`Expected at most ${MAX_DEPTH} levels`);
    const value = this.#container(tag);
    this.#depth--;
    return value;
  }

  #container(tag: number): unknown {
    if (tag === Tag.Array) return this.#array();
    if (tag === Tag.Object) return this.#plainObject();
    if (tag === Tag.Map) return this.#map();
    if (tag === Tag.Set) return new Set(this.#array());
    if (tag === Tag.Error) return this.#error();
    const wire = wiresByTag[tag - Tag.Wire];
    if (wire === undefined) throw unexpected(tag);
    return wire.read(this);
  }

  /** The offset of the next `count` bytes. */
  #take(count: number): number {
    const at = this.#at;
    if (count > this.#end - at) throw new CorruptMessageError(`Expected ${count} more bytes`);
    this.#at = at + count;
    return at;
  }

  #byte(): number {
    return this.bytes[this.#take(1)] ?? 0;
  }

  #size(): number {
    const size = this.#byte();
    return size < 255 ? size : this.#view.getUint32(this.#take(4), true);
  }

  /** Takes `tag` if it comes next. */
  #accept(tag: number): boolean {
    if (this.#at >= this.#end || this.bytes[this.#at] !== tag) return false;
    this.#at++;
    return true;
  }

  #latin1(length: number): string {
    const list = characters[length];
    if (list === undefined) return this.#slice('latin1', length);
    const at = this.#take(length);
    for (let i = 0; i < length; i++) list[i] = this.bytes[at + i] ?? 0;
    return String.fromCharCode.apply(null, list);
  }

  #slice(encoding: BufferEncoding, count: number): string {
    const at = this.#take(count);
    return this.#buffer.toString(encoding, at, at + count);
  }

  #text(): string {
    const text = this.read();
    if (typeof text !== 'string') throw new CorruptMessageError(`Expected a string, got ${typeof text}`);
    return text;
  }

  #binary(size: number): object {
    const index = this.#byte();
    const at = this.#take(size);
    const { buffer } = this.bytes.slice(at, at + size);
    const type = BINARY_TYPES[index];
    if (type === undefined) throw new CorruptMessageError(`Expected a binary type, got ${index}`);
    return type.of(buffer);
  }

  #array(): unknown[] {
    const length = this.#size();
    // A longer one grows as its elements turn up: a length that lies must not get its memory first.
    const array: unknown[] = length <= 16 ? new Array(length) : [];
    for (let i = 0; i < length; i++) {
      if (!this.#accept(Tag.Hole)) array[i] = this.read();
    }
    if (array.length !== length) array.length = length; // Trailing holes.
    return array;
  }

  #plainObject(): object {
    const object: Record<string, unknown> = {};
    while (!this.#accept(Tag.End)) {
      const key = this.#text();
      const value = this.read();
      if (key === '__proto__') define(object, key, value, true);
      else object[key] = value;
    }
    return object;
  }

  #map(): Map<unknown, unknown> {
    const keys = this.#array();
    const tag = this.#byte();
    const values = this.#array();
    if (tag !== Tag.Array || keys.length !== values.length) throw new CorruptMessageError('Expected entries');
    return new Map(keys.map((key, i) => [key, values[i]]));
  }

  #error(): Error {
    const index = this.#byte();
    const type = ERROR_TYPES[index];
    if (type === undefined) throw new CorruptMessageError(`Expected an error type, got ${index}`);
    const error = index === AGGREGATE ? new AggregateError([]) : new type();
    define(error, 'stack', undefined, false); // Ours would mislead.
    while (!this.#accept(Tag.End)) {
      const head = this.#byte();
      const field = head === OTHER ? this.#text() : ERROR_FIELDS[head & ~ENUMERABLE];
      if (field === undefined) throw new CorruptMessageError(`Expected an error field, got ${head}`);
      const value = (head & ~ENUMERABLE) < 3 ? this.#text() : this.read();
      define(error, field, value, head >= OTHER);
    }
    return error;
  }
}

/** An own property, even where assigning would run a setter. */
function define(object: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
}
