/** The part of a runtime that the admin page reads. */
import type { Runtime, TaskHandle } from '../runtime/index.js';

export type { Histogram, RuntimeStats, TaskRecord, TaskState } from '../runtime/index.js';

/** A task's handle is less here than the runtime's class, so that a test can make one. */
export interface Watched {
  readonly runtime: Pick<Runtime, 'tasks' | 'stats' | 'ready' | 'failing' | 'ending'> & {
    task(id: number): Pick<TaskHandle, 'status' | 'cancel'> | undefined;
  };
}
