/**
 * What a step touches: a call and the code up to the thread's next one. Two steps of different threads can change places,
 * and nobody can tell, unless one changes what the other touches: then they are *in conflict*.
 *
 * Besides words of the two memories there are things that have numbers of their own, below zero.
 */

/** What is accessed without `Atomics`: messages, and records. */
export const PAYLOADS = -1;
export const RECORDS = -2;
/** What the witness and the audit know. */
export const WITNESS = -3;
export const AUDIT = -4;
/** What scenarios give a name. */
export const EVENTS = -5;
/** That time has passed. */
export const CLOCK = -6;
/** What is pushed into the loop of a thread, by its index. */
export const queueOf = (index: number): number => -16 - index;
/** The exit of a thread. */
export const exitOf = (index: number): number => -32 - index;

export class Footprint {
  /** Each number twice, and one more if it is changed. */
  readonly #touched: number[] = [];
  /** Nobody wants to know. */
  muted = false;

  reads(at: number): void {
    if (!this.muted) this.#touched.push(2 * at);
  }

  changes(at: number): void {
    if (!this.muted) this.#touched.push(2 * at + 1);
  }

  clear(): void {
    this.#touched.length = 0;
  }

  copy(): Footprint {
    const copy = new Footprint();
    copy.#touched.push(...new Set(this.#touched));
    return copy;
  }

  conflictsWith(other: Footprint): boolean {
    return this.#touched.some((a) => other.#touched.some((b) => a >> 1 === b >> 1 && ((a | b) & 1) === 1));
  }
}
