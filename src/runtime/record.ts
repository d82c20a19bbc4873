/** What is known of a task: its record at one moment, and the handle that stands for it. */
import type { NamedDefinition, TaskKind } from '../task/index.js';

/** The last three are final. */
export type TaskState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type FinalState = 'succeeded' | 'failed' | 'cancelled';

/** A task at one moment. Times are in milliseconds since 1970, with fractions. */
export interface TaskRecord {
  /** Unique in its channel, and in the order of the queue. */
  readonly id: number;
  /** Of its function; `closure` if it was moved. */
  readonly name: string;
  readonly kind: TaskKind;
  readonly state: TaskState;
  /** Of the request that the task comes from, if `runTask` was given one. */
  readonly requestId: string | undefined;
  /** The task was asked to stop. */
  readonly cancelRequested: boolean;
  /** From 0 to 1, if the task told and still runs; 1 when it has succeeded. */
  readonly progress: number | undefined;
  readonly enqueued: number;
  readonly started: number | undefined;
  readonly finished: number | undefined;
  readonly deadline: number | undefined;
  /** The task's result, or what it threw; `undefined` while there is none. */
  readonly outcome: unknown;
}

/** A task that is in the queue, or was. It keeps what is known of the task, also long after its end. */
export interface TaskHandle<R = unknown> extends Pick<TaskRecord, 'id'> {
  /** What is known of the task now. */
  status(): TaskRecord;
  /**
   * Asks the task to stop. Returns the state that it had: `queued`: it will never run. `running`: it has been told, by
   * `signal` and `cancelled` of its context, and may still succeed. A final state: too late.
   */
  cancel(): TaskState;
  /** Resolves with the record once the task has ended. Never rejects. */
  ended(): Promise<TaskRecord>;
  /**
   * Resolves with the task's result. Rejects with what the task threw (an error keeps name, message, code, cause and
   * stack), or with TaskCancelledError, TaskTimeoutError or WorkerCrashedError.
   */
  finished(): Promise<R>;
}

/** What the owner knows of all tasks of one name, as the first worker thread reported it. */
export type TaskType = Pick<NamedDefinition, 'key' | 'name' | 'kind' | 'timeout'>;

/** What is known of the tasks of `move`. No name has their keys. */
export const CLOSURES: Readonly<Record<TaskKind, TaskType>> = {
  sync: { key: 0, name: 'closure', kind: 'sync', timeout: 0 },
  async: { key: 1, name: 'closure', kind: 'async', timeout: 0 },
};
