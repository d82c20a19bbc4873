/** What is known of a task, as it is shown. */
import type { TaskKind } from '../task/index.js';

/** The last three are final. */
export type TaskState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type FinalState = 'succeeded' | 'failed' | 'cancelled';

/** A task at one moment. Times are in milliseconds since 1970, with fractions. */
export interface TaskRecord {
  /** Unique in the process, in the order of the queue. */
  readonly id: number;
  /** Of its function; `closure` if it was moved. */
  readonly name: string;
  readonly kind: TaskKind;
  readonly state: TaskState;
  /** The id of the request that it came from, if it was told. */
  readonly requestId: string | undefined;
  /** The task was asked to stop. */
  readonly cancelRequested: boolean;
  /** From 0 to 1, if the task told; 1 when it has succeeded. */
  readonly progress: number | undefined;
  readonly enqueued: number;
  readonly started: number | undefined;
  readonly finished: number | undefined;
  readonly deadline: number | undefined;
  /** The task's result, or what it threw; `undefined` while there is none, or if it was left out. */
  readonly outcome: unknown;
  /** The size in bytes of a result that was larger than the channel's `maxBytes`, and was left out. */
  readonly omittedBytes: number | undefined;
}

/** How an end says its state: a number, plus CLOSURE or ASYNC. */
const FINAL = ['succeeded', 'failed', 'cancelled'] as const;
const ASYNC = 4;

/** A state and a kind as one number. */
export function codeOf(state: FinalState, kind: TaskKind): number {
  return FINAL.indexOf(state) + (kind === 'async' ? ASYNC : 0);
}

export function stateOf(code: number): FinalState {
  return FINAL[code & 3] ?? 'failed';
}

export function kindOf(code: number): TaskKind {
  return (code & ASYNC) === 0 ? 'sync' : 'async';
}
