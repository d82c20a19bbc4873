/**
 * The ledger: what the owner knows of recent tasks. The owner is the thread that started the runtime; it alone makes
 * entries, changes them, and counts. All it learns comes by the ring of ends (ends.ts) and the table of runs (runs.ts).
 *
 *   queued ──► running ──► succeeded | failed | cancelled          an end was drained
 *      │          └──────► failed                                  the thread died before the task's end was published
 *      └─────────────────► cancelled                               its message was taken back, or discarded
 *
 * `running` is not stored: it follows from the table. An entry is kept from the moment in which the task's message has been
 * sent. That is early enough: only the owner drains ends, and it is one thread. A task that another thread has sent gets
 * its entry when the owner first sees it running or ended.
 */
import { duties, keepAlive, type Receiver, type Sender } from '../channel/index.js';
import { Decoder } from '../codec/index.js';
import { restoreThrown, type Thrown } from '../log/index.js';
import type { Task } from '../task/index.js';
import { now } from './clock.js';
import { Count } from './counts.js';
import { isWatched, tellEnded, tellEnqueued } from './diagnostics.js';
import { Collector, type End } from './ends.js';
import { Entries } from './entries.js';
import { type Book, Entry } from './entry.js';
import { CLOSURES, type FinalState, type TaskRecord, type TaskState, type TaskType } from './record.js';
import { type Running, Runs } from './runs.js';

/** After so many sends the ends are drained. */
const DRAIN_EVERY = 32;

/** How long the process waits for tasks that other threads have queued, before it looks again. */
const STAY_MS = 20;

export class Ledger implements Book {
  /** By key. Empty until the first thread has started. */
  readonly types: Map<number, TaskType> = new Map<number, TaskType>();
  readonly counts: Map<string, Count> = new Map<string, Count>();
  readonly runs: Runs;
  /** Those that `runTask` was called with. */
  readonly senders: Set<Sender<Task>> = new Set<Sender<Task>>();
  /** Called when a task with this timeout is in the queue. */
  onTimed: (timeout: number) => void = () => {};
  /** Called when a running task was asked to stop. */
  onStop: () => void = () => {};
  readonly #channel: Receiver<Task>;
  readonly #entries: Entries;
  readonly #decoder: Decoder;
  readonly #ends: Collector;
  /** Callers that wait for an end. */
  #awaited = 0;
  #idle: (() => void)[] = [];

  constructor(
    channel: Receiver<Task>,
    memory: { readonly ends: SharedArrayBuffer; readonly runs: SharedArrayBuffer },
  ) {
    this.#channel = channel;
    this.#entries = new Entries(channel.limit);
    this.runs = new Runs(memory.runs);
    this.#decoder = new Decoder(channel.maxBytes);
    this.#ends = new Collector(memory.ends, this.#decoder, (end, size) => this.#learn(end, size));
    void this.#ends.listen(
      () => this.#isEager,
      () => void this.running(),
    );
    process.on('beforeExit', this.#stay);
    duties.add(this.drain); // the worker may wait for room in the ring of ends
  }

  admit(entry: Entry, position: number): void {
    entry.enqueuedAt = now();
    this.#add(entry, this.#entries.idOf(position));
    tellEnqueued(entry);
    if (this.#isEager) this.#ends.beEager();
    else if (entry.id % DRAIN_EVERY === 0) this.drain();
  }

  #add(entry: Entry, id: number): void {
    entry.id = id;
    this.#entries.add(entry);
    const { timeout } = entry.type;
    if (timeout > 0) this.onTimed(timeout);
  }

  /** Learns of all tasks that have ended. */
  readonly drain = (): void => this.#ends.drain();

  #learn({ id, key, state, started, finished }: End, size: number): void {
    const entry = this.#entries.findOpen(id) ?? this.adopt(id, key, started);
    let final = state;
    try {
      const value = size > 0 ? this.#decoder.decode(size) : undefined;
      entry.outcome = state === 'succeeded' ? value : restoreThrown(value as Thrown);
    } catch (error) {
      final = 'failed'; // V8 encodes some errors, with an odd stack or cause, such that it cannot decode them
      entry.outcome = error;
    }
    this.finish(entry, final, finished, started);
  }

  /** `undefined`: the task is of another module. */
  typeOf({ kind, fn }: Pick<Task, 'kind' | 'fn'>): TaskType | undefined {
    const type = typeof fn === 'number' ? this.types.get(fn) : CLOSURES[kind];
    return type?.kind === kind ? type : undefined;
  }

  /** A task that another thread has sent is seen for the first time. */
  adopt(id: number, key: number, time: number): Entry {
    const closure = key === CLOSURES.async.key ? CLOSURES.async : CLOSURES.sync;
    const entry = new Entry(this, this.types.get(key) ?? closure);
    entry.enqueuedAt = time;
    this.#add(entry, id);
    return entry;
  }

  finish(entry: Entry, state: FinalState, finished: number, started?: number): void {
    entry.final = state;
    // The worker's last look at the clock may be older than the task.
    if (started !== undefined) entry.startedAt = Math.max(started, entry.enqueuedAt);
    entry.finishedAt = Math.max(finished, entry.startedAt ?? entry.enqueuedAt);
    const { name } = entry.type;
    const count = this.counts.get(name) ?? new Count();
    this.counts.set(name, count);
    count.add(state, entry.enqueuedAt, entry.startedAt, entry.finishedAt);
    this.#entries.end(entry);
    if (this.#entries.open === 0) for (const resolve of this.#idle.splice(0)) resolve();
    tellEnded(entry);
    if (entry.waiters !== undefined) for (const resolve of entry.waiters.splice(0)) resolve();
  }

  /**
   * What runs now, as the table says. A task of another thread is known once it is named there. `isDead`: the thread has
   * ended, so each task counts that it has taken, also one that is not named.
   */
  running(isDead = false): (Running & { readonly task: Entry })[] {
    this.drain();
    const list = this.runs.list().flatMap((run) => {
      const id = this.#entries.idOf(run.position);
      if (this.#channel.isHere(run.position)) return []; // it is about to be taken
      const entry = this.#entries.find(id);
      if (entry === undefined && run.key === undefined && !isDead) return [];
      return [{ ...run, task: entry ?? this.adopt(id, run.key ?? 0, run.started ?? now()) }];
    });
    this.drain(); // a task that has been taken, and that the table did not name, has ended between the two looks
    // The table may still name a task that has ended. Its entry is kept for long enough to know.
    return list.filter(({ task }) => task.final === undefined);
  }

  /** All entries, newest first. */
  entries(): Entry[] {
    this.running(); // adopts those of other threads
    return this.#entries.all();
  }

  open(): Entry[] {
    return this.#entries.allOpen();
  }

  entry(id: number): Entry | undefined {
    this.drain();
    return this.#entries.find(id);
  }

  read(entry: Entry): TaskRecord {
    return entry.describe(this.#runOf(entry));
  }

  #runOf(entry: Entry): Running | undefined {
    return this.running().find(({ task }) => task === entry);
  }

  /** Asks a task to stop. Returns the state that it had: a queued one is cancelled now, a running one has been told. */
  cancel(entry: Entry): TaskState {
    this.drain();
    if (entry.final !== undefined) return entry.final;
    if (entry.tx?.takeBack(entry.id % this.#channel.limit)) {
      entry.stopAsked = true;
      this.finish(entry, 'cancelled', now());
      return 'queued';
    }
    const run = this.#runOf(entry);
    if (run === undefined) return entry.final ?? 'queued';
    entry.stopAsked = true;
    this.runs.stop(run);
    this.onStop();
    return 'running';
  }

  async whenEnded(entry: Entry): Promise<void> {
    this.drain();
    if (entry.final !== undefined) return;
    entry.waiters ??= [];
    await this.#told(entry.waiters);
  }

  /** Resolves when nothing is queued or runs. */
  async idle(): Promise<void> {
    this.drain();
    if (this.#entries.open > 0) await this.#told(this.#idle);
  }

  /**
   * The process would end now. It lives on while a task is open here, or is queued here by another thread. That is looked
   * at no sooner, so the last task need not wake this thread.
   */
  readonly #stay = (): void => {
    void this.idle();
    if (this.#channel.length > 0) setTimeout(() => {}, STAY_MS);
  };

  /** Joins those who wait. Until they are told, the process lives, and each end is learnt of at once. */
  async #told(waiters: (() => void)[]): Promise<void> {
    const told = new Promise<void>((resolve) => waiters.push(resolve));
    this.#awaited += 1;
    keepAlive(1);
    this.#ends.beEager();
    await told;
    keepAlive(-1);
    this.#awaited -= 1;
  }

  /** Somebody wants to know of each end. */
  get #isEager(): boolean {
    return this.#awaited > 0 || isWatched();
  }

  /** The worker thread is dead: what it was about to tell is drained, and the next one will be heard. */
  handOver(): void {
    this.drain();
    this.#ends.bell.ringAlways();
  }

  stop(): void {
    process.off('beforeExit', this.#stay);
    duties.delete(this.drain);
    this.#ends.stop();
  }
}
