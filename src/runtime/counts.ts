/** How many tasks have ended, and how long they waited and ran: numbers of the owner, which counts each end once. */
import type { FinalState } from './record.js';

/** Upper bounds of the buckets, in milliseconds; one more bucket has what takes longer. */
export const BOUNDS_MS: readonly number[] = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
  200_000,
];

/** How long something took. */
export class Histogram {
  /** In milliseconds. */
  sum = 0;
  /** One number for each bucket, not added up. */
  readonly counts: number[] = new Array(BOUNDS_MS.length + 1).fill(0);
}

function addTo(histogram: Histogram, ms: number): void {
  let bucket = 0;
  while (ms > (BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
  histogram.sum += ms;
  histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1;
}

/** The counts of one name. */
export class Count {
  succeeded = 0;
  failed = 0;
  cancelled = 0;
  /** From enqueued to started, of those that were started. */
  readonly wait: Histogram = new Histogram();
  /** From started to finished. */
  readonly run: Histogram = new Histogram();

  /** `started` is `undefined` for a task that was cancelled in the queue. */
  add(state: FinalState, enqueued: number, started: number | undefined, finished: number): void {
    this[state] += 1;
    if (started === undefined) return;
    addTo(this.wait, started - enqueued);
    addTo(this.run, finished - started);
  }
}

/** What has ended of one function's tasks. */
export type Ended = Readonly<Omit<Count, 'add'>>;
