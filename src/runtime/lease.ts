/**
 * The lease: one shared word that lets the worker thread change the ledger, until the supervisor takes that back for
 * good, because it is about to end the thread.
 *
 * With one task at a time there is no need for it: when the supervisor ends the running task, the executor cannot start
 * another before its own attempt to end that one fails, and then it knows. If tasks overlap, it could start one between
 * the supervisor's decision and the end of the thread, and that one would fail for nothing. So then the executor holds
 * the word while it starts or ends a task:
 *
 *   LEASE   even: at rest      even → odd → the next even: the executor, around each change
 *           -1: revoked        even → -1: the supervisor, one compare-exchange; never undone, but for the next thread
 *
 * The word counts, so `revoke` succeeds only if no task was started or ended since it looked: what it saw running runs.
 */
const REVOKED = -1;
const EVEN = 0x7fff_fffe; // the largest; keeps the count away from REVOKED

/** One thread's view of the lease. */
export class Lease {
  readonly #words: Int32Array;
  readonly #at: number;
  /** If tasks do not overlap, nobody takes it. */
  readonly #inUse: boolean;
  /** The executor's own count. */
  #count = 0;

  constructor(words: Int32Array, at: number, inUse: boolean) {
    this.#words = words;
    this.#at = at;
    this.#inUse = inUse;
  }

  /** The executor's, before it changes a record. `false`: the thread is being ended, nothing must be changed. */
  take(): boolean {
    if (!this.#inUse) return true;
    return Atomics.compareExchange(this.#words, this.#at, this.#count, this.#count + 1) === this.#count; // against revoke
  }

  /** The change is made. */
  giveBack(): void {
    if (!this.#inUse) return;
    this.#count = (this.#count + 2) & EVEN;
    Atomics.store(this.#words, this.#at, this.#count); // publishes the change; pairs with the load in revoke
  }

  /**
   * The supervisor's: takes the lease away if `condition` holds, and goes on holding until the executor's thread is dead.
   * `false`: it does not hold, or the executor is just changing something.
   */
  revoke(condition: () => boolean): boolean {
    if (!this.#inUse) return condition();
    const count = Atomics.load(this.#words, this.#at); // pairs with giveBack
    if ((count & 1) !== 0 || !condition()) return false;
    return Atomics.compareExchange(this.#words, this.#at, count, REVOKED) === count; // against take
  }

  /** The supervisor's, before the next thread is started. */
  renew(): void {
    Atomics.store(this.#words, this.#at, 0);
  }

  /** For an executor that has learnt that its thread is being ended: comes to nothing more, and is ended here. */
  awaitEnd(): never {
    for (;;) Atomics.wait(this.#words, this.#at, Atomics.load(this.#words, this.#at));
  }
}
