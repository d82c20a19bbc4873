import { keepAlive } from './park.js';

const IDLE = 0;
const PARKED = 1;
export interface Bell {
  readonly words: Int32Array;
  readonly at: number;
}
export const threadAlive = {
  hold(): void {
    keepAlive(1);
  },
  release(): void {
    keepAlive(-1);
  },
};
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
