/** How a task can fail. */

/** The task ran longer than its definition allows. */
export class TaskTimeoutError extends Error {
  override readonly name = 'TaskTimeoutError';
  readonly code = 'ERR_TASK_TIMEOUT';

  constructor(timeout: number) {
    super(`The task ran for longer than its timeout of ${timeout} ms`);
    this.stack = `${this.name}: ${this.message}`; // where it is made tells nothing
  }
}

/** The worker thread died while it ran the task. `cause` says how; the task is not run again. */
export class WorkerCrashedError extends Error {
  override readonly name = 'WorkerCrashedError';
  readonly code = 'ERR_WORKER_CRASHED';

  constructor(cause: Error) {
    super(`The worker thread ended while it ran the task: ${cause.message}`, { cause });
  }
}

/** The task was cancelled. `cause` is what it threw when it was asked to stop, if it had been started. */
export class TaskCancelledError extends Error {
  override readonly name = 'TaskCancelledError';
  readonly code = 'ERR_TASK_CANCELLED';

  constructor(cause?: unknown) {
    super('The task was cancelled', cause === undefined ? {} : { cause });
  }
}

/** An error without a stack: it did not happen in this thread's code. */
export function errorFromOutside(message: string): Error {
  return Object.assign(new Error(message), { stack: `Error: ${message}` });
}
