/** What a user imports. */

export {
  ChannelClosedError,
  channel,
  Receiver,
  type ReceiverHandle,
  Sender,
  type SenderHandle,
  type SendOptions,
  SendTimeoutError,
} from './channel.js';
export { CorruptMessageError, NotSendableError, TaskTooLargeError } from './codec.js';
export { currentTask, type TaskContext } from './context.js';
export {
  OutcomeOmittedError,
  TaskCancelledError,
  TaskExpiredError,
  TaskTimeoutError,
  WorkerCrashedError,
} from './errors.js';
export { blockingRunTask, type RunOptions, runTask, type TaskHandle, tryRunTask } from './handle.js';
export type { FinalState, TaskRecord, TaskState } from './record.js';
export { type DrainReport, type Runtime, type RuntimeOptions, startRuntime } from './runtime.js';
export {
  asyncTask,
  type Definition,
  defineTasks,
  move,
  type Sendable,
  syncTask,
  type Task,
  type TaskOptions,
  type Tasks,
} from './task.js';
