/** All pasts of a thread, as a tree of moments: see past.ts. */
import type { Thread } from './loop.js';

export type Seen = number | string | boolean | undefined;

/** Asks or changes something outside of the thread. Does not depend on anything of the thread that may change later. */
export type Effect = () => Seen;

/** Something that happens to a thread that stands still. */
export interface Input {
  /** What it is; no answer is the same. */
  readonly key: `! ${string}`;
  apply(thread: Thread): void;
}

/** An answer, or something that happened. */
export type Entry = { readonly seen: Seen } | { readonly input: Input };

/** A place in the tree. */
export class Moment {
  /** What comes next; `undefined` while it waits, or stands still for others to go on. */
  readonly effect: Effect | undefined;
  /** Others may go on before. */
  readonly stops: boolean;
  /** It can go on by itself. */
  runnable = false;
  /** It waits for something that ends by itself, at this time. */
  ends = Number.POSITIVE_INFINITY;
  /** It waits in an `Atomics.wait`. */
  parked = false;
  /** Where it was, and what it saw there: `undefined` at the first moment. */
  readonly before: Moment | undefined;
  readonly entry: Entry | undefined;
  /** Two hashes of all that has been seen until now. */
  readonly hash1: number;
  readonly hash2: number;
  /** What was seen first here, and where it led to. Most moments have nothing else. */
  #seen: Seen;
  #next: Moment | undefined;
  #others: Map<Seen, Moment> | undefined;

  constructor(
    before: Moment | undefined,
    entry: Entry | undefined,
    effect: Effect | undefined,
    stops: boolean,
  ) {
    this.effect = effect;
    this.stops = stops;
    this.before = before;
    this.entry = entry;
    const seen = entry === undefined || !('input' in entry) ? entry?.seen : entry.input.key;
    [this.hash1, this.hash2] = hashes(before, seen);
    if (before !== undefined) before.#leadsTo(this, seen);
  }

  #leadsTo(next: Moment, seen: Seen): void {
    if (this.#next === undefined) [this.#seen, this.#next] = [seen, next];
    else {
      this.#others ??= new Map();
      this.#others.set(seen, next);
    }
  }

  /** `undefined`: that was never seen here. */
  after(seen: Seen): Moment | undefined {
    return seen === this.#seen ? this.#next : this.#others?.get(seen);
  }

  /** All moments from the second one until now. */
  get past(): Moment[] {
    const moments: Moment[] = [];
    for (let moment: Moment = this; moment.before !== undefined; moment = moment.before) moments.push(moment);
    return moments.reverse();
  }
}

function hashes(before: Moment | undefined, seen: Seen): [number, number] {
  let [a, b] = [before?.hash1 ?? 1, before?.hash2 ?? 1];
  const text = String(seen);
  for (let i = 0; i <= text.length; i++) {
    const letter = text.charCodeAt(i) | 0; // 0 at the end
    a = Math.imul(a ^ letter, 0x0100_0193);
    b = (Math.imul(b, 0x9e37_79b1) + letter) | 0;
  }
  return [a, b];
}

/** Of a thread that was killed. */
export const DEAD = new Moment(undefined, { seen: 'dead' }, undefined, true);
