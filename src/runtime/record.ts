/**
 * What is known of a task: the ledger keeps it in an entry, and shows it as a record. Only the ledger changes an entry, and
 * the supervisor, when a thread has died.
 */
import type { Sender } from '../channel/index.js';
import type { NamedDefinition, Task, TaskKind } from '../task/index.js';
import { wallTime } from './clock.js';

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

/** What is known of a task by its name, as the first worker thread reported it. */
export type Known = Pick<NamedDefinition, 'key' | 'name' | 'kind' | 'timeout'>;

/** What is known of the tasks of `move`. No name has their keys. */
export const CLOSURES: Readonly<Record<TaskKind, Known>> = {
  sync: { key: 0, name: 'closure', kind: 'sync', timeout: 0 },
  async: { key: 1, name: 'closure', kind: 'async', timeout: 0 },
};

/** What a handle asks of the ledger. */
export interface Book {
  /** How many callers of `runTask` wait for room. */
  waiting: number;
  /** The task's message was sent. */
  admit(entry: Entry, position: number): void;
  read(entry: Entry): TaskRecord;
  cancel(entry: Entry): TaskState;
  /** Resolves when the task has ended. */
  end(entry: Entry): Promise<void>;
}

export class Entry {
  readonly ledger: Book;
  readonly known: Known;
  readonly requestId: string | undefined;
  /** `undefined`: another thread has sent the task. */
  readonly tx: Sender<Task> | undefined;
  /** -1: it is not in the queue yet. */
  id = -1;
  enqueued = 0;
  started: number | undefined = undefined;
  finished: number | undefined = undefined;
  final: FinalState | undefined = undefined;
  stopAsked = false;
  outcome: unknown = undefined;
  omittedBytes: number | undefined = undefined;
  /** Called when the task has ended. */
  waiters: (() => void)[] | undefined = undefined;

  constructor(ledger: Book, known: Known, requestId?: string, tx?: Sender<Task>) {
    this.ledger = ledger;
    this.known = known;
    this.requestId = requestId;
    this.tx = tx;
  }

  /** The task is in the queue. */
  sent(position: number): void {
    this.ledger.admit(this, position);
  }

  /** `run`: what the table of runs says, if the task may run. */
  describe(run?: {
    readonly started: number | undefined;
    readonly progress: number | undefined;
  }): TaskRecord {
    const { id, requestId, enqueued, finished, outcome, omittedBytes, final } = this;
    const { name, kind, timeout } = this.known;
    const started = this.started ?? (run?.started && Math.max(run.started, enqueued));
    return {
      id,
      name,
      kind,
      state: final ?? (started === undefined ? 'queued' : 'running'),
      requestId,
      cancelRequested: this.stopAsked,
      progress: final === 'succeeded' ? 1 : run?.progress,
      enqueued: wallTime(enqueued),
      started: started && wallTime(started),
      finished: finished && wallTime(finished),
      deadline: started !== undefined && timeout > 0 ? wallTime(started) + timeout : undefined,
      outcome,
      omittedBytes,
    };
  }
}
