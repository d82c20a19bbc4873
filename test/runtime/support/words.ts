/**
 * Words that a test shares with the tasks it runs in the worker thread: where a task says that it runs, where the test
 * lets it go on, and how often each ran. They travel as environment data, which every new thread gets.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

const KEY = 'async-tasks test words';
const known = getEnvironmentData(KEY) as unknown as SharedArrayBuffer | undefined;
const memory = known ?? new SharedArrayBuffer(4 * 8192);
if (known === undefined) setEnvironmentData(KEY, memory as never); // the main thread, before there is a worker thread

export const words: Int32Array = new Int32Array(memory);

let next = 16;
/** A word that no other test of this file uses. */
export function word(): number {
  return next++;
}

/** A task counts its word up when it starts. */
export function begin(at: number): void {
  Atomics.add(words, at, 1);
}

export function reached(at: number, count = 1): Promise<void> {
  return eventually(() => Atomics.load(words, at) >= count);
}

/** Lets the task go on that is held at this word. */
export function release(at: number): void {
  Atomics.store(words, at, 2);
  Atomics.notify(words, at);
}

/** Polls until the condition holds, for what has no event: a status, a word of shared memory. At least for 10 s. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (let polls = 0; !condition(); await sleep(1))
    if (++polls > 10_000) throw new Error(`Still waiting: ${condition}`);
}

/** Resolves, or rejects when the promise has not settled in time: for what must not hang. */
export async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Expected ${what} to settle within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
