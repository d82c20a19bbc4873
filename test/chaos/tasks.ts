/** The tasks of runtime-tasks.ts, in a module that cannot be loaded for so many times: it throws, exits, or dawdles. */
import { threadId } from 'node:worker_threads';
import { sharedWords } from '../fixtures/gates.js';

/** How many loads are spoilt yet; how; how many have been. */
export const SPOILT = 2;
export const HOW = 3;
export const SPOILS = 4;
/** The thread that has loaded them last. */
export const LOADED = 5;
/** The ways. */
export const Way = { THROW: 0, EXIT: 1, DAWDLE: 2 } as const;

const DAWDLE_MS = 150;
const words = sharedWords();
console.error = () => {}; // many tasks fail here

if (Atomics.load(words, SPOILT) > 0) {
  Atomics.sub(words, SPOILT, 1);
  Atomics.add(words, SPOILS, 1);
  const way = Atomics.load(words, HOW);
  if (way === Way.THROW) throw new Error('the tasks module is spoilt');
  if (way === Way.EXIT) process.exit(4);
  Atomics.wait(words, SPOILS, Atomics.load(words, SPOILS), DAWDLE_MS);
}

Atomics.store(words, LOADED, threadId);

export { tasks } from '../fixtures/runtime-tasks.js';
