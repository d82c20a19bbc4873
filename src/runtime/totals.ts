/**
 * Totals: what is counted of the tasks that have ended, as it lies in memory, and as it is read.
 *
 *   word 0      FROM     the position from which on nothing is counted yet
 *   word 1      END      where the rows in use end; 0: none is
 *   word 2      RUNNING  tasks on the list: they were still running when those after them were counted
 *   then        the list, and a row for closures and one for each function
 *
 * All in 64-bit words. Who writes it, and when, is said in tally.ts.
 */
import type { FinalState } from './record.js';

export const FROM = 0;
export const END = 1;
export const RUNNING = 2;
export const LIST = 3;
/** At most so many tasks overlap. */
export const MAX_LIST = 256;
/** Functions beyond the 254th share the last row. */
export const MAX_ROWS = 256;

/** Upper bounds of the buckets, in milliseconds; one more bucket has what takes longer. */
export const BOUNDS_MS: readonly number[] = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
  200_000,
];
const BUCKETS = 21;

// A row.
const ENDED = { succeeded: 0, failed: 1, cancelled: 2 } as const;
const WAIT = 3; // a histogram: the sum in milliseconds, then the buckets
const RUN: number = WAIT + 1 + BUCKETS;
const ROW: number = RUN + 1 + BUCKETS;

/** How many words totals with so many rows take. */
export function totalsWords(rows: number): number {
  return LIST + MAX_LIST + rows * ROW;
}

/** How long something took. `counts` has one number for each bucket, not added up. */
export interface Histogram {
  readonly sum: number;
  readonly counts: readonly number[];
}

/** What has ended of one function's tasks. Times are in milliseconds. */
export interface Totals {
  /** The function's number, as in its records; -1: closures. */
  readonly fn: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** From enqueued to started, of those that were started. */
  readonly wait: Histogram;
  /** From started to finished. */
  readonly run: Histogram;
}

/** Counts a task of function `fn`, and how long it waited and ran, in milliseconds. */
export function countRun(
  totals: Float64Array,
  fn: number,
  state: FinalState,
  waited: number,
  ran: number,
): void {
  const at = countEnd(totals, fn, state);
  observe(totals, at + WAIT, waited);
  observe(totals, at + RUN, ran);
}

/** Counts a task that was never started. Returns where its row begins. */
export function countEnd(totals: Float64Array, fn: number, state: FinalState): number {
  const at = Math.min(totalsWords(fn + 1), totals.length - ROW);
  if (at >= (totals[END] ?? 0)) totals[END] = at + ROW;
  increase(totals, at + ENDED[state], 1);
  return at;
}

/** What has been counted, of each function that has had a task. */
export function describeTotals(totals: Float64Array): Totals[] {
  const count = Math.max(0, (totals[END] ?? 0) - totalsWords(0)) / ROW;
  const rows = Array.from({ length: count }, (_, row) => describeRow(totals, row));
  return rows.filter(({ succeeded, failed, cancelled }) => succeeded + failed + cancelled > 0);
}

function increase(totals: Float64Array, at: number, by: number): void {
  totals[at] = (totals[at] ?? 0) + by;
}

function observe(totals: Float64Array, at: number, ms: number): void {
  let bucket = 0;
  while (bucket < BUCKETS - 1 && ms > (BOUNDS_MS[bucket] ?? 0)) bucket++;
  increase(totals, at, ms);
  increase(totals, at + 1 + bucket, 1);
}

function describeRow(totals: Float64Array, row: number): Totals {
  const at = totalsWords(row);
  const number = (index: number) => totals[at + index] ?? 0;
  const histogram = (index: number) => ({
    sum: number(index),
    counts: [...totals.subarray(at + index + 1, at + index + 1 + BUCKETS)],
  });
  return {
    fn: row - 1,
    succeeded: number(ENDED.succeeded),
    failed: number(ENDED.failed),
    cancelled: number(ENDED.cancelled),
    wait: histogram(WAIT),
    run: histogram(RUN),
  };
}
