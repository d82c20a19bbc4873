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
} from './channel/index.js';
export { CorruptMessageError, NotSendableError, TaskTooLargeError } from './codec/index.js';
export {
  blockingRunTask,
  type DrainOptions,
  type DrainReport,
  type Ended,
  type FinalState,
  type RunOptions,
  type Runtime,
  type RuntimeOptions,
  type RuntimeStats,
  runTask,
  startRuntime,
  TaskCancelledError,
  type TaskHandle,
  type TaskRecord,
  type TaskState,
  TaskTimeoutError,
  tryRunTask,
  WorkerCrashedError,
  type WorkerDeathEvent,
} from './runtime/index.js';
export {
  asyncTask,
  currentTask,
  type Definition,
  defineTasks,
  move,
  type Sendable,
  syncTask,
  type Task,
  type TaskContext,
  type TaskOptions,
  type Tasks,
} from './task/index.js';
