/**
 * The entry of a task in the ledger: all that is known of the task. To users it is the task's handle: the type that they see
 * has no field that can be written.
 */
import type { OnSent, Sender } from '../channel/index.js';
import type { Task } from '../task/index.js';
import { wallTime } from './clock.js';
import { TaskCancelledError } from './errors.js';
import type { FinalState, TaskHandle, TaskRecord, TaskState, TaskType } from './record.js';
import type { Running } from './runs.js';

/** What an entry asks of the ledger. */
export interface Book {
  /** The task's message was sent. */
  admit(entry: Entry, position: number): void;
  read(entry: Entry): TaskRecord;
  cancel(entry: Entry): TaskState;
  /** Resolves when the task has ended. */
  whenEnded(entry: Entry): Promise<void>;
}

export class Entry<R = unknown> implements TaskHandle<R>, OnSent {
  readonly type: TaskType;
  readonly requestId: string | undefined;
  /** `undefined`: another thread has sent the task. */
  readonly tx: Sender<Task> | undefined;
  /** -1: it is not in the queue yet. */
  id = -1;
  /** Times are on the clock of clock.ts. */
  enqueuedAt = 0;
  startedAt: number | undefined = undefined;
  finishedAt: number | undefined = undefined;
  /** `undefined`: the task is queued or runs. */
  final: FinalState | undefined = undefined;
  stopAsked = false;
  outcome: unknown = undefined;
  /** Called when the task has ended. */
  waiters: (() => void)[] | undefined = undefined;
  readonly #ledger: Book;

  constructor(ledger: Book, type: TaskType, requestId?: string, tx?: Sender<Task>) {
    this.#ledger = ledger;
    this.type = type;
    this.requestId = requestId;
    this.tx = tx;
  }

  /** The task is in the queue. */
  sent(position: number): void {
    this.#ledger.admit(this, position);
  }

  status(): TaskRecord {
    return this.#ledger.read(this);
  }

  cancel(): TaskState {
    return this.#ledger.cancel(this);
  }

  async ended(): Promise<TaskRecord> {
    await this.#ledger.whenEnded(this);
    return this.status();
  }

  async finished(): Promise<R> {
    await this.#ledger.whenEnded(this);
    const { final, outcome } = this;
    if (final === 'cancelled') throw new TaskCancelledError(outcome);
    if (final === 'succeeded') return outcome as R;
    throw outcome;
  }

  /** `run`: what the table of runs says, if the task may run. */
  describe(run?: Pick<Running, 'started' | 'progress'>): TaskRecord {
    const { id, requestId, outcome, final, enqueuedAt, finishedAt } = this;
    const { name, kind, timeout } = this.type;
    const startedAt = this.startedAt ?? (run?.started && Math.max(run.started, enqueuedAt));
    return {
      id,
      name,
      kind,
      state: final ?? (startedAt === undefined ? 'queued' : 'running'),
      requestId,
      cancelRequested: this.stopAsked,
      progress: final === 'succeeded' ? 1 : run?.progress,
      enqueued: wallTime(enqueuedAt),
      started: startedAt && wallTime(startedAt),
      finished: finishedAt && wallTime(finishedAt),
      deadline: startedAt !== undefined && timeout > 0 ? wallTime(startedAt) + timeout : undefined,
      outcome,
    };
  }
}
