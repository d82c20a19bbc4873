/** What a task is. To be read in this order: task.ts, closure.ts, sendable.ts (what may be captured), context.ts. */
export { compile, move } from './closure.js';
export { callAs, currentTask, type TaskContext } from './context.js';
export type { Sendable } from './sendable.js';
export {
  asyncTask,
  type Definition,
  defineTasks,
  moduleOf,
  type NamedDefinition,
  syncTask,
  Task,
  type TaskKind,
  type TaskModule,
  type TaskOptions,
  type Tasks,
} from './task.js';
