/** Waiting for things that have no event, and random numbers that can be had again. */
import { setImmediate } from 'node:timers/promises';

/** Lets the event loop turn until the condition holds. */
export async function until(
  condition: () => boolean,
  what: () => string = () => `${condition}`,
): Promise<void> {
  for (const deadline = performance.now() + 10_000; !condition(); await setImmediate()) {
    if (performance.now() > deadline) throw new Error(`Still waiting after 10 s: ${what()}`);
  }
}

/** Whether the promise is still open after a few turns of the event loop. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  );
  for (let turn = 0; turn < 10; turn++) await setImmediate();
  return Promise.race([settled, Promise.resolve(true)]);
}

/** The seed in the environment, or a new one. */
export function seedFrom(variable: string): number {
  const given = process.env[variable];
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number.parseInt(given, 10);
}

/** A source of integers from 0 up to (without) `bound`. */
export type Random = (bound: number) => number;

/** The same seed gives the same ones. Mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}
