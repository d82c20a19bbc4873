/**
 * Parking: how a thread waits on a word of shared memory until another thread wakes it.
 *
 * A bell's word is IDLE (nobody is parked) or PARKED (somebody is, or is about to be). One thread waits at a bell, any
 * thread rings it. The order of the steps is what makes it safe:
 *
 *   who waits:  1. announce: word = PARKED          who rings:  1. make the condition true (an Atomics store)
 *               2. look at the condition                        2. word is PARKED? set it to IDLE and notify
 *               3. park while the word is still PARKED
 *
 * The two stores and the two looks are sequentially consistent, so either who waits sees the condition, or who rings
 * sees PARKED. In the second case the word turns IDLE before the notify: a thread that has not come to step 3 yet does not
 * park at all. There is no third case, hence no lost wake-up.
 *
 * The word also keeps ringing cheap: an `Atomics.notify` takes a process-wide lock even if nobody waits.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';

const IDLE = 0;
const PARKED = 1;

/**
 * A blocked receiver parks at most this long, one on an event loop ten times as long; then it looks by itself. It would find
 * what a sender has left that was killed in the middle of a wake-up, and that nobody has buried.
 */
export const SLICE_MS = 100;

/** One thread's view of the place where a thread parks. */
export class Bell {
  readonly #words: Int32Array;
  readonly #at: number;
  /** Waits of this thread that do not block it, and have not come back yet. */
  #pending = 0;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /** Blocks the thread until the bell is rung, or for `ms` milliseconds; not at all if `ready` says true. */
  wait(ready: () => boolean, ms: number): void {
    Atomics.store(this.#words, this.#at, PARKED); // pairs with the load in `ring`; then look
    if (!ready()) Atomics.wait(this.#words, this.#at, PARKED, ms); // pairs with the notify in ringAlways
    this.#retract();
  }

  /** Like {@link wait}, but the event loop goes on. Does not keep the thread alive: see {@link keepAlive}. */
  async waitAsync(ready: () => boolean, ms: number): Promise<void> {
    Atomics.store(this.#words, this.#at, PARKED); // pairs with the load in `ring`; then look
    if (!ready()) {
      const wait = Atomics.waitAsync(this.#words, this.#at, PARKED, ms); // pairs with the notify in ringAlways
      if (wait.async) {
        this.#pending += 1;
        await wait.value;
        this.#pending -= 1;
      }
    }
    this.#retract();
  }

  /** No wake-up is wanted any more, unless an async wait of this thread is still pending here. */
  #retract(): void {
    if (this.#pending === 0) Atomics.store(this.#words, this.#at, IDLE);
  }

  /** Nobody is parked here, or is about to be. */
  get awake(): boolean {
    return Atomics.load(this.#words, this.#at) === IDLE; // pairs with the stores before each look
  }

  /** Wakes whoever is parked here. Call it after the condition has become true. */
  ring(): void {
    if (Atomics.load(this.#words, this.#at) === PARKED) this.ringAlways(); // pairs with the stores before each look
  }

  /**
   * Wakes without looking: for who has looked, and for the successor of a thread that may have been killed between the
   * two lines below, with the word cleared and nobody notified.
   */
  ringAlways(): void {
    Atomics.store(this.#words, this.#at, IDLE); // makes a late Atomics.wait return at once
    Atomics.notify(this.#words, this.#at);
  }
}

let holders = 0;
let ports: MessageChannel | undefined; // both ends are kept: a collected end would close the other

/** Node.js ends a thread in which only an `Atomics.waitAsync` is pending. One port, referenced while needed, keeps it. */
export function keepAlive(change: 1 | -1): void {
  holders += change;
  if (holders === 1 && change === 1) anchor().ref();
  if (holders === 0) anchor().unref();
}

function anchor(): MessagePort {
  ports ??= new MessageChannel();
  return ports.port1;
}
