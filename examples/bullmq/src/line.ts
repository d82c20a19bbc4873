/**
 * Who waits for room in this server, first come, first served: only the first in line asks Redis, again and again. So a
 * full queue costs Redis a few questions a second from each server, however many clients wait. Between servers there is
 * no order.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Patience } from './core.js';

/** How an attempt to add a task ended. `away`: Redis has not said. */
export type Attempt = 'added' | 'full' | 'away';

const AGAIN_MS = { full: 20, away: 100 } as const;
const MAX_TIMER = 2 ** 31 - 1;

interface Waiter {
  readonly attempt: () => Promise<Attempt>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  /** The attempt is under way: its answer decides, even if the waiter has lost its patience meanwhile. */
  trying: boolean;
  gaveUp: { readonly reason: unknown } | undefined;
}

export class Line {
  readonly #waiters: Waiter[] = [];
  #moving = false;

  get length(): number {
    return this.#waiters.length;
  }

  /** Resolves when an attempt has added the task. Rejects with the signal's reason, or with what `late` makes. */
  async wait(
    attempt: () => Promise<Attempt>,
    { timeout, signal }: Patience,
    late: () => Error,
  ): Promise<void> {
    signal.throwIfAborted();
    if (timeout <= 0) throw late();
    const { promise, waiter } = waiterFor(attempt);
    const timer = setTimeout(() => this.#giveUp(waiter, late), Math.min(timeout, MAX_TIMER));
    const leave = () => this.#giveUp(waiter, () => signal.reason);
    signal.addEventListener('abort', leave);
    this.#waiters.push(waiter);
    void this.#move();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
    }
  }

  /** Lets all go who wait. */
  clear(reasonFor: () => Error): void {
    for (const waiter of [...this.#waiters]) this.#giveUp(waiter, reasonFor);
  }

  #giveUp(waiter: Waiter, reasonFor: () => unknown): void {
    waiter.gaveUp ??= { reason: reasonFor() };
    if (waiter.trying) return;
    this.#remove(waiter);
    waiter.reject(waiter.gaveUp.reason);
  }

  #remove(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter);
    if (at >= 0) this.#waiters.splice(at, 1);
  }

  async #move(): Promise<void> {
    if (this.#moving) return;
    this.#moving = true;
    for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
      first.trying = true;
      const end = await first.attempt();
      first.trying = false;
      if (end === 'added') {
        this.#remove(first);
        first.resolve();
      } else if (first.gaveUp === undefined) await sleep(AGAIN_MS[end]);
      else this.#giveUp(first, () => undefined);
    }
    this.#moving = false;
  }
}

function waiterFor(attempt: () => Promise<Attempt>): { promise: Promise<void>; waiter: Waiter } {
  let [resolve, reject]: [() => void, (reason: unknown) => void] = [() => {}, () => {}];
  const promise = new Promise<void>((fulfil, refuse) => {
    [resolve, reject] = [fulfil, refuse];
  });
  return {
    promise,
    waiter: { attempt, resolve, reject, trying: false, gaveUp: undefined },
  };
}
