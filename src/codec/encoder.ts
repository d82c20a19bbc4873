/** Values to bytes, one at a time. */
import { explain, serialize } from './clone.js';
import { TaskTooLargeError } from './errors.js';
import { Call, CONSTANTS, Scratch, Tag } from './wire.js';

/** Up to here a loop over the characters beats the call into `Buffer`; measured. */
const SHORT = 24;
/** Deeper than this is left to V8, which also knows an object that contains itself. */
const MAX_DEPTH = 100;

export class Encoder extends Scratch {
  #at = 0;
  #busy = false;

  /**
   * Encodes `value` into `bytes` from the start and returns the number of bytes. Throws `NotSendableError`,
   * `TaskTooLargeError` or what a getter throws; the encoder can be used again after that.
   */
  encode(value: unknown): number {
    if (this.#busy) throw new Error('Expected `encode` not to be called while it runs, as by a getter');
    const call = value instanceof Call;
    const data = call ? value.args : value;
    this.#busy = true;
    this.#at = 0;
    try {
      if (call) {
        this.#put(value.kind === 'async' ? Tag.AsyncCall : Tag.SyncCall, 0);
        this.#write(value.fn, 0);
        if (value.note !== undefined) this.#string(value.note);
      }
      const start = this.#at;
      if (this.#write(data, 0)) return this.#at;
      const clone = serialize(data);
      this.#at = start;
      this.bytes.set(clone, this.#put(Tag.Clone, clone.length));
      return this.#at;
    } catch (error) {
      throw explain(error, call ? 'args' : 'value', data);
    } finally {
      this.#busy = false;
    }
  }

  /** Returns false if `value` is or holds what is not written by hand. Then the whole must be cloned. */
  #write(value: unknown, depth: number): boolean {
    if (typeof value === 'string') this.#string(value);
    else if (typeof value === 'number') this.#number(value);
    else if (value == null || typeof value === 'boolean') this.#put(CONSTANTS.indexOf(value), 0);
    else return typeof value === 'object' && depth < MAX_DEPTH && this.#object(value, depth + 1);
    return true;
  }

  #object(value: object, depth: number): boolean {
    const prototype: object | null = Object.getPrototypeOf(value);
    if (prototype === Array.prototype && Array.isArray(value)) return this.#array(value, depth);
    if (prototype !== Object.prototype && prototype !== null) return false;
    const keys = Object.keys(value);
    this.view.setUint32(this.#put(Tag.Object, 4), keys.length, true);
    for (const key of keys) {
      this.#string(key);
      // By an assignment of `__proto__` a decoder would set the prototype.
      if (key === '__proto__' || !this.#write((value as Record<string, unknown>)[key], depth)) return false;
    }
    return true;
  }

  #array(array: readonly unknown[], depth: number): boolean {
    const { length } = array;
    this.view.setUint32(this.#put(Tag.Array, 4), length, true);
    for (let i = 0; i < length; i++) {
      const value = array[i];
      if ((value === undefined && !Object.hasOwn(array, i)) || !this.#write(value, depth)) return false;
    }
    return true;
  }

  #number(value: number): void {
    const int = value | 0;
    // Not `===`, which takes -0 for 0.
    if (Object.is(int, value)) this.view.setInt32(this.#put(Tag.Int32, 4), int, true);
    else this.view.setFloat64(this.#put(Tag.Float64, 8), value, true);
  }

  #string(text: string): void {
    const { length } = text;
    if (length <= SHORT) {
      const at = this.#put(Tag.Short + length, length);
      let bits = 0;
      for (let i = 0; i < length; i++) bits |= this.bytes[at + i] = text.charCodeAt(i);
      if (bits <= 0xff) return;
      this.#at = at - 1; // A character needs two bytes.
    }
    const latin1 = length > SHORT && Buffer.byteLength(text) === length;
    const at = this.#put(latin1 ? Tag.Latin1 : Tag.Utf16, 4 + (latin1 ? length : 2 * length));
    this.view.setUint32(at, length, true);
    this.buffer.write(text, at + 4, latin1 ? 'latin1' : 'utf16le');
  }

  /** The tag, and room for `count` bytes after it, of which it returns the offset. */
  #put(tag: number, count: number): number {
    const at = this.#at + 1;
    if (at + count > this.maxBytes) throw new TaskTooLargeError(at + count, this.maxBytes);
    this.bytes[at - 1] = tag;
    this.#at = at + count;
    return at;
  }
}
