/**
 * What runs tasks. To be read in this order: worker.ts, executor.ts and runner.ts (the worker: its entry, the loop, one task),
 * run.ts (what a task asks), ends.ts and runs.ts (what both threads share), record.ts, entry.ts, entries.ts, ledger.ts and
 * enqueue.ts (the owner), deadlines.ts, thread.ts and supervisor.ts (threads die), runtime.ts. On the way: clock.ts,
 * counts.ts, diagnostics.ts (events), errors.ts, options.ts.
 */
export { BOUNDS_MS, type Ended, type Histogram } from './counts.js';
export type { WorkerDeathEvent } from './diagnostics.js';
export { blockingRunTask, enqueueTask, type RunOptions, runTask, tryRunTask } from './enqueue.js';
export {
  TaskCancelledError,
  TaskTimeoutError,
  WorkerCrashedError,
} from './errors.js';
export type { DrainOptions, RuntimeOptions } from './options.js';
export type { FinalState, TaskHandle, TaskRecord, TaskState } from './record.js';
export { type DrainReport, type Runtime, type RuntimeStats, startRuntime } from './runtime.js';
export type { Death } from './supervisor.js';
