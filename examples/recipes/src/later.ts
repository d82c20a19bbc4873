/** A task later, and every so often. The plan is kept by a timer of this process, and is gone when the process ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { runTask, type Sender, type Task, type TaskHandle } from 'async-tasks';

/** Queues the task after `ms` milliseconds. Rejects with the signal's reason if that comes first. */
export async function runLater<R>(
  task: Task<R>,
  tx: Sender<Task>,
  ms: number,
  signal?: AbortSignal,
): Promise<TaskHandle<R>> {
  await sleep(ms, undefined, { signal });
  return runTask(task, tx, { signal });
}

/**
 * Queues the task again and again, each time `ms` milliseconds after its last end. So it never runs twice at a time, and
 * does not pile up in a full queue. Resolves once the signal has aborted.
 */
export async function runEvery(task: Task, tx: Sender<Task>, ms: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const handle = await runLater(task, tx, ms, signal);
      await handle.ended(); // whatever became of it: the log has its error
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
