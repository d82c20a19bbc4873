/**
 * Values to bytes and back, for messages that cross threads. Works on a scratch buffer of its own; moving the
 * bytes into and out of shared memory is up to the caller.
 *
 * Values arrive as `structuredClone` would bring them, except that
 * - an object referred to twice arrives as two copies, and one that contains itself is refused;
 * - a view on a buffer brings only the bytes it shows, in a buffer of their own;
 * - errors keep their `name`, `code` and `stack`; their other properties are left behind;
 * - instances of unregistered classes are refused. `structuredClone` would silently strip them of their class.
 * Named properties of arrays, symbol keys and property attributes do not cross, as in `structuredClone`.
 */
import { types } from 'node:util';

/**
 * The byte before each value, and what follows it. Numbers are little-endian; a size is one byte, or 255 and then
 * a uint32.
 */
const Tag = {
  Undefined: 0, // nothing
  Null: 1,
  False: 2,
  True: 3,
  Uint8: 4, // the number
  Int32: 5,
  Float64: 6,
  Int64: 7, // a bigint that fits
  Positive: 8, // a bigint that does not: size, magnitude in big-endian
  Negative: 9,
  Latin1: 10, // size, that many code units of one byte
  Utf16: 11, // size, that many code units of two bytes
  Date: 12, // float64, milliseconds
  RegExp: 13, // source, flags
  Binary: 14, // size, index into BINARY_TYPES, the bytes as they lie in memory
  Hole: 15, // stands for a missing element
  End: 16, // ends what has no size
  // From here on values hold values, and count towards the depth.
  Array: 32, // size, that many values
  Object: 33, // key, value, key, value, ... End
  Map: 34, // size, that many keys; Array of as many values
  Set: 35, // as Array
  Error: 36, // index into ERROR_TYPES, then index into ERROR_FIELDS (plus ENUMERABLE), value, ... End
  Wire: 48, // plus the tag of a registered class: what its `write` writes
} as const;

const MAX_DEPTH = 500;
/** Up to here a loop over the characters beats the call into `Buffer`; measured. */
const SHORT_WRITE = 24;
/** What does not fit is still counted, for the error to say by how much; within these bounds, for time's sake. */
const MAX_COUNTED_BYTES = 64 * 1024 * 1024;
const MAX_COUNTED_VALUES = 1024 * 1024;

type BinaryType = new (buffer: ArrayBuffer) => object;
const float16: BinaryType | undefined = Reflect.get(globalThis, 'Float16Array');
const BINARY_TYPES: readonly BinaryType[] = [
  ArrayBuffer as unknown as BinaryType, // Itself, not a view on one.
  ...[DataView, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
  ...(float16 === undefined ? [] : [float16]),
];
/** `Error` comes last: an error is of the first type that it is an instance of. */
const ERROR_TYPES: readonly ErrorConstructor[] = [
  ...[EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError],
  AggregateError as unknown as ErrorConstructor, // Its first argument is the list of errors.
  Error,
];
const AGGREGATE: number = ERROR_TYPES.length - 2;
/** The first three are strings, whatever the error holds; `errors` belongs to AggregateError alone. */
const ERROR_FIELDS = ['name', 'message', 'stack', 'code', 'cause', 'errors'] as const;
const ENUMERABLE = 0x80;

/** How the instances of one class cross. Both threads register it by importing the same module. */
export interface WireClass<C extends object> {
  /** 0 to 15, one per class. */
  readonly tag: number;
  readonly type: abstract new (...args: never[]) => C;
  /** Must let errors of `to.write` pass. */
  write(to: Encoder, value: C): void;
  /** Must read exactly as many values as `write` wrote. */
  read(from: Decoder): C;
}

const wiresByTag: (WireClass<object> | undefined)[] = new Array(16).fill(undefined);
const wiresByPrototype = new Map<unknown, WireClass<object>>();

/** Throws a `RangeError` if the tag is none, and an `Error` if the tag or the class is taken. Subclasses are not included. */
export function registerWireClass<C extends object>(wire: WireClass<C>): void {
  const { tag, type } = wire;
  if (!Number.isInteger(tag) || tag < 0 || tag >= wiresByTag.length) {
    throw new RangeError(`Expected \`tag\` to be an integer from 0 to 15, got ${tag}`);
  }
  if (wiresByTag[tag] !== undefined) throw new Error(`Expected \`tag\` to be free, ${tag} is taken`);
  if (wiresByPrototype.has(type.prototype)) throw new Error(`Expected ${type.name} to be registered once`);
  wiresByTag[tag] = wire;
  wiresByPrototype.set(type.prototype, wire);
}

/** The value, or a value inside it, cannot cross to another thread. */
export class NotSendableError extends TypeError {
  override readonly name = 'NotSendableError';
  readonly code = 'ERR_NOT_SENDABLE';
  /** Where it is, for example `value.user.save`. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super(`${path} ${problem}`);
    this.path = path;
  }
}

/** The encoded value is larger than `maxBytes`. */
export class TaskTooLargeError extends RangeError {
  override readonly name = 'TaskTooLargeError';
  readonly code = 'ERR_TASK_TOO_LARGE';
  /** The size of the value; if the message says "at least", counting stopped here. */
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(bytes: number, maxBytes: number, atLeast = false) {
    const size = atLeast ? `at least ${bytes}` : `${bytes}`;
    super(`Expected at most ${maxBytes} bytes, got ${size}: pass a key or a path, not the payload`);
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** The bytes are not what an `Encoder` writes. */
export class CorruptMessageError extends Error {
  override readonly name = 'CorruptMessageError';
  readonly code = 'ERR_CORRUPT_MESSAGE';
  /** Where the message stood in the channel, if it came through one. */
  position: number | undefined;
}

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

function scratch(maxBytes: number): ArrayBuffer {
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new RangeError(`Expected \`maxBytes\` to be a positive integer, got ${maxBytes}`);
  }
  return new ArrayBuffer(Math.ceil(maxBytes / 8) * 8);
}

export class Encoder {
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

/** For up to 16 characters: a list per length, since `apply` takes all of it. Faster than `Buffer`; measured. */
const characters: readonly number[][] = Array.from({ length: 17 }, (_, n) => new Array(n).fill(0));

/** Where a value is expected, `Hole` and `End` are as wrong as a tag that does not exist. */
function unexpected(tag: number): CorruptMessageError {
  return new CorruptMessageError(`Expected a value, got tag ${tag}`);
}

export class Decoder {
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
    if (tag === Tag.Int64) return this.#view.getBigInt64(this.#take(8), true);
    if (tag === Tag.Positive) return BigInt(`0x${this.#slice('hex', this.#size())}`);
    if (tag === Tag.Negative) return -BigInt(`0x${this.#slice('hex', this.#size())}`);
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
    return index === 0 ? buffer : new type(buffer);
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
      const key = this.#byte();
      const field = ERROR_FIELDS[key & ~ENUMERABLE];
      if (field === undefined) throw new CorruptMessageError(`Expected an error field, got ${key}`);
      const value = (key & ~ENUMERABLE) < 3 ? this.#text() : this.read();
      define(error, field, value, key >= ENUMERABLE);
    }
    return error;
  }
}

/** An own property, even where assigning would run a setter. */
function define(object: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
}
