/** What a runtime is started and drained with, and the checks of it. */
import { expectInteger, expectOptions, shown } from '../expect.js';

const DRAIN_MS = 25_000;
const MAX_TIMER = 2 ** 31 - 1;

export interface RuntimeOptions {
  /** The module that exports `tasks`, made by `defineTasks`. */
  readonly tasks: URL;
  /** How many async tasks may overlap. Default 1: one task at a time. */
  readonly concurrency?: number | undefined;
  /** `false`: no lines about each task on stdout. Failed tasks and dying threads are logged on stderr in any case. */
  readonly log?: boolean | undefined;
}

export interface DrainOptions {
  /** When to give up, in milliseconds. Default 25,000. */
  readonly timeout?: number | undefined;
  /** How long to be only not `ready`, in milliseconds, so that load balancers see it. Default 0. */
  readonly delay?: number | undefined;
}

/** Each option, or its default. @throws TypeError or RangeError for a wrong one */
export function checkedOptions(options: RuntimeOptions): { tasks: URL; concurrency: number; log: boolean } {
  expectOptions(options, 'tasks', 'concurrency', 'log');
  const { tasks, concurrency = 1, log = true } = options;
  if (!(tasks instanceof URL)) throw new TypeError(`Expected \`tasks\` to be a URL, got ${shown(tasks)}`);
  if (typeof log !== 'boolean') throw new TypeError(`Expected \`log\` to be a boolean, got ${shown(log)}`);
  expectInteger('concurrency', concurrency, 1, 256);
  return { tasks, concurrency, log };
}

/** Each option, or its default. @throws TypeError or RangeError for a wrong one */
export function checkedDrain(options: DrainOptions): { timeout: number; delay: number } {
  expectOptions(options, 'timeout', 'delay');
  const { timeout = DRAIN_MS, delay = 0 } = options;
  expectInteger('timeout', timeout, 0, MAX_TIMER);
  expectInteger('delay', delay, 0, MAX_TIMER);
  return { timeout, delay };
}
