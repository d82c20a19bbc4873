/** Values to bytes. */
import { types } from 'node:util';
import { Output } from './output.js';
import { builtInName, located, property, Refusal, unsendable } from './refusal.js';
import {
  AGGREGATE,
  BINARY_TYPES,
  ENUMERABLE,
  ERROR_FIELDS,
  ERROR_TYPES,
  MAX_DEPTH,
  OTHER,
  Tag,
  type Writer,
  wiresByPrototype,
} from './wire.js';

const element = (index: number): string => `[${index}]`;
const entry = (index: number): string => `.values[${index}]`;

function errorType(error: Error): number {
  const own = ERROR_TYPES.findIndex((type) => error instanceof type);
  if (own >= 0) return own;
  const foreign = ERROR_TYPES.findIndex((type) => type.name === error.name);
  return foreign >= 0 ? foreign : ERROR_TYPES.length - 1;
}

/** What an error holds in a field that it does not set. */
function inherited(field: string, type: number): unknown {
  if (field === 'name') return ERROR_TYPES[type]?.name;
  return field === 'message' ? '' : undefined;
}

/** Encodes one value at a time into a scratch buffer of its own. */
export class Encoder implements Writer {
  /** Where `encode` writes: `maxBytes` rounded up to a multiple of 8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same memory. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly #out: Output;
  #depth = 0;
  #busy = false;
  /** Inside a property that may be left behind. */
  #optional = false;

  constructor(maxBytes: number) {
    this.#out = new Output(maxBytes);
    this.bytes = this.#out.bytes;
    this.words = new Int32Array(this.bytes.buffer);
  }

  /**
   * Encodes `value` into `bytes` from the start and returns the number of bytes. Throws `NotSendableError`,
   * `TaskTooLargeError` or what a getter throws; the encoder can be used again after that.
   */
  encode(value: unknown): number {
    if (this.#busy) throw new Error('Expected `encode` not to be called while it runs, as by a getter');
    this.#busy = true;
    this.#depth = 0;
    this.#out.start();
    try {
      this.write(value);
    } catch (error) {
      throw error instanceof Refusal ? error.toError() : error;
    } finally {
      this.#busy = false;
    }
    return this.#out.end();
  }

  /** Appends one value; for `WireClass.write` only. */
  write(value: unknown): void {
    if (typeof value === 'string') this.#out.string(value);
    else if (typeof value === 'number') this.#out.number(value);
    else if (value === undefined) this.#out.tag(Tag.Undefined);
    else if (value === null) this.#out.tag(Tag.Null);
    else if (typeof value === 'object') this.#object(value);
    else if (typeof value === 'boolean') this.#out.tag(value ? Tag.True : Tag.False);
    else if (typeof value === 'bigint') this.#out.bigint(value);
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

  #object(value: object): void {
    if (++this.#depth > MAX_DEPTH) {
      throw new Refusal(`is nested more than ${MAX_DEPTH} levels deep: send something flatter`, value);
    }
    const prototype: object | null = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.#plainObject(value);
    else if (prototype === Array.prototype && Array.isArray(value))
      this.#array(Tag.Array, value, value, element);
    else if (!this.#wire(value, prototype)) this.#builtIn(value, prototype);
    this.#depth--;
  }

  #wire(value: object, prototype: object): boolean {
    const wire = wiresByPrototype.get(prototype);
    if (wire === undefined) return false;
    this.#out.tag(Tag.Wire + wire.tag);
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
    this.#out.sized(tag, length, 0);
    let i = 0;
    try {
      for (; i < length; i++) {
        const value = elements[i];
        if (value === undefined && !Object.hasOwn(elements, i)) this.#out.tag(Tag.Hole);
        else this.write(value);
      }
    } catch (error) {
      throw located(error, container, name(i));
    }
  }

  #plainObject(object: object): void {
    this.#out.tag(Tag.Object);
    let key = '';
    try {
      for (key of Object.keys(object)) {
        this.#out.string(key);
        this.write((object as Record<string, unknown>)[key]);
      }
    } catch (error) {
      throw located(error, object, property(key));
    }
    this.#out.tag(Tag.End);
  }

  /** By the class, which must be the built-in one, and by what the value really is: neither tells all. */
  #builtIn(value: object, prototype: object): void {
    const name = builtInName(prototype);
    if (types.isNativeError(value) || value instanceof Error) this.#error(value);
    else if (name === 'Map' && types.isMap(value)) this.#map(value);
    else if (name === 'Set' && types.isSet(value)) this.#array(Tag.Set, [...value], value, entry);
    else if (name === 'Date' && types.isDate(value)) this.#out.float(Tag.Date, value.getTime());
    else if (name === 'RegExp' && types.isRegExp(value)) this.#regExp(value);
    else if (ArrayBuffer.isView(value)) this.#binary(value, value.buffer, prototype);
    else if (types.isAnyArrayBuffer(value)) this.#binary(value, value, prototype);
    else if (name === 'Array' && Array.isArray(value)) this.#array(Tag.Array, value, value, element);
    else if (name === 'Object') this.#plainObject(value);
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
    this.#out.tag(Tag.RegExp);
    this.#out.string(value.source);
    this.#out.string(value.flags);
  }

  #binary(value: ArrayBufferLike | ArrayBufferView, buffer: ArrayBufferLike, prototype: object): void {
    if (types.isSharedArrayBuffer(buffer)) {
      throw new Refusal('is shared memory: hand it over once, with `workerData` or `postMessage`');
    }
    const name = builtInName(prototype);
    const type = BINARY_TYPES.findIndex((type) => type.name === name);
    if (type < 0) throw unsendable(value, prototype);
    let bytes: Uint8Array;
    try {
      const offset = ArrayBuffer.isView(value) ? value.byteOffset : 0;
      bytes = new Uint8Array(buffer, offset, value.byteLength);
    } catch {
      throw new Refusal('is detached: its memory was transferred to somebody else');
    }
    this.#out.binary(type, bytes);
  }

  #error(error: Error): void {
    const type = errorType(error);
    this.#out.tag(Tag.Error);
    this.#out.tag(type);
    const fields: readonly string[] = type === AGGREGATE ? ERROR_FIELDS : ERROR_FIELDS.slice(0, -1);
    for (const [i, field] of fields.entries()) this.#errorField(error, type, i, field);
    for (const key of Object.keys(error)) {
      if (!fields.includes(key)) this.#offer(error, key, OTHER);
    }
    this.#out.tag(Tag.End);
  }

  #errorField(error: Error, type: number, index: number, field: string): void {
    const value: unknown = Reflect.get(error, field);
    // Left out if the type brings it anyway. An inherited `code`, a getter perhaps, is taken along.
    if (!Object.hasOwn(error, field) && value === inherited(field, type)) return;
    const head = Object.prototype.propertyIsEnumerable.call(error, field) ? index | ENUMERABLE : index;
    if (field === 'code') this.#offer(error, field, head);
    else {
      this.#out.tag(head);
      try {
        this.write(index < 3 ? String(value) : value);
      } catch (refusal) {
        throw located(refusal, error, property(field));
      }
    }
  }

  /** What an error holds besides is left behind if it cannot cross, or does not fit: the error itself must get through. */
  #offer(error: Error, key: string, head: number): void {
    const { size } = this.#out;
    const depth = this.#depth;
    const nested = this.#optional;
    this.#optional = true;
    try {
      this.#out.tag(head);
      if (head === OTHER) this.#out.string(key);
      this.write(Reflect.get(error, key));
      if (!nested && !this.#out.fits) this.#out.rewind(size);
    } catch (refusal) {
      // The outermost goes as a whole: what contains itself would be copied until it is too deep.
      if (nested) throw refusal;
      this.#out.rewind(size);
      this.#depth = depth;
    } finally {
      this.#optional = nested;
    }
  }
}
