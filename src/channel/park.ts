/**
 * Parking: how a thread waits on a word of shared memory until another thread wakes it.
 *
 * A parking word is 0 (nobody is parked), 1 (somebody is, or is about to be), or 2 (see below). One thread parks on a
 * word, any thread wakes it. The order of the steps is what makes it safe:
 *
 *   parker:  1. announce(): word = 1            waker:  1. make the condition true (an Atomics store)
 *            2. look at the condition again             2. wake(): word is 1? set it to 0 and notify
 *            3. park while the word is still 1
 *
 * All four accesses are sequentially consistent, so either the parker's second look sees the condition, or the waker
 * sees the 1. In the second case the word turns 0 before the notify: a parker that has not come to step 3 yet does not
 * park at all. There is no third case, hence no lost wake-up.
 *
 * The flag also keeps wake-ups cheap: an `Atomics.notify` takes a process-wide lock even if nobody waits.
 *
 * A thread may also *doze*: sleep for a moment without asking to be woken. The word is 2 then, and `wake` leaves it alone.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';

const IDLE = 0;
const PARKED = 1;
const DOZING = 2;

/** A blocked thread parks at most this long before it looks again by itself, whatever went wrong elsewhere. */
export const SLICE_MS = 100;

/** So many multiplications, each after the other, take about a microsecond. */
const STEPS = 800;
let paused = 1;

/**
 * Waits about so many microseconds between two looks of a thread that spins. Each look takes the cache line away from
 * the thread that is about to write it; a little patience lets that one write several messages in between.
 */
export function pause(microseconds = 1): void {
  let last = paused;
  for (let left = microseconds * STEPS; left > 0; left--) last = (Math.imul(last, 31) + left) | 0;
  paused = last; // kept, or the loop would be optimized away
}

/** Step 1 of the parker. Look at the condition again before parking. */
export function announce(words: Int32Array, at: number): void {
  Atomics.store(words, at, PARKED); // pairs with the loads in isParked() and isAwake()
}

/** The second look found the condition true: no wake-up is wanted any more. */
export function retract(words: Int32Array, at: number): void {
  Atomics.store(words, at, IDLE);
}

/** Blocks the thread until it is woken, or for `ms` milliseconds. */
export function park(words: Int32Array, at: number, ms: number): void {
  Atomics.wait(words, at, PARKED, ms); // pairs with the notify in wakeAlways()
}

/** Like {@link park}, but the event loop goes on. Resolves at once if a wake-up came in between. */
export function parkAsync(words: Int32Array, at: number): Promise<unknown> {
  const result = Atomics.waitAsync(words, at, PARKED); // pairs with the notify in wakeAlways()
  return result.async ? result.value : Promise.resolve();
}

/** As {@link announce}, of a thread that is going to doze. */
export function announceDoze(words: Int32Array, at: number): void {
  Atomics.store(words, at, DOZING); // pairs with the loads in isAwake() and isDozing()
}

/** Blocks the thread for `ms` milliseconds, or until somebody uses `wakeAlways`. */
export function doze(words: Int32Array, at: number, ms: number): void {
  Atomics.wait(words, at, DOZING, ms); // pairs with the notify in wakeAlways()
}

/** Nobody is parked on the word, or dozes, or is about to. */
export function isAwake(words: Int32Array, at: number): boolean {
  return Atomics.load(words, at) === IDLE; // pairs with the stores in announce() and announceDoze()
}

/** Somebody dozes on the word, or is about to. */
export function isDozing(words: Int32Array, at: number): boolean {
  return Atomics.load(words, at) === DOZING; // pairs with the store in announceDoze()
}

/** Somebody is parked on the word, or is about to be. */
export function isParked(words: Int32Array, at: number): boolean {
  return Atomics.load(words, at) === PARKED; // pairs with the store in announce()
}

/** Wakes whoever is parked on the word. Call it after the condition has become true. */
export function wake(words: Int32Array, at: number): void {
  if (isParked(words, at)) wakeAlways(words, at);
}

/**
 * Wakes without looking at the flag: for who has looked, and for the successor of a thread that may have been killed
 * between the two lines below, with the flag already cleared and the notify not yet given.
 */
export function wakeAlways(words: Int32Array, at: number): void {
  Atomics.store(words, at, IDLE); // makes a late Atomics.wait return at once
  Atomics.notify(words, at);
}

/**
 * A pending `Atomics.waitAsync` does not keep a Node.js thread alive. This does, while at least one holder is in:
 * one referenced port for the whole thread, no timer.
 */
export const threadAlive: { hold(): void; release(): void } = {
  hold(): void {
    holders += 1;
    if (holders === 1) anchor().ref();
  },
  release(): void {
    holders -= 1;
    if (holders === 0) anchor().unref();
  },
};

let holders = 0;
let ports: MessageChannel | undefined; // both ends are kept: a collected end would close the other

function anchor(): MessagePort {
  ports ??= new MessageChannel();
  return ports.port1;
}
