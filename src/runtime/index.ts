/**
 * What runs tasks. To be read in this order: record.ts, entry.ts, enqueue.ts (a task comes into the queue), runs.ts, ends.ts
 * (what both threads share), worker.ts, executor.ts, runner.ts, run.ts (the worker: its start, the loop, one task, what it
 * asks), ledger.ts, entries.ts (the owner), deadlines.ts, thread.ts, supervisor.ts (threads die), runtime.ts. On the way:
 * clock.ts, counts.ts, diagnostics.ts (events), errors.ts, importing.ts, options.ts.
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
