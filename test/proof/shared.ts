/**
 * The shared memories of a scenario, as the machine has them: one after the other in one array of words. Every change is
 * noted, for a hash of all of it, and so that it can be taken back. Threads see them through views, which look like typed
 * arrays, and ask for each access.
 */
import type { Thread } from './loop.js';

type Kind = typeof Int32Array | typeof Float64Array | typeof Uint8Array;
type Numbers = Int32Array | Float64Array | Uint8Array;

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
  /** Longer parts that have been read, by their hash. */
  readonly #read = new Map<number, Numbers>();

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
    if (now === before) return;
    this.words[at] = now;
    this.#note(at, before, now);
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

  // ── Without Atomics ──────────────────────────────────────────────────────────────────────────────────────────────

  /** `part` of the memory is changed, and nothing else. */
  change(part: Numbers, change: (part: Numbers) => void): undefined {
    const from = part.byteOffset >> 2;
    const before = this.words.slice(from, (part.byteOffset + part.byteLength + 3) >> 2);
    change(part);
    for (let i = 0; i < before.length; i++) {
      const [was, now] = [before[i] ?? 0, this.load(from + i)];
      if (was === now) continue;
      this.#note(from + i, was, now);
      this.#changes.push(from + i, was);
    }
  }

  /** What is there, as a number that stands for it. */
  read(numbers: Numbers): number {
    let [a, b] = [numbers.length, numbers.BYTES_PER_ELEMENT];
    const words = new Int32Array(numbers.buffer, numbers.byteOffset & ~3, (numbers.byteLength + 3) >> 2);
    for (let i = 0; i < words.length; i++) {
      a = mix(a + i, words[i] ?? 0);
      b = mix(words[i] ?? 0, b);
    }
    const key = (a >>> 0) * 0x20_0000 + (b & 0x1f_ffff);
    if (!this.#read.has(key)) this.#read.set(key, numbers.slice());
    return key;
  }

  /** What stood there when {@link read} gave that number. */
  wasRead(key: number): Numbers {
    return this.#read.get(key) as Numbers;
  }

  /** What `thread` gets for `new kind(source, offset, length)`: a view, if the source is shared. */
  view(kind: Kind, source: SharedArrayBuffer, offset: number, length: number, thread: Thread): object {
    const begin = this.#begins.get(source);
    if (begin === undefined) return new kind(source as unknown as ArrayBuffer, offset, length);
    const count = length ?? (source.byteLength - (offset ?? 0)) / kind.BYTES_PER_ELEMENT;
    const numbers = new kind(this.words.buffer as ArrayBuffer, begin * 4 + (offset ?? 0), count);
    return viewOf(this, numbers, thread, source, false);
  }
}

/** What a thread has in place of typed arrays. A `part` is read as a whole, as `set` does. */
function viewOf(shared: Shared, numbers: Numbers, thread: Thread, source: object, isPart: boolean): object {
  const kind = numbers.constructor as Kind;
  const ask = (effect: () => number | undefined) => thread.past.ask(effect);
  const read = (part: Numbers): Numbers => shared.wasRead(ask(() => shared.read(part)) as number);
  let whole = { numbers, asked: -1 };
  const element = (i: number): number | undefined => {
    if (!isPart) return ask(() => numbers[i]);
    if (whole.asked !== thread.past.asked) whole = { numbers: read(numbers), asked: thread.past.asked };
    return whole.numbers[i];
  };
  const change = (part: Numbers, how: (part: Numbers) => void) => ask(() => shared.change(part, how));
  const view: Record<string | symbol, unknown> = {
    [BEGIN]: numbers.byteOffset / 4,
    buffer: source,
    length: numbers.length,
    byteLength: numbers.byteLength,
    subarray: (from: number, to: number) => viewOf(shared, numbers.subarray(from, to), thread, source, true),
    set: (values: ArrayLike<number>, at = 0) => {
      const copy = kind.from(values);
      change(numbers.subarray(at, at + copy.length), (part) => part.set(copy));
    },
  };
  return new Proxy(view, {
    get: (_, key) => (isIndex(key) ? element(Number(key)) : view[key]),
    set: (_, key, value: number) => {
      const i = Number(key);
      change(numbers.subarray(i, i + 1), (part) => part.fill(value));
      return true;
    },
  });
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
