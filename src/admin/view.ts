/** What the page shows: the queue, its recent tasks, and how the worker fares, read from shared memory. */
import type { Sender } from '../channel/index.js';
import { toJson } from '../http/index.js';
import { BOUNDS_MS, type Runtime, readPulse, type Task, type TaskRecord } from '../runtime/index.js';
import { LoopDelay } from './delay.js';
import type { Death, WorkerLife } from './life.js';

/** What is looked at. */
export interface Watched {
  readonly tx: Sender<Task>;
  readonly runtime: Runtime;
}

type Shown =
  | 'id'
  | 'kind'
  | 'state'
  | 'cancelRequested'
  | 'progress'
  | 'enqueued'
  | 'started'
  | 'finished'
  | 'deadline';

/** A task on the page. Times are in milliseconds since 1970. */
export interface Row extends Pick<TaskRecord, Shown> {
  readonly name: string;
}

/** All that the page shows at one moment. */
export interface Snapshot {
  readonly time: number;
  readonly capacity: number;
  /** How many messages stand in the channel, and how many sends wait for room. */
  readonly depth: number;
  readonly waiting: number;
  /** The last tasks, oldest first. */
  readonly tasks: readonly Row[];
  /** Since the start of the process. */
  readonly ended: { readonly succeeded: number; readonly failed: number; readonly cancelled: number };
  readonly enqueued: number;
  readonly running: readonly number[];
  /** Times waited and run, counted in buckets (`bounds`). */
  readonly wait: readonly number[];
  readonly run: readonly number[];
  /** How late the event loops of the two threads are, in milliseconds. */
  readonly delay: { readonly main: number; readonly worker: number };
  readonly bounds: readonly number[];
  readonly worker: 'running' | 'draining' | 'failing';
  readonly restarts: number;
  readonly deaths: readonly Death[];
}

/** How many tasks the page lists. */
const RECENT = 100;

export class View {
  readonly #watched: Watched;
  readonly #life: WorkerLife;
  readonly #delay = new LoopDelay();

  constructor(watched: Watched, life: WorkerLife) {
    this.#watched = watched;
    this.#life = life;
  }

  /** Somebody watches: the event loop's delay is measured. */
  start(): void {
    this.#delay.start();
  }

  stop(): void {
    this.#delay.stop();
  }

  /** A task and what came of it, for who wants to know more. */
  task(id: number): Record<string, unknown> | undefined {
    const record = this.#watched.runtime.ledger.read(id);
    if (record === undefined) return undefined;
    const { state, outcome, omittedBytes } = record;
    const error = state === 'succeeded' ? {} : { error: toJson(outcome, true) };
    const came = state === 'succeeded' ? { result: toJson(outcome) } : error;
    return {
      ...this.#row(record),
      requestId: record.requestId,
      omittedBytes,
      ...(outcome === undefined ? {} : came),
    };
  }

  snapshot(): Snapshot {
    const { tx, runtime } = this.#watched;
    const { ledger } = runtime;
    const totals = ledger.tally.read();
    const sum = (key: 'succeeded' | 'failed' | 'cancelled') =>
      totals.reduce((total, each) => total + each[key], 0);
    const ended = { succeeded: sum('succeeded'), failed: sum('failed'), cancelled: sum('cancelled') };
    const records = ledger.latest(RECENT).flatMap((id) => ledger.read(id) ?? []);
    return {
      time: Date.now(),
      capacity: tx.capacity,
      depth: tx.length,
      waiting: tx.waiting,
      tasks: records.map((record) => this.#row(record)),
      ended,
      enqueued: ended.succeeded + ended.failed + ended.cancelled + ledger.open().length,
      running: ledger.running(),
      wait: addUp(totals.map(({ wait }) => wait.counts)),
      run: addUp(totals.map(({ run }) => run.counts)),
      delay: { main: this.#delay.take(), worker: readPulse(ledger.memory) },
      bounds: BOUNDS_MS,
      worker: runtime.failing ? 'failing' : runtime.ending ? 'draining' : 'running',
      restarts: this.#life.restarts,
      deaths: this.#life.deaths,
    };
  }

  #row(record: TaskRecord): Row {
    const { id, kind, state, cancelRequested, progress, enqueued, started, finished, deadline } = record;
    const name = this.#watched.runtime.nameOf(record);
    return { id, name, kind, state, cancelRequested, progress, enqueued, started, finished, deadline };
  }
}

function addUp(lists: readonly (readonly number[])[]): number[] {
  const [first = []] = lists;
  return first.map((_, index) => lists.reduce((total, list) => total + (list[index] ?? 0), 0));
}
