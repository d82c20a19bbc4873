/**
 * A record of the ledger: how it lies in shared memory, and what a reader makes of a copy of it. Who changes it, and when,
 * is said in ledger.ts.
 *
 * It has two parts in cache lines of their own: in normal work senders write the one and the executor the other, and
 * neither looks at the other's unless somebody asks, or waits for the end:
 *
 *   the sender's part, written between the claim of a position and its publication
 *     word 0      LABEL    lap (position div HISTORY) | how far (3 bits)      Atomics only
 *     word 1, 2   TASK: number of the function × 2 + (1 if async); HALVES: how often positions have passed 2³¹
 *     word 3      REQUEST: length of the request's id, which stands in a room of its own; 0: none
 *     word 4..7   two times: ENQUEUED, and DROPPED, by whoever cancels it before it is started
 *   the executor's part
 *     word 0      RUN      lap | state (3 bits); another lap: not started     Atomics only; decides everything
 *     word 1      CANCEL   lap | 1 once somebody asked this task to stop      Atomics only
 *     word 2      WATCH    bit s: sender s waits for an end                   Atomics only
 *     word 3      SIZE     bytes of the encoded result or error; negative: left out, it would have had that many
 *     word 4      PROGRESS in millionths, -1: none
 *     word 6..11  STARTED, FINISHED; TIMEOUT in ms, 0: none
 *     word 12, 13 OVERDUE, by the supervisor alone: when it ended the task over its deadline
 *   behind them, room for one encoded result or error for each record
 *
 * Times are those of clock.ts, in 64-bit words.
 */
import { TaskTimeoutError } from './errors.js';

export const LABEL_WORDS = 8;
export const TASK = 1;
export const HALVES = 2;
export const REQUEST = 3;
/** The longest id of a request, in characters of ASCII. */
export const MAX_REQUEST = 64;
export const ENQUEUED = 2; // in 64-bit words
export const DROPPED = 3;

export const RUN_WORDS = 16;
export const CANCEL = 1;
export const WATCH = 2;
export const SIZE = 3;
export const PROGRESS = 4;
export const STARTED = 3; // in 64-bit words
export const FINISHED = 4;
export const TIMEOUT = 5;
export const OVERDUE = 6;

/** How far the sender's part is. */
export const Label = { WRITING: 1, QUEUED: 2, WITHDRAWN: 3 } as const;
/** 0: no task yet. An OVERDUE one failed; what it failed of follows from its record, so nobody has to write that. */
export const State = { RUNNING: 1, SUCCEEDED: 2, FAILED: 3, CANCELLED: 4, DROPPED: 5, OVERDUE: 6 } as const;

export const STATE_NAMES = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'cancelled',
  'failed',
] as const;

/** What a task is doing. The last three are final. */
export type TaskState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type FinalState = 'succeeded' | 'failed' | 'cancelled';

export const FINAL = {
  succeeded: State.SUCCEEDED,
  failed: State.FAILED,
  cancelled: State.CANCELLED,
} as const;

/** @throws RangeError if this is no id of a request */
export function expectRequestId(id: string): void {
  if (typeof id === 'string' && /^[\x20-\x7e]{1,64}$/.test(id)) return;
  throw new RangeError(`Expected \`requestId\` to be 1 to 64 characters of ASCII, got ${String(id)}`);
}

/** In these states the executor's part holds a result or an error. */
export function isOutcome(state: number): boolean {
  return state >= State.SUCCEEDED && state <= State.CANCELLED;
}

/** A record, read as a whole. Times are in milliseconds since 1970, with fractions. */
export interface TaskRecord {
  readonly id: number;
  /** Number of the task's function; -1: a closure made by `move`. */
  readonly fn: number;
  readonly kind: 'sync' | 'async';
  readonly state: TaskState;
  /** The id of the request that it came from, if it was told. */
  readonly requestId: string | undefined;
  /** Somebody asked the task to stop. */
  readonly cancelRequested: boolean;
  /** From 0 to 1, if the task told; 1 when it has succeeded. */
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

/** Copies of both parts of a record, as words and as times. `run[0]` is 0 if the task has not been started. */
export interface RecordCopy {
  readonly label: Int32Array;
  readonly run: Int32Array;
  readonly labelTimes: Float64Array;
  readonly runTimes: Float64Array;
  readonly requestId: string | undefined;
}

/** What a copy of a record says of task `id`. `asked`: to stop, while it ran. `offset`: from its times to wall time. */
export function describe(
  id: number,
  copy: RecordCopy,
  asked: boolean,
  outcome: unknown,
  offset: number,
): TaskRecord {
  const { label, run } = copy;
  const state = (run[0] ?? 0) & 7;
  const hasRun = state !== 0 && state !== State.DROPPED; // else the executor's part tells of a former task
  const task = label[TASK] ?? 0;
  const { enqueued, started, finished } = timesOf(copy, state);
  const timeout = hasRun ? (copy.runTimes[TIMEOUT] ?? 0) : 0;
  const size = isOutcome(state) ? (run[SIZE] ?? 0) : 0;
  return {
    id,
    fn: task >> 1,
    kind: (task & 1) === 1 ? 'async' : 'sync',
    state: STATE_NAMES[state] ?? 'queued',
    requestId: copy.requestId,
    cancelRequested: state === State.DROPPED || asked,
    progress: progressOf(run, state),
    enqueued: enqueued + offset,
    started: started && started + offset,
    finished: finished && finished + offset,
    deadline: started && timeout > 0 ? started + offset + timeout : undefined,
    outcome: state === State.OVERDUE ? new TaskTimeoutError(timeout) : outcome,
    omittedBytes: size < 0 ? -size : undefined,
  };
}

function progressOf(run: Int32Array, state: number): number | undefined {
  if (state === State.SUCCEEDED) return 1;
  const progress = state === 0 || state === State.DROPPED ? -1 : (run[PROGRESS] ?? -1);
  return progress < 0 ? undefined : progress / 1e6;
}

/**
 * Never out of order. STARTED may be the executor's last look at the clock, just before the task came; DROPPED may be
 * left by one who cancelled the record's former task too late.
 */
function timesOf(
  { labelTimes, runTimes }: RecordCopy,
  state: number,
): { enqueued: number; started: number | undefined; finished: number | undefined } {
  const enqueued = labelTimes[ENQUEUED] ?? 0;
  if (state === 0) return { enqueued, started: undefined, finished: undefined };
  if (state === State.DROPPED) {
    return { enqueued, started: undefined, finished: Math.max(labelTimes[DROPPED] ?? 0, enqueued) };
  }
  const started = Math.max(runTimes[STARTED] ?? 0, enqueued);
  if (state === State.RUNNING) return { enqueued, started, finished: undefined };
  const finished = runTimes[state === State.OVERDUE ? OVERDUE : FINISHED] ?? 0;
  return { enqueued, started, finished: Math.max(finished, started) };
}
