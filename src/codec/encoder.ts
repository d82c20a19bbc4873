/** Values to bytes. */
import { types } from 'node:util';
import {
  AGGREGATE,
  BINARY_TYPES,
  ENUMERABLE,
  ERROR_FIELDS,
  ERROR_TYPES,
  MAX_DEPTH,
  NotSendableError,
  scratch,
  Tag,
  TaskTooLargeError,
  type Writer,
  wiresByPrototype,
} from './wire.js';

/** Up to here a loop over the characters beats the call into `Buffer`; measured. */
const SHORT_WRITE = 24;
/** What does not fit is still counted, for the error to say by how much; within these bounds, for time's sake. */
const MAX_COUNTED_BYTES = 64 * 1024 * 1024;
const MAX_COUNTED_VALUES = 1024 * 1024;

/**
 * On its way from a value that cannot cross up to `encode`; each container that it passes puts its part before the
 * path. So no path is kept while all goes well.
 */
class Refusal {
  path = '';
  complete = false;
  problem: string;
  readonly #tooDeep: object | undefined;
  #loop = '';

  constructor(problem: string, tooDeep?: object) {
    this.problem = problem;
    this.#tooDeep = tooDeep;
  }

  within(container: object, segment: string): this {
    if (this.complete) return this;
    this.path = segment + this.path;
    if (container === this.#tooDeep) {
      // Nested without end because it contains itself. Once around is all that the path needs to show.
      this.#loop ||= this.path;
      this.path = this.#loop;
      this.problem = 'refers back to an object that contains it: send a tree, or ids in place of references';
    }
    return this;
  }

  toError(): NotSendableError {
    const path = this.complete ? this.path : `value${this.path}`;
    const short = path.length <= 240 ? path : `${path.slice(0, 120)} … ${path.slice(-120)}`;
    return new NotSendableError(short, this.problem);
  }
}

function located(error: unknown, container: object, segment: string): unknown {
  return error instanceof Refusal ? error.within(container, segment) : error;
}

function property(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

const element = (index: number): string => `[${index}]`;
const entry = (index: number): string => `.values[${index}]`;

function unsendable(value: object, prototype: object): Refusal {
  if (types.isPromise(value)) return new Refusal('is a promise: await it and send what it gives');
  if (types.isBoxedPrimitive(value))
    return new Refusal('is a boxed primitive: send the primitive, `valueOf()`');
  const name: unknown = prototype.constructor?.name;
  const what = typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an instance of a class';
  return new Refusal(`is ${what}: send a plain object with its data`);
}

/** Tells the `Object.prototype` of another realm, such as a `vm` context, from other objects without prototype. */
function isForeignObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function errorType(error: Error): number {
  const own = ERROR_TYPES.findIndex((type) => error instanceof type);
  if (own >= 0) return own;
  const foreign = ERROR_TYPES.findIndex((type) => type.name === error.name);
  return foreign >= 0 ? foreign : ERROR_TYPES.length - 1;
}

/** Encodes one value at a time into a scratch buffer of its own. */
export class Encoder implements Writer {
  /** Where `encode` writes: `maxBytes` rounded up to a multiple of 8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same memory. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly #buffer: Buffer;
  readonly #view: DataView;
  readonly #maxBytes: number;
  readonly #maxCounted: number;
  #at = 0;
  #depth = 0;
  #unstored = 0;
  #busy = false;

  constructor(maxBytes: number) {
    const memory = scratch(maxBytes);
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
    this.#buffer = Buffer.from(memory);
    this.#view = new DataView(memory);
    this.#maxBytes = maxBytes;
    this.#maxCounted = Math.max(MAX_COUNTED_BYTES, 16 * maxBytes);
  }

  /**
   * Encodes `value` into `bytes` from the start and returns the number of bytes. Throws `NotSendableError`,
   * `TaskTooLargeError` or what a getter throws; the encoder can be used again after that.
   */
  encode(value: unknown): number {
    if (this.#busy) throw new Error('Expected `encode` not to be called while it runs, as by a getter');
    this.#busy = true;
    this.#at = 0;
    this.#depth = 0;
    this.#unstored = 0;
    try {
      this.write(value);
    } catch (error) {
      throw error instanceof Refusal ? error.toError() : error;
    } finally {
      this.#busy = false;
    }
    if (this.#at > this.#maxBytes) throw new TaskTooLargeError(this.#at, this.#maxBytes);
    return this.#at;
  }

  /** Appends one value; for `WireClass.write` only. */
  write(value: unknown): void {
    if (typeof value === 'string') this.#string(value);
    else if (typeof value === 'number') this.#number(value);
    else if (value === undefined) this.#tag(Tag.Undefined);
    else if (value === null) this.#tag(Tag.Null);
    else if (typeof value === 'object') this.#object(value);
    else if (typeof value === 'boolean') this.#tag(value ? Tag.True : Tag.False);
    else if (typeof value === 'bigint') this.#bigint(value);
    else if (typeof value === 'symbol') throw new Refusal('is a symbol: send a string');
    else throw new Refusal('is a function: send the data it needs, and let the task import it');
  }

  /** As `write`; a path in an error then begins with `name`, in place of `value`. */
  writeNamed(name: string, value: unknown): void {
    try {
      this.write(value);
    } catch (error) {
      if (error instanceof Refusal && !error.complete) {
        error.path = name + error.path;
        error.complete = true;
      }
      throw error;
    }
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

  #tag(tag: number): void {
    const at = this.#claim(1);
    if (at >= 0) this.bytes[at] = tag;
  }

  /** Tag and size, and room for `count` bytes: returns where, or -1 as `#claim` does. */
  #sized(tag: number, size: number, count: number): number {
    const head = size < 255 ? 2 : 6;
    const at = this.#claim(head + count);
    if (at < 0) return -1;
    this.bytes[at] = tag;
    this.bytes[at + 1] = Math.min(size, 255);
    if (head > 2) this.#view.setUint32(at + 2, size, true);
    return at + head;
  }

  #number(value: number): void {
    const int = value | 0;
    if (!Object.is(int, value)) {
      this.#float(Tag.Float64, value); // Not `===`, which takes -0 for 0.
      return;
    }
    const small = int >>> 8 === 0;
    const at = this.#claim(small ? 2 : 5);
    if (at < 0) return;
    this.bytes[at] = small ? Tag.Uint8 : Tag.Int32;
    if (small) this.bytes[at + 1] = int;
    else this.#view.setInt32(at + 1, int, true);
  }

  #float(tag: number, value: number): void {
    const at = this.#claim(9);
    if (at < 0) return;
    this.bytes[at] = tag;
    this.#view.setFloat64(at + 1, value, true);
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      const at = this.#claim(9);
      if (at < 0) return;
      this.bytes[at] = Tag.Int64;
      this.#view.setBigInt64(at + 1, value, true);
    } else {
      // Hexadecimal is the only way in and out of a bigint that takes time proportional to its size.
      const digits = (value < 0n ? -value : value).toString(16);
      const size = Math.ceil(digits.length / 2);
      const at = this.#sized(value < 0n ? Tag.Negative : Tag.Positive, size, size);
      if (at >= 0) this.#buffer.write(digits.padStart(2 * size, '0'), at, 'hex');
    }
  }

  #string(text: string): void {
    if (text.length <= SHORT_WRITE ? this.#storeShort(text) : this.#storeAscii(text)) return;
    const at = this.#sized(Tag.Utf16, text.length, 2 * text.length);
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
    this.#sized(Tag.Latin1, text.length, text.length);
    return true;
  }

  #storeAscii(text: string): boolean {
    if (Buffer.byteLength(text) !== text.length) return false;
    const at = this.#sized(Tag.Latin1, text.length, text.length);
    if (at >= 0) this.#buffer.write(text, at, 'latin1');
    return true;
  }

  #object(value: object): void {
    if (++this.#depth > MAX_DEPTH) {
      throw new Refusal(`is nested more than ${MAX_DEPTH} levels deep: send something flatter`, value);
    }
    const prototype: object | null = Object.getPrototypeOf(value);
    if (Array.isArray(value)) this.#array(Tag.Array, value, value, element);
    else if (prototype === Object.prototype || prototype === null) this.#plainObject(value);
    else if (!this.#wire(value, prototype)) this.#builtIn(value, prototype);
    this.#depth--;
  }

  #wire(value: object, prototype: object): boolean {
    const wire = wiresByPrototype.get(prototype);
    if (wire === undefined) return false;
    this.#tag(Tag.Wire + wire.tag);
    wire.write(this, value);
    return true;
  }

  /** The elements of an array, a map or a set; `name` says how the path calls one. */
  #array(
    tag: number,
    elements: readonly unknown[],
    container: object,
    name: (index: number) => string,
  ): void {
    const { length } = elements;
    this.#sized(tag, length, 0);
    let i = 0;
    try {
      for (; i < length; i++) {
        const value = elements[i];
        if (value === undefined && !Object.hasOwn(elements, i)) this.#tag(Tag.Hole);
        else this.write(value);
      }
    } catch (error) {
      throw located(error, container, name(i));
    }
  }

  #plainObject(object: object): void {
    this.#tag(Tag.Object);
    let key = '';
    try {
      for (key of Object.keys(object)) {
        this.#string(key);
        this.write((object as Record<string, unknown>)[key]);
      }
    } catch (error) {
      throw located(error, object, property(key));
    }
    this.#tag(Tag.End);
  }

  #builtIn(value: object, prototype: object): void {
    if (types.isMap(value)) this.#map(value);
    else if (types.isSet(value)) this.#array(Tag.Set, [...value], value, entry);
    else if (types.isDate(value)) this.#float(Tag.Date, value.getTime());
    else if (types.isRegExp(value)) this.#regExp(value);
    else if (types.isNativeError(value) || value instanceof Error) this.#error(value);
    else if (ArrayBuffer.isView(value)) this.#binary(value, value.buffer, value.byteOffset);
    else if (types.isAnyArrayBuffer(value)) this.#binary(value, value, 0);
    else if (isForeignObjectPrototype(prototype)) this.#plainObject(value);
    else throw unsendable(value, prototype);
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    // Both taken at once, since a getter in one could change the map.
    const keys = [...map.keys()];
    const values = [...map.values()];
    this.#array(Tag.Map, keys, map, (i) => `.keys[${i}]`);
    this.#array(Tag.Array, values, map, (i) => {
      const key = keys[i];
      return typeof key === 'string' ? `.get(${JSON.stringify(key)})` : entry(i);
    });
  }

  #regExp(value: RegExp): void {
    this.#tag(Tag.RegExp);
    this.#string(value.source);
    this.#string(value.flags);
  }

  #error(error: Error): void {
    const type = errorType(error);
    this.#tag(Tag.Error);
    this.#tag(type);
    const fields = type === AGGREGATE ? ERROR_FIELDS : ERROR_FIELDS.slice(0, -1);
    for (const [i, field] of fields.entries()) {
      const value: unknown = Reflect.get(error, field);
      // Left out if the type brings it anyway. An inherited `code`, a getter perhaps, is taken along.
      if (!Object.hasOwn(error, field) && value === Reflect.get(ERROR_TYPES[type]?.prototype ?? {}, field))
        continue;
      this.#tag(Object.prototype.propertyIsEnumerable.call(error, field) ? i | ENUMERABLE : i);
      try {
        this.write(i < 3 ? String(value) : value);
      } catch (refusal) {
        throw located(refusal, error, property(field));
      }
    }
    this.#tag(Tag.End);
  }

  #binary(value: ArrayBufferLike | ArrayBufferView, buffer: ArrayBufferLike, offset: number): void {
    if (types.isSharedArrayBuffer(buffer)) {
      throw new Refusal('is shared memory: hand it over once, with `workerData` or `postMessage`');
    }
    // By tag, which is the same for a subclass such as Buffer and for a view of another realm.
    const name: unknown = Reflect.get(value, Symbol.toStringTag);
    const type = BINARY_TYPES.findIndex((type) => type.name === name);
    if (type < 0) throw unsendable(value, Object.getPrototypeOf(value));
    const length = value.byteLength;
    const at = this.#sized(Tag.Binary, length, 1 + length);
    if (at < 0) return;
    this.bytes[at] = type;
    if (length > 0) this.bytes.set(new Uint8Array(buffer, offset, length), at + 1);
  }
}
