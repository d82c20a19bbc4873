/** What this example takes of async-tasks, as built: the routes, the server as a process, the runtime, the codec. */
export { createApp, MAX_TASK_BYTES } from '../../../dist/app.js';
export { type Call, Decoder, Encoder } from '../../../dist/codec/index.js';
export * from '../../../dist/http/index.js';
export * from '../../../dist/index.js';
export { describeThrown, printDirectly, restoreThrown, type Thrown } from '../../../dist/log/index.js';
export { moduleOf, Task, type TaskModule } from '../../../dist/task/index.js';

/** The tasks, as the worker's threads import them. */
export const TASKS: URL = new URL('../../../dist/tasks.js', import.meta.url);
