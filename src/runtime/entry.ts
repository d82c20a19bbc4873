/** What the ledger keeps of a task. Only the ledger changes it, and the supervisor, when a thread has died. */
import type { Sender } from '../channel/index.js';
import type { NamedDefinition, Task, TaskKind } from '../task/index.js';
import { wallTime } from './clock.js';
import type { FinalState, TaskRecord, TaskState } from './record.js';

/** What is known of a task by its name, as the first worker thread reported it. */
export type Known = Pick<NamedDefinition, 'key' | 'name' | 'kind' | 'timeout'>;

const CLOSURE = { key: 0, name: 'closure', timeout: 0 } as const;
/** What is known of each task of `move`. */
export const CLOSURES: Readonly<Record<TaskKind, Known>> = {
  sync: { ...CLOSURE, kind: 'sync' },
  async: { ...CLOSURE, kind: 'async' },
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
