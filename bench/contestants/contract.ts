/**
 * What every contestant does: `count` tasks from each of `producers` go through a queue with room for `capacity` to one
 * consumer thread, and each adds the size of its payload to a sum. A contestant is a program of its own: the setup comes
 * as JSON in its argument, the figures go as JSON to its standard output.
 */
export interface Setup {
  readonly count: number;
  readonly producers: number;
  readonly capacity: number;
  readonly payload: keyof typeof PAYLOADS;
  /** Tasks of each producer before the time is taken, so that the code is compiled. Default: a quarter of `count`. */
  readonly warmUp?: number;
  /** `blockingRunTask` instead of `await runTask`. */
  readonly blocking?: boolean;
  /** See library.ts. */
  readonly library?: string;
}

/** What a task captures. */
export const PAYLOADS = {
  number: 11,
  string: 'foo bar baz',
  object: { user: 'foo bar baz', id: 17, urgent: true },
  '1KiB': 'x'.repeat(1024),
  '32KiB': 'x'.repeat(32 * 1024),
};

/** The work of a task. */
export function sizeOf(captured: unknown): number {
  if (typeof captured === 'string') return captured.length;
  return typeof captured === 'number' ? captured : 11;
}

export function warmUpOf({ count, warmUp = Math.ceil(count / 4) }: Setup): number {
  return warmUp;
}

/** The setup that the program was started with: its last argument. */
export function readSetup<S = Setup>(): S {
  return JSON.parse(process.argv.at(-1) ?? '{}') as S;
}

/** Ends the program with its figures. */
export function print(figures: Readonly<Record<string, number>>): never {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exit(0);
}

let usedBefore: NodeJS.CpuUsage | undefined;

/** The tasks begin now: the processor time up to here is not theirs. Returns the time, for {@link finish}. */
export function begin(): number {
  usedBefore = process.cpuUsage();
  return performance.now();
}

/** Ends the program: tasks a second, and microseconds of processor time for each. Throws if a task is missing. */
export function finish(setup: Setup, since: number, sum: number): never {
  const ms = performance.now() - since;
  const { user, system } = process.cpuUsage(usedBefore);
  const tasks = setup.count * setup.producers;
  const expected = tasks * sizeOf(PAYLOADS[setup.payload]);
  if (sum !== expected) throw new Error(`Expected a sum of ${expected}, got ${sum}`);
  print({ perSecond: (tasks / ms) * 1000, cpu: (user + system) / tasks });
}

/** Of the times of single calls, in milliseconds. In microseconds. */
export function percentiles(times: readonly number[]): { p50: number; p99: number } {
  const sorted = Float64Array.from(times).sort();
  const at = (quantile: number) => (sorted[Math.floor((sorted.length - 1) * quantile)] ?? Number.NaN) * 1000;
  return { p50: at(0.5), p99: at(0.99) };
}
