/**
 * What every contestant does: `count` tasks from each of `producers` go through a queue with room for `capacity` to one
 * consumer thread, and each adds the size of what it captured to a sum. A contestant is a program of its own: the
 * setup comes as JSON in its argument, the result goes as JSON to its standard output.
 */
export interface Setup {
  readonly count: number;
  readonly producers: number;
  readonly capacity: number;
  readonly payload: Payload;
  /** One producer, too, is a thread of its own that blocks. */
  readonly blocking?: boolean;
}

/** What a task captures. */
export type Payload = 'number' | 'string' | 'object' | '1KiB' | '32KiB';

export interface Result {
  readonly tasks: number;
  readonly ms: number;
  /** Processor time of the whole process for all tasks, in milliseconds. */
  readonly cpu?: number;
  /** The sum of all sizes: shows that each task ran. */
  readonly sum: number;
}

/** How many tasks of each producer were taken in the same time. */
export interface Shares {
  readonly shares: readonly number[];
}

export const PAYLOADS: Readonly<Record<Payload, unknown>> = {
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

/** How many tasks come from each producer before the time is taken: Node.js compiles the code meanwhile. */
export function warmUpOf({ count }: Setup): number {
  return Math.ceil(count / 4);
}

let atStart: NodeJS.CpuUsage | undefined;

/** The tasks begin now: what the process has used so far is not theirs. Returns the time, for {@link finish}. */
export function begin(): number {
  atStart = process.cpuUsage();
  return performance.now();
}

/** The setup that the program was started with. */
export function readSetup(): Setup {
  return JSON.parse(process.argv[2] ?? '{}') as Setup;
}

/** Ends the program with its result, or with an error if a task is missing. `since`: when they began. */
export function finish(setup: Setup, since: number, sum: number): never {
  const ms = performance.now() - since;
  const { user, system } = process.cpuUsage(atStart);
  const tasks = setup.count * setup.producers;
  const expected = tasks * sizeOf(PAYLOADS[setup.payload]);
  if (sum !== expected) throw new Error(`Expected a sum of ${expected}, got ${sum}`);
  const result: Result = { tasks, ms, cpu: (user + system) / 1000, sum };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}

/** A gate in shared memory: all threads arrive, then all are let through at once. */
export class Gate {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** A thread has arrived, and waits for {@link open}. */
  pass(): void {
    Atomics.add(this.#words, 0, 1);
    Atomics.notify(this.#words, 0);
    Atomics.wait(this.#words, 1, 0);
  }

  /** Resolves when `threads` have arrived. */
  async arrival(threads: number): Promise<void> {
    for (let seen = Atomics.load(this.#words, 0); seen < threads; seen = Atomics.load(this.#words, 0)) {
      const result = Atomics.waitAsync(this.#words, 0, seen);
      if (result.async) await Promise.race([result.value, new Promise((r) => setTimeout(r, 100))]);
    }
  }

  /** Lets them through. */
  open(): void {
    Atomics.store(this.#words, 1, 1);
    Atomics.notify(this.#words, 1);
  }
}
