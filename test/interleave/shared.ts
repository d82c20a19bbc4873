/**
 * The shared memory of channel and ledger, as the machine has it: every change is noted, for a hash of all of it, and so
 * that it can be taken back. Threads see it through views, which look like typed arrays, and ask for each access.
 */
import type { Thread } from './loop.js';

type Kind = typeof Int32Array | typeof Float64Array | typeof Uint8Array;
type Numbers = Int32Array | Float64Array | Uint8Array;

/** Where a view of 32-bit words begins, as a number of a word. */
export const BEGIN = Symbol('begin');

/** Words of the channel have their index as numbers; those of the ledger come behind. */
export class Shared {
  readonly channel: SharedArrayBuffer;
  readonly ledger: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly records: Int32Array;
  /** Two hashes of all words. */
  hash1 = 0;
  hash2 = 0;
  /** A word and what it was, in turn. */
  readonly #changes: number[] = [];
  /** Longer parts that have been read, by their hash. */
  readonly #read = new Map<number, Numbers>();

  constructor(channel: SharedArrayBuffer, ledger: SharedArrayBuffer) {
    this.channel = channel;
    this.ledger = ledger;
    this.words = new Int32Array(channel);
    this.records = new Int32Array(ledger);
  }

  load(at: number): number {
    const end = this.words.length;
    return (at < end ? this.words[at] : this.records[at - end]) ?? 0;
  }

  store(at: number, now: number): void {
    const before = this.load(at);
    if (now === before) return;
    this.#put(at, now);
    this.#note(at, before, now);
    this.#changes.push(at, before);
  }

  #put(at: number, now: number): void {
    const end = this.words.length;
    if (at < end) this.words[at] = now;
    else this.records[at - end] = now;
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
      this.#put(at, before);
    }
  }

  // ── Without Atomics ──────────────────────────────────────────────────────────────────────────────────────────────

  /** `part` of the memory is changed, and nothing else. */
  change(part: Numbers, change: (part: Numbers) => void): undefined {
    const isLedger = part.buffer === this.ledger;
    const all = isLedger ? this.records : this.words;
    const first = isLedger ? this.words.length : 0;
    const from = part.byteOffset >> 2;
    const before = all.slice(from, (part.byteOffset + part.byteLength + 3) >> 2);
    change(part);
    for (let i = 0; i < before.length; i++) {
      const [was, now] = [before[i] ?? 0, all[from + i] ?? 0];
      if (was === now) continue;
      this.#note(first + from + i, was, now);
      this.#changes.push(first + from + i, was);
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

  /** What `thread` gets to see of `numbers`: a view, if they are shared. */
  view(numbers: Numbers, thread: Thread): object {
    const isShared = numbers.buffer === this.channel || numbers.buffer === this.ledger;
    return isShared ? viewOf(this, numbers, thread, false) : numbers;
  }
}

/** What a thread has in place of typed arrays. A `part` is read as a whole, as `set` does. */
function viewOf(shared: Shared, numbers: Numbers, thread: Thread, isPart: boolean): object {
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
  const first = numbers.buffer === shared.ledger ? shared.words.length : 0;
  const view: Record<string | symbol, unknown> = {
    [BEGIN]: first + numbers.byteOffset / 4,
    length: numbers.length,
    byteLength: numbers.byteLength,
    subarray: (from: number, to: number) => viewOf(shared, numbers.subarray(from, to), thread, true),
    slice: (from?: number, to?: number) => read(numbers.subarray(from, to)).slice(),
    set: (values: ArrayLike<number>, at = 0) => {
      const copy = kind.from(values);
      change(numbers.subarray(at, at + copy.length), (part) => part.set(copy));
    },
    fill: (value: number, from: number, to: number) =>
      change(numbers.subarray(from, to), (part) => part.fill(value)),
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
