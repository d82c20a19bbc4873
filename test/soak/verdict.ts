/**
 * Whether a server stays as it is under load, from samples of it.
 *
 * The first fifth of the samples is warm-up: compilers, caches, and heaps that grow to their working size. Of the rest,
 * the *median* of the last quarter is held against the median of the first quarter. A median does not mind the single
 * sample that falls just before a collection, or while a worker thread is started; a leak moves all samples, and so the
 * median. What a leak adds between the two quarters is what it adds in three fifths of the time.
 */
export interface Sample {
  /** In bytes, of the whole process, the worker thread's heap included. */
  readonly rss: number;
  /** In bytes: the main thread's heap in use, and what is outside of it. */
  readonly heap: number;
  readonly handles: number;
  readonly sockets: number;
  /** How late the event loop was since the last sample, in milliseconds; 10 of them are the timer's own. */
  readonly loop: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly restarts: number;
}

/** Memory may grow by a tenth, or by this, whichever is more: by less it also moves without any load. */
const SLACK_BYTES = 16 * 2 ** 20;
/** Nobody waits longer than this for the event loop, but one time in a hundred. */
const LOOP_P99_MS = 150;
const FEWEST = 20;

function withoutWarmUp(samples: readonly Sample[]): readonly Sample[] {
  return samples.slice(Math.ceil(samples.length / 5));
}

/** The medians of the first and of the last quarter after the warm-up. */
export function quarters(
  samples: readonly Sample[],
  of: (sample: Sample) => number,
): [before: number, after: number] {
  const values = withoutWarmUp(samples).map(of);
  const quarter = Math.floor(values.length / 4);
  return [median(values.slice(0, quarter)), median(values.slice(-quarter))];
}

/** What is not flat, in words; empty: all is. `connections`: how many the load client has. */
export function complaints(samples: readonly Sample[], connections: number): string[] {
  if (samples.length < FEWEST) return [`Expected at least ${FEWEST} samples, got ${samples.length}`];
  const found: string[] = [];
  for (const [name, of] of [
    ['RSS', (sample: Sample) => sample.rss],
    ['heap', (sample: Sample) => sample.heap],
  ] as const) {
    const [before, after] = quarters(samples, of);
    if (after - before >= Math.max(before / 10, SLACK_BYTES))
      found.push(`${name} grew from ${megabytes(before)} to ${megabytes(after)}`);
  }
  // One for each connection may come and go: a timer of a request that waits for room.
  const [before, after] = quarters(samples, ({ handles }) => handles);
  if (Math.abs(after - before) > connections) found.push(`handles went from ${before} to ${after}`);
  const [, sockets] = quarters(samples, (sample) => sample.sockets);
  if (sockets > connections * 1.5) found.push(`${sockets} sockets are open for ${connections} connections`);
  const p99 = median(withoutWarmUp(samples).map(({ loop }) => loop.p99));
  if (p99 > LOOP_P99_MS) found.push(`event loop p99 is ${p99.toFixed(0)} ms, more than ${LOOP_P99_MS}`);
  return found;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
