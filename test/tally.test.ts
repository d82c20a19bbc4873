/** How tasks are counted: exactly, whatever dies when, and long before their records are used again. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { now } from '#runtime/clock';
import { Ledger } from '#runtime/ledger';
import { createLedgerMemory } from '#runtime/records';
import type { Tally } from '#runtime/tally';
import { BOUNDS_MS } from '#runtime/totals';
import { setClock } from './support/clock.js';

const STATES = ['succeeded', 'failed', 'cancelled'] as const;

function make(overlapping = false, rows = 8): Ledger {
  return new Ledger(createLedgerMemory(32, 64, overlapping, rows));
}

function counts(tally: Tally): number[][] {
  return tally.read().map(({ fn, succeeded, failed, cancelled }) => [fn, succeeded, failed, cancelled]);
}

/** A task that runs from its start to its end, as an executor has it. */
function runOne(ledger: Ledger, position: number, fn = 0): void {
  ledger.enqueue(position, fn, 'sync');
  ledger.tally.reach(position);
  ledger.start(position, now());
  ledger.finish(position, STATES[position % 3] ?? 'failed', undefined, now());
}

test('Every end is counted once, by function and state, however often records are used again', () => {
  const ledger = make();
  for (let position = 0; position < 999; position++) {
    runOne(ledger, position, (position % 4) - 1);
    if (position % 10 !== 0) continue;
    const sum = counts(ledger.tally).reduce((total, [, ...row]) => total + row.reduce((a, b) => a + b), 0);
    assert.equal(sum, position + 1);
  }
  const expected = [-1, 0, 1, 2].map((fn) => {
    const row = [fn, 0, 0, 0];
    for (let p = 0; p < 999; p++) if ((p % 4) - 1 === fn) row[1 + (p % 3)] = (row[1 + (p % 3)] ?? 0) + 1;
    return row;
  });
  assert.deepEqual(counts(ledger.tally), expected);
});

test('What was cancelled in the queue counts at once; what was withdrawn, or is not over, does not', () => {
  const ledger = make();
  ledger.cancel(ledger.enqueue(0, 0, 'sync'));
  ledger.withdraw(ledger.enqueue(1, 0, 'sync'));
  ledger.enqueue(2, 0, 'sync');
  ledger.start(2, now());
  ledger.enqueue(3, 0, 'sync');
  assert.deepEqual(counts(ledger.tally), [[0, 0, 0, 1]]);
  const [{ wait, run } = assert.fail()] = ledger.tally.read();
  for (const { sum, counts } of [wait, run]) assert.deepEqual([sum, Math.max(...counts)], [0, 0]);
});

test('Times are counted in buckets', (t: TestContext) => {
  let ms = 0;
  setClock(t, () => ms);
  const ledger = make();
  ledger.enqueue(0, 0, 'sync');
  ms = 2;
  ledger.start(0, ms);
  ms = 303;
  ledger.finish(0, 'failed', undefined, ms);
  const [{ wait, run } = assert.fail()] = ledger.tally.read();
  const bucketOf = (counts: readonly number[]) => BOUNDS_MS[counts.indexOf(1)];
  assert.deepEqual([wait.sum, bucketOf(wait.counts), run.sum, bucketOf(run.counts)], [2, 2, 301, 500]);
});

test('An executor may die at any call while it counts: the next one counts all, and nothing twice', (t) => {
  for (let left = 0; ; left++) {
    const ledger = make();
    for (let position = 0; position < 20; position++) runOne(ledger, position);
    for (let position = 20; position < 28; position++) {
      ledger.enqueue(position, position % 3, 'sync'); // of functions, too, that have had no task before
      ledger.start(position, now());
      ledger.finish(position, STATES[position % 3] ?? 'failed', undefined, now());
    }
    const expected = counts(ledger.tally);
    let calls = 0;
    const die = (method: 'load' | 'store') => {
      const original = Atomics[method] as (...args: unknown[]) => number;
      t.mock.method(Atomics, method, (...args: unknown[]) => {
        if (calls++ === left) throw new Error('killed');
        return original(...args);
      });
    };
    die('load');
    die('store');
    let killed = false;
    try {
      ledger.tally.reach(28);
    } catch {
      killed = true;
    }
    t.mock.restoreAll();
    const next = new Ledger(ledger.memory);
    assert.deepEqual(counts(next.tally), expected);
    next.tally.reach(28);
    assert.deepEqual(counts(next.tally), expected);
    for (let position = 28; position < 100; position++) runOne(next, position);
    const sum = counts(next.tally).reduce((total, [, ...row]) => total + row.reduce((a, b) => a + b), 0);
    assert.equal(sum, 100);
    if (!killed) break;
    assert.ok(left < 1000);
  }
});

test('Every end is counted before its record is used again, however many positions are skipped', () => {
  const ledger = new Ledger(createLedgerMemory(8, 64, false));
  const end = (position: number) => {
    ledger.tally.reach(position);
    ledger.start(position, now());
    ledger.finish(position, 'succeeded', undefined, now());
  };
  for (const position of [0, 1]) {
    ledger.enqueue(position, 0, 'sync');
    end(position);
  }
  for (const position of [2, 3, 4]) {
    ledger.enqueue(position, 0, 'sync'); // their senders die
    ledger.skip(position);
  }
  for (const position of [5, 6, 7, 8]) ledger.enqueue(position, 0, 'sync');
  for (const position of [5, 6, 7, 8]) end(position);
  assert.deepEqual(counts(ledger.tally), [[0, 6, 0, 0]]);
});

test('The record of a task that ran on, and has just ended, is not used again before it is counted', () => {
  const ledger = make(true);
  ledger.enqueue(0, 0, 'async');
  ledger.start(0, now());
  for (let position = 1; position < 30; position++) runOne(ledger, position);
  ledger.finish(0, 'failed', undefined, now());
  assert.equal(ledger.enqueue(32, 0, 'sync'), -1);
  for (let position = 33; position < 50; position++) runOne(ledger, position);
  assert.ok(ledger.enqueue(64, 0, 'sync') >= 0);
  assert.equal(
    counts(ledger.tally)[0]
      ?.slice(1)
      .reduce((a, b) => a + b),
    47,
  );
});

test('Functions beyond the last row share it', () => {
  const ledger = make(false, 3);
  for (let position = 0; position < 9; position++) runOne(ledger, position, position);
  assert.deepEqual(
    counts(ledger.tally).map(([fn]) => fn),
    [0, 1],
  );
});
