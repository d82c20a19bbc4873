/** The form of encoded values: what encoder and decoder agree on. */

/**
 * The byte before each value, and what follows it. Numbers are little-endian; a size is one byte, or 255 and then
 * a uint32.
 */
export const Tag = {
  Undefined: 0, // nothing
  Null: 1,
  False: 2,
  True: 3,
  Uint8: 4, // the number
  Int32: 5,
  Float64: 6,
  Positive: 8, // a bigint: its magnitude in hexadecimal, as a string
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
  Error: 36, // index into ERROR_TYPES; then index into ERROR_FIELDS (plus ENUMERABLE) or OTHER and a key, value, ... End
  Wire: 48, // plus the tag of a registered class: what its `write` writes
} as const;

/** How deep values may be nested. */
export const MAX_DEPTH = 500;

/** A class whose instances are bytes, and how to make one of a buffer of its own. */
export interface BinaryType {
  readonly name: string;
  readonly of: (buffer: ArrayBuffer) => object;
}
const float16: (new (buffer: ArrayBuffer) => object) | undefined = Reflect.get(globalThis, 'Float16Array');
const views = [
  ...[DataView, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
  ...(float16 === undefined ? [] : [float16]),
];
/** In the order of their numbers. */
export const BINARY_TYPES: readonly BinaryType[] = [
  { name: 'ArrayBuffer', of: (buffer) => buffer },
  { name: 'Buffer', of: (buffer) => Buffer.from(buffer) },
  ...views.map((View) => ({ name: View.name, of: (buffer: ArrayBuffer) => new View(buffer) })),
];

/** An error is of the first type that it is an instance of: `Error` comes last. */
export const ERROR_TYPES: readonly ErrorConstructor[] = [
  ...[EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError],
  DOMException as unknown as ErrorConstructor,
  AggregateError as unknown as ErrorConstructor, // Its first argument is the list of errors.
  Error,
];
export const AGGREGATE: number = ERROR_TYPES.length - 2;
/** The first three are strings, whatever the error holds; `errors` belongs to AggregateError alone. */
export const ERROR_FIELDS = ['name', 'message', 'stack', 'code', 'cause', 'errors'] as const;
/** Added to the number of an error's field. */
export const ENUMERABLE = 0x80;
/** In place of the number: a property that an error has besides. */
export const OTHER: number = ERROR_FIELDS.length;

/** Appends values: an `Encoder`, as the `write` of a class sees it. */
export interface Writer {
  write(value: unknown): void;
  writeNamed(name: string, value: unknown): void;
}

/** Takes values: a `Decoder`, as the `read` of a class sees it. */
export interface Reader {
  read(): unknown;
}

/** How the instances of one class cross. Both threads register it by importing the same module. */
export interface WireClass<C extends object> {
  /** 0 to 15, one per class. */
  readonly tag: number;
  readonly type: abstract new (...args: never[]) => C;
  /** Must let errors of `to.write` pass. */
  write(to: Writer, value: C): void;
  /** Must read exactly as many values as `write` wrote. */
  read(from: Reader): C;
}

/** The registered classes, by their tag. */
export const wiresByTag: (WireClass<object> | undefined)[] = new Array(16).fill(undefined);
/** And by their prototype. */
export const wiresByPrototype: Map<unknown, WireClass<object>> = new Map<unknown, WireClass<object>>();

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

/** Memory for one encoded value of at most `maxBytes`. */
export function scratch(maxBytes: number): ArrayBuffer {
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new RangeError(`Expected \`maxBytes\` to be a positive integer, got ${maxBytes}`);
  }
  return new ArrayBuffer(Math.ceil(maxBytes / 8) * 8);
}
