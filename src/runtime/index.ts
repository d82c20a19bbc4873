/**
 * What runs tasks: the runtime that owns the worker thread, and all that the two sides of the queue need. Other folders
 * come in through here.
 */
export { move } from './closure.js';
export { currentTask, type TaskContext } from './context.js';
export type { EndEvent, EnqueueEvent, StartEvent, WorkerDeathEvent } from './diagnostics.js';
export {
  OutcomeOmittedError,
  StartTimeoutError,
  TaskCancelledError,
  TaskExpiredError,
  TaskTimeoutError,
  WorkerCrashedError,
} from './errors.js';
export { addFields, withFields } from './fields.js';
export {
  blockingRunTask,
  enqueueTask,
  type RunOptions,
  runTask,
  type TaskHandle,
  tryRunTask,
  whenEnded,
} from './handle.js';
export { printDirectly, printJson } from './log.js';
export { readPulse } from './pulse.js';
export type { FinalState, TaskRecord, TaskState } from './record.js';
export {
  type DrainOptions,
  type DrainReport,
  type Runtime,
  type RuntimeOptions,
  startRuntime,
} from './runtime.js';
export type { Sendable } from './sendable.js';
export {
  asyncTask,
  type Definition,
  defineTasks,
  moduleOf,
  syncTask,
  type Task,
  type TaskModule,
  type TaskOptions,
  type Tasks,
} from './task.js';
export { BOUNDS_MS, type Histogram, type Totals } from './totals.js';
