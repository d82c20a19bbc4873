/** At most once: tasks that exit, throw, hang and are cancelled, and a worker thread that ends at random moments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomFrom, seedFrom } from '../support/wait.js';
import { playRound } from './support/round.js';

console.error = () => {}; // what the supervisor says of each thread that ends

for (const [how, concurrency, tasks, producers] of [
  ['One at a time', 1, 1000, 0],
  ['Overlapping, also of threads that are terminated', 4, 500, 3],
] as const) {
  const options = { timeout: 240_000 };
  test(`${how}: each accepted task ends exactly once, and runs at most once`, options, async (t) => {
    const seed = seedFrom('KILL_SEED');
    t.diagnostic(`KILL_SEED=${seed}`);
    const random = randomFrom(seed);
    const plan = { capacity: 1 + random(32), concurrency, tasks, producers, end: 'quiet' } as const;
    const books = await playRound(random, plan);
    t.diagnostic(JSON.stringify(books));
    const { succeeded = 0, failed = 0, cancelled = 0, restarts = 0 } = books;
    assert.equal(succeeded + failed + cancelled, tasks);
    assert.ok(restarts > 5 && succeeded > 100 && failed > 10 && cancelled > 10, 'Expected more chaos');
  });
}
