/** What threads wait for besides words: exits of others, and what a scenario gives a name. */
import { EVENTS, exitOf, type Footprint, queueOf } from './footprint.js';
import { type LoopPromise, promiseOf, Thread } from './loop.js';

interface Expected {
  readonly observer: Thread;
  readonly promise: LoopPromise;
}

export class Events {
  readonly #happened = new Map<unknown, unknown>();
  readonly #expected = new Map<unknown, Expected[]>();

  clear(): void {
    this.#happened.clear();
    this.#expected.clear();
  }

  happens(what: unknown, value: unknown, footprint: Footprint): void {
    this.touched(what, footprint);
    this.#happened.set(what, value);
    for (const { observer, promise } of this.#expected.get(what) ?? []) observer.settle(promise, value);
  }

  /** Resolves, in `observer`, when `what` has happened. */
  after(what: unknown, observer: Thread, footprint: Footprint): LoopPromise {
    const promise = new (promiseOf(observer))();
    footprint.changes(numberOf(what));
    if (this.#happened.has(what)) observer.settle(promise, this.#happened.get(what));
    else this.#expected.set(what, [...(this.#expected.get(what) ?? []), { observer, promise }]);
    return promise;
  }

  /** Notes what is touched when it happens. */
  touched(what: unknown, footprint: Footprint): void {
    footprint.changes(numberOf(what));
    for (const { observer } of this.#expected.get(what) ?? []) footprint.changes(queueOf(observer.index));
  }
}

function numberOf(what: unknown): number {
  return what instanceof Thread ? exitOf(what.index) : EVENTS;
}
