/**
 * A record of the ledger: how it lies in shared memory, and what a reader makes of a copy of it. Who changes it, and when,
 * is said in ledger.ts.
 *
 * It has two parts in cache lines of their own: in normal work senders write the one and the executor the other, and
 * neither looks at the other's unless somebody asks, or waits for the end:
 *
 *   the sender's part, written between the claim of a position and its publication
 *     word 0      CLAIM    lap (position div HISTORY) | phase (3 bits)        Atomics only
 *     word 1, 2   TASK: number of the function × 2 + (1 if async); EPOCH: id = EPOCH × 2³² + position
 *     word 4..7   two times in ms since 1970: ENQUEUED, and DROPPED, by whoever cancels it before it is started
 *   the executor's part
 *     word 0      RUN      lap | state (3 bits); another lap: not started     Atomics only; decides everything
 *     word 1      CANCEL   lap | 1 once somebody asked this task to stop      Atomics only
 *     word 2      WATCH    bit s: sender s waits for an end                   Atomics only
 *     word 3      SIZE     bytes of the encoded result or error; negative: left out, it would have had that many
 *     word 4      PROGRESS in millionths, -1: none
 *     word 6..11  STARTED, FINISHED, DEADLINE in ms since 1970, 0: none
 *   behind them, room for one encoded result or error for each record
 */
export const CLAIM_WORDS = 8;
export const TASK = 1;
export const EPOCH = 2;
export const ENQUEUED = 2; // in 64-bit words
export const DROPPED = 3;

export const RUN_WORDS = 16;
export const CANCEL = 1;
export const WATCH = 2;
export const SIZE = 3;
export const PROGRESS = 4;
export const STARTED = 3; // in 64-bit words
export const FINISHED = 4;
export const DEADLINE = 5;

export const Phase = { WRITING: 1, QUEUED: 2, WITHDRAWN: 3 } as const;
export const State = { RUNNING: 1, SUCCEEDED: 2, FAILED: 3, CANCELLED: 4, DROPPED: 5 } as const; // 0: no task yet

export const STATE_NAMES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'cancelled'] as const;

/** What a task is doing. The last three are final. */
export type TaskState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type FinalState = 'succeeded' | 'failed' | 'cancelled';

export const FINAL = {
  succeeded: State.SUCCEEDED,
  failed: State.FAILED,
  cancelled: State.CANCELLED,
} as const;

/** In these states the executor's part holds a result or an error. */
export function isOutcome(state: number): boolean {
  return state >= State.SUCCEEDED && state <= State.CANCELLED;
}

/** A record, read as a whole. Times are in milliseconds since 1970. */
export interface TaskRecord {
  readonly id: number;
  /** Number of the task's function; -1: a closure made by `move`. */
  readonly fn: number;
  readonly kind: 'sync' | 'async';
  readonly state: TaskState;
  /** Somebody asked the task to stop. */
  readonly cancelRequested: boolean;
  /** From 0 to 1, if the task told. */
  readonly progress: number | undefined;
  readonly enqueued: number;
  readonly started: number | undefined;
  readonly finished: number | undefined;
  readonly deadline: number | undefined;
  /** The task's result, or what it threw, decoded; `undefined` while there is none, or if it was left out. */
  readonly outcome: unknown;
  /** The size in bytes of a result or error that was too large for its room. */
  readonly omittedBytes: number | undefined;
}

/**
 * What a copy of a record says of task `id`. `run[0]` is 0 if the task has not been started; `asked`: to stop, while it
 * ran.
 */
export function describe(
  id: number,
  claim: Int32Array,
  run: Int32Array,
  asked: boolean,
  outcome: unknown,
): TaskRecord {
  const state = (run[0] ?? 0) & 7;
  const hasRun = state !== 0 && state !== State.DROPPED; // else the executor's part tells of a former task
  const claimTimes = new Float64Array(claim.buffer);
  const runTimes = new Float64Array(run.buffer);
  const task = claim[TASK] ?? 0;
  const enqueued = claimTimes[ENQUEUED] ?? 0;
  // The executor's last look at the clock, which may have been just before the task came.
  const started = hasRun ? Math.max(runTimes[STARTED] ?? 0, enqueued) : undefined;
  const progress = hasRun ? (run[PROGRESS] ?? -1) : -1;
  const size = isOutcome(state) ? (run[SIZE] ?? 0) : 0;
  const finished = state === State.DROPPED ? claimTimes[DROPPED] : isOutcome(state) ? runTimes[FINISHED] : 0;
  return {
    id,
    fn: task >> 1,
    kind: (task & 1) === 1 ? 'async' : 'sync',
    state: STATE_NAMES[state] ?? 'queued',
    cancelRequested: state === State.DROPPED || asked,
    progress: progress < 0 ? undefined : progress / 1e6,
    enqueued,
    started,
    finished: finished || undefined,
    deadline: (hasRun && runTimes[DEADLINE]) || undefined,
    outcome,
    omittedBytes: size < 0 ? -size : undefined,
  };
}
