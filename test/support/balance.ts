/**
 * Whether the books balance: each accepted task has exactly one final state, none ran more than once, and all are
 * counted.
 */
import assert from 'node:assert/strict';
import type { Runtime } from '#index';
import { FIRST_WORD } from './random-task.js';

export interface Balance {
  succeeded: number;
  failed: number;
  cancelled: number;
  runs: number;
}

/** Checks accepted tasks, given by number and id: `words` tells how often each number ran. */
export function balance(
  runtime: Runtime,
  accepted: Iterable<readonly [n: number, id: number]>,
  words: Int32Array,
): Balance {
  const count = { succeeded: 0, failed: 0, cancelled: 0, runs: 0 };
  const ids = new Set<number>();
  for (const [n, id] of accepted) {
    const record = runtime.ledger.read(id);
    const runs = Atomics.load(words, FIRST_WORD + n);
    const what = `task ${n}, id ${id}, ${record && runtime.nameOf(record)}, ${record?.state}, run ${runs} times`;
    assert.ok(!ids.has(id), `${what}: two tasks have this id`);
    ids.add(id);
    assert.ok(record !== undefined && record.state !== 'queued' && record.state !== 'running', what);
    assert.ok(runs <= 1, what);
    if (record.state === 'succeeded') assert.equal(runs, 1, what);
    if (record.started === undefined) assert.equal(runs, 0, what);
    count[record.state] += 1;
    count.runs += runs;
  }
  return count;
}

/** The tally, added up over all functions; `waited` and `ran` are how many such times it has. */
export function counted({ ledger }: Runtime): Record<string, number> {
  const sum = { succeeded: 0, failed: 0, cancelled: 0, waited: 0, ran: 0 };
  for (const { succeeded, failed, cancelled, wait, run } of ledger.tally.read()) {
    sum.succeeded += succeeded;
    sum.failed += failed;
    sum.cancelled += cancelled;
    sum.waited += wait.counts.reduce((total, count) => total + count, 0);
    sum.ran += run.counts.reduce((total, count) => total + count, 0);
  }
  return sum;
}
