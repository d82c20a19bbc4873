/**
 * Retry with back-off. The queue runs a task at most once, so each attempt is a task of its own, with a record of its
 * own. Only for a task that may run twice: one whose thread has died may have done its work.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runTask, type Sender, type Task, TaskCancelledError } from 'async-tasks';

export interface RetryOptions {
  readonly attempts?: number;
  /** The longest pause after the first attempt, in milliseconds. It doubles with each attempt, up to `maxDelay`. */
  readonly delay?: number;
  readonly maxDelay?: number;
}

/** Resolves with the first result. Rejects with the last error, or at once if an attempt was cancelled. */
export async function runWithRetry<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: RetryOptions = {},
): Promise<R> {
  const { attempts = 5, delay = 200, maxDelay = 30_000 } = options;
  for (let attempt = 1; ; attempt++) {
    const handle = await runTask(task, tx);
    try {
      return await handle.finished();
    } catch (error) {
      if (attempt >= attempts || error instanceof TaskCancelledError) throw error;
    }
    // Up to that long, at random: tasks that failed together do not come back together.
    await sleep(Math.random() * Math.min(maxDelay, delay * 2 ** (attempt - 1)));
  }
}
