/**
 * The shared memories of a scenario, as the machine has them: one after the other in one array of words. Every change is
 * noted, for a hash of all of it, and so that it can be taken back. Threads see them through views, which look like typed
 * arrays, and ask for each access.
 */
import type { Thread } from './thread.js';

type Kind = typeof Int32Array | typeof Float64Array | typeof Uint8Array;

/** Where a view of 32-bit words begins, as a number of a word. */
export const BEGIN = Symbol('begin');

export class Shared {
  readonly words: Int32Array;
  /** Two hashes of all words. */
  hash1 = 0;
  hash2 = 0;
  /** Where each memory begins, in words. */
  readonly #begins = new Map<unknown, number>();
  /** A word and what it was, in turn. */
  readonly #changes: number[] = [];

  constructor(memories: readonly SharedArrayBuffer[]) {
    let length = 0;
    for (const memory of memories) {
      this.#begins.set(memory, length);
      length += Math.ceil(memory.byteLength / 8) * 2;
    }
    this.words = new Int32Array(length);
    for (const memory of memories) this.words.set(new Int32Array(memory), this.begin(memory));
  }

  /** The number of the first word of a memory. */
  begin(memory: SharedArrayBuffer): number {
    return this.#begins.get(memory) ?? Number.NaN;
  }

  load(at: number): number {
    return this.words[at] ?? 0;
  }

  store(at: number, now: number): void {
    const before = this.load(at);
    this.words[at] = now;
    this.#changed(at, before);
  }

  #changed(at: number, before: number): void {
    if (this.load(at) === before) return;
    this.#note(at, before, this.load(at));
    this.#changes.push(at, before);
  }

  #note(at: number, before: number, now: number): void {
    this.hash1 = (this.hash1 + mix(at, now) - mix(at, before)) | 0;
    this.hash2 = (this.hash2 + mix(now, at) - mix(before, at)) | 0;
  }

  /** To be given to {@link takeBack}. */
  get mark(): number {
    return this.#changes.length;
  }

  takeBack(mark: number): void {
    const changes = this.#changes;
    while (changes.length > mark) {
      const before = changes.pop() as number;
      const at = changes.pop() as number;
      this.#note(at, this.load(at), before);
      this.words[at] = before;
    }
  }

  /** What `thread` gets for `new kind(source, offset, length)`: a view, if the source is shared. */
  view(kind: Kind, source: SharedArrayBuffer, offset: number, length: number, thread: Thread): object {
    const begin = this.#begins.get(source);
    if (begin === undefined) return new kind(source as unknown as ArrayBuffer, offset, length);
    const count = length ?? (source.byteLength - (offset ?? 0)) / kind.BYTES_PER_ELEMENT;
    const numbers = new kind(this.words.buffer as ArrayBuffer, begin * 4 + (offset ?? 0), count);
    const change = (at: number, values: ArrayLike<number>): undefined =>
      thread.ask(() => {
        const part = numbers.subarray(at, at + values.length);
        const from = part.byteOffset >> 2;
        const before = this.words.slice(from, (part.byteOffset + part.byteLength + 3) >> 2);
        part.set(values);
        for (const [i, was] of before.entries()) this.#changed(from + i, was);
        return undefined;
      });
    const view: Record<string | symbol, unknown> = {
      [BEGIN]: numbers.byteOffset / 4,
      buffer: source,
      length: numbers.length,
      byteLength: numbers.byteLength,
      /** Of bytes: what is there now. */
      subarray: (from: number, to: number) => {
        const read = (): string => Buffer.from(numbers.subarray(from, to)).toString('latin1');
        return Buffer.from(thread.ask(read), 'latin1');
      },
      set: (values: ArrayLike<number>, at = 0) => change(at, kind.from(values)),
    };
    return new Proxy(view, {
      get: (_, key) => (isIndex(key) ? thread.ask(() => numbers[Number(key)]) : view[key]),
      set: (_, key, value: number) => {
        change(Number(key), [value]);
        return true;
      },
    });
  }
}

function isIndex(key: string | symbol): boolean {
  return typeof key === 'string' && key >= '0' && key < ':';
}

function mix(a: number, b: number): number {
  return finish(Math.imul(a, 0x9e37_79b1) ^ finish(b));
}

/** Each bit of the result depends on all: as MurmurHash3 (A. Appleby) ends. */
export function finish(a: number): number {
  let h = a ^ (a >>> 16);
  h = Math.imul(h, 0x85eb_ca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2_ae35);
  return h ^ (h >>> 16);
}
