/**
 * Words that a test shares with the tasks it runs in the worker thread: where a task says that it runs, where the test
 * lets it go on, and how often each ran. They travel as environment data, which every new thread gets.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

const KEY = 'async-tasks test words';
export const WORDS = 8192;

/** Made by the first call in the main thread, before the worker thread starts. */
export function sharedWords(): Int32Array {
  let memory = getEnvironmentData(KEY) as unknown as SharedArrayBuffer | undefined;
  if (memory === undefined) {
    memory = new SharedArrayBuffer(WORDS * 4);
    setEnvironmentData(KEY, memory as never);
  }
  return new Int32Array(memory);
}

export const words: Int32Array = sharedWords();

let next = 16;
/** A word that no other test of this file uses. */
export function word(): number {
  return next++;
}

/** A task counts its word up when it starts. */
export function reached(at: number, count = 1): Promise<void> {
  return eventually(
    () => Atomics.load(words, at) >= count,
    () => `word ${at} to reach ${count}`,
  );
}

/** Lets the task go on that is held at this word. */
export function release(at: number): void {
  Atomics.store(words, at, 2);
  Atomics.notify(words, at);
}

/** Polls until the condition holds, for what has no event: a status, a word of shared memory. */
export async function eventually(condition: () => boolean, what?: () => string): Promise<void> {
  for (const deadline = performance.now() + 10_000; !condition(); await sleep(1)) {
    if (performance.now() > deadline)
      throw new Error(`Still waiting after 10 s: ${what?.() ?? String(condition)}`);
  }
}

/** Resolves, or rejects when the promise has not settled in time: for what must not hang. */
export async function within<T>(ms: number, promise: Promise<T>, what = 'the promise'): Promise<T> {
  const done = new AbortController();
  const late = sleep(ms, undefined, { signal: done.signal }).then(() => {
    throw new Error(`Expected ${what} to settle within ${ms} ms`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    done.abort();
  }
}
