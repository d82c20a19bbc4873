/** What must hold when a round is over. */
import assert from 'node:assert/strict';
import type { DrainReport, Runtime, Sender, Task, TaskRecord } from '#index';
import { balance } from '../support/balance.js';
import { FIRST_WORD } from '../support/random-task.js';
import { tail } from '../support/state.js';
import { threads } from '../support/watched-threads.js';
import { type Books, ENDS, Sent } from './books.js';

/** A thread cannot load its tasks module and start a task sooner after its birth. */
const LOAD_MS = 5;

function* accepted({ sent, ids }: Books): Generator<readonly [n: number, id: number]> {
  for (const [n, outcome] of sent.entries()) if (outcome === Sent.ACCEPTED) yield [n, ids[n] ?? -1];
}

function show(record: TaskRecord): string {
  return JSON.stringify(record, (_key, value) => (value instanceof Error ? String(value) : value));
}

/**
 * What producers counted as accepted has ended once, as those were told who awaited it, and ran at most once; what was refused never ran; and of what they
 * died over, each has no record, or ended like the accepted ones.
 */
export function checkBooks(runtime: Runtime, books: Books, words: Int32Array, tx: Sender<Task>): void {
  assert.deepEqual(runtime.ledger.open(), [], 'open after the drain');
  assert.equal(tx.length, 0, 'left in the channel');
  balance(runtime, accepted(books), words);
  for (const [n, id] of accepted(books)) {
    const told = ENDS[(books.told[n] ?? 0) - 1];
    if (told !== undefined) assert.equal(runtime.ledger.read(id)?.state, told, `task ${n} changed its end`);
  }
  let unknown = 0;
  let unknownRuns = 0;
  for (const [n, outcome] of books.sent.entries()) {
    const runs = Atomics.load(words, FIRST_WORD + n);
    if (outcome === Sent.REFUSED || outcome === Sent.NOT_YET)
      assert.equal(runs, 0, `task ${n} was not accepted`);
    if (outcome !== Sent.TRYING) continue;
    assert.ok(runs <= 1, `task ${n}, whose producer died, ran ${runs} times`);
    unknown += 1;
    unknownRuns += runs;
  }
  // Whose producer died has an id that nobody was told: the records that belong to nobody else are theirs.
  const known = new Set([...accepted(books)].map(([, id]) => id));
  let others = 0;
  for (let id = 0; id < tail(tx.link.memory); id++) {
    const record = known.has(id) ? undefined : runtime.ledger.read(id);
    if (record === undefined || record.fn === -1) continue; // never accepted; or a closure from before the start
    others += 1;
  }
  assert.ok(others <= unknown, `${others} records nobody asked for, ${unknown} may have been accepted`);
  assert.ok(unknownRuns <= others, `${unknownRuns} runs without a record`);
}

export interface Ended {
  readonly report: DrainReport;
  /** Ids of accepted tasks that had not ended when the drain began. */
  readonly open: readonly number[];
  /** Ids of the tasks that were cancelled, in time, by somebody else than the drain. */
  readonly dropped: ReadonlySet<number>;
}

/** `unfinished` names exactly the tasks that the drain gave up, and `finished` the others that it found. */
export function checkReport(runtime: Runtime, books: Books, { report, open, dropped }: Ended): void {
  const finished = new Set(report.finished.map(({ id }) => id));
  const unfinished = new Set(report.unfinished.map(({ id }) => id));
  const last = threads.at(-1)?.born ?? 0;
  for (const record of [...report.finished, ...report.unfinished])
    assert.ok(record.finished !== undefined, `in the report, and has not ended: ${show(record)}`);
  for (const record of report.unfinished) {
    assert.ok(!finished.has(record.id), `finished and unfinished: ${show(record)}`);
    assert.ok(wasGivenUp(record, last, dropped) || isLate(record), `unfinished: ${show(record)}`);
  }
  for (const [, id] of accepted(books)) {
    const record = runtime.ledger.read(id);
    if (record === undefined) assert.fail(`task ${id} has no record`);
    if (wasGivenUp(record, last, dropped)) assert.ok(unfinished.has(id), `not unfinished: ${show(record)}`);
  }
  for (const id of open) assert.ok(finished.has(id) || unfinished.has(id), `task ${id} is not in the report`);
}

/** Cancelled by nobody but the drain, or killed with the last thread. */
function wasGivenUp(record: TaskRecord, lastThread: number, dropped: ReadonlySet<number>): boolean {
  if (record.state === 'cancelled' && record.started === undefined) return !dropped.has(record.id);
  return codeOf(record) === 'ERR_WORKER_CRASHED' && (record.started ?? 0) > lastThread + LOAD_MS;
}

/** The last thread was ended over this task, perhaps just before the drain would have ended it. */
function isLate(record: TaskRecord): boolean {
  return codeOf(record) === 'ERR_TASK_TIMEOUT';
}

function codeOf({ state, outcome }: TaskRecord): unknown {
  return state === 'failed' && outcome instanceof Error && 'code' in outcome ? outcome.code : undefined;
}
