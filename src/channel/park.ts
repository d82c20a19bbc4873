/**
 * Parking: how a thread waits on a word of shared memory until another thread wakes it.
 *
 * A bell's word is IDLE (nobody is parked) or PARKED (a thread is, or is about to be). One thread waits at a bell, any
 * thread rings it. The order of the steps is what makes it safe:
 *
 *   the thread that waits:  1. announce: word = PARKED      the thread that rings:  1. make the condition true (Atomics)
 *                           2. look at the condition                                2. word is PARKED? set IDLE, notify
 *                           3. park while the word is PARKED
 *
 * The two stores and the two looks are sequentially consistent. So either the waiting thread sees the condition, or the
 * ringing thread sees PARKED. In the second case the word turns IDLE before the notify, so a thread that has not come to
 * step 3 yet does not park at all. There is no third case, hence no lost wake-up.
 *
 * The word also keeps ringing cheap: an `Atomics.notify` takes a process-wide lock even if nobody waits.
 *
 * A third value, LAZY, is for a thread that need not know of each change at once. `ring` lets it sleep. A thread that
 * cannot go on without it, or soon cannot, wakes it by `rouse`.
 */
import { setInterval, setTimeout } from 'node:timers'; // not the globals: a task may replace those

const IDLE = 0;
const PARKED = 1;
const LAZY = 2;

/**
 * After so many milliseconds a parked thread looks by itself: a guard against a thread that was killed between the two steps
 * of a wake-up and was never buried.
 */
export const SLICE_MS = 2000;

/** One thread's view of the place where a thread parks. */
export class Bell {
  readonly #words: Int32Array;
  readonly #at: number;
  /** Ends an async wait. It is set anew and never stopped: that costs less. */
  #guard: NodeJS.Timeout | undefined;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /**
   * Blocks the thread until the bell is rung, or for `ms` milliseconds; not at all if `ready` says true. A lazy thread is
   * woken only when another one rouses it.
   */
  wait(ready: () => boolean, ms: number, isLazy = false): void {
    const how = isLazy ? LAZY : PARKED;
    Atomics.store(this.#words, this.#at, how); // pairs with the loads in ring and rouse; then look
    if (!ready()) Atomics.wait(this.#words, this.#at, how, ms); // pairs with the notify in ringAlways
    Atomics.store(this.#words, this.#at, IDLE);
  }

  /**
   * Like {@link wait}, for a slice, but the event loop goes on. Does not keep the thread alive: see {@link keepAlive}.
   */
  async waitAsync(ready: () => boolean, isLazy = false): Promise<void> {
    const how = isLazy ? LAZY : PARKED;
    Atomics.store(this.#words, this.#at, how); // pairs with the loads in ring and rouse; then look
    if (!ready()) {
      // Not the time limit of `waitAsync`: V8 keeps a timer for each until it fires, also for those that were woken.
      this.#guard ??= setTimeout(() => this.ringAlways(), SLICE_MS).unref();
      this.#guard.refresh();
      await Atomics.waitAsync(this.#words, this.#at, how).value; // pairs with the notify in ringAlways
    }
    Atomics.store(this.#words, this.#at, IDLE);
  }

  /** This thread, which waits lazily by {@link waitAsync}, is woken by `ring` from now on. The caller looks after this. */
  hurry(): void {
    Atomics.store(this.#words, this.#at, PARKED); // pairs with the load in ring
  }

  /** Wakes the thread that is parked here. Call it after the condition has become true. */
  ring(): void {
    if (Atomics.load(this.#words, this.#at) === PARKED) this.ringAlways(); // pairs with the store before each look
  }

  /** Wakes a lazy thread. A parked one needs no rouse: `ring` wakes it. (Two that wake each other would never rest.) */
  rouse(): void {
    if (Atomics.load(this.#words, this.#at) === LAZY) this.ringAlways(); // pairs with the store before each look
  }

  /** Wakes without looking: also a thread that turns from lazy to parked, or one that a dead thread was about to wake. */
  ringAlways(): void {
    Atomics.store(this.#words, this.#at, IDLE); // makes a late Atomics.wait return at once
    Atomics.notify(this.#words, this.#at);
  }
}

/**
 * What this thread's event loop would do, and cannot while a send or `blockingRecv` blocks the thread: it is done before.
 * A duty that stands here must not block, and may be done once too often.
 */
export const duties: Set<() => void> = new Set<() => void>();

export function doDuties(): void {
  for (const duty of duties) duty();
}

let holders = 0;
let anchor: NodeJS.Timeout | undefined;

/** Node.js ends a thread in which only an `Atomics.waitAsync` is pending. One timer, referenced while needed, keeps it. */
export function keepAlive(change: 1 | -1): void {
  holders += change;
  anchor ??= setInterval(() => {}, 2 ** 31 - 1);
  if (holders > 0) anchor.ref();
  else anchor.unref();
}
