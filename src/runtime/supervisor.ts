/**
 * The supervisor: keeps one worker thread running. When it dies, what ran in it fails, and another thread goes on with
 * the queue: at once, or later and later if threads keep dying at once. A task that is past its deadline and cannot end
 * by itself is ended together with its thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Deadlines } from './deadlines.js';
import { type WorkerDeathEvent, workerDeathChannel } from './diagnostics.js';
import { errorFromOutside, WorkerCrashedError } from './errors.js';
import type { Ledger } from './ledger.js';
import { freeLog } from './log.js';
import { reportFailure } from './report.js';
import { Thread, type ThreadEnd } from './thread.js';
import type { WorkerSetup } from './worker.js';

/**
 * A thread that died this soon after it had imported the tasks, or before, and not over a task, died "at once": the next
 * ones start later and later.
 */
const AT_ONCE_MS = 1000;
const BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;

/** Owns the worker threads of a runtime, one after the other. */
export class Supervisor {
  /** The ids of the tasks that were ended because the runtime gave up. */
  cutOff: readonly number[] = [];
  readonly #ledger: Ledger;
  readonly #setup: Omit<WorkerSetup, 'port'>;
  readonly #startTimeout: number;
  readonly #gaveUp = new AbortController();
  /** Of the tasks' functions, once a thread has started. */
  #names: readonly string[] = [];
  #thread: Thread | undefined;
  /** How many threads in turn have died at once. */
  #deaths = 0;

  constructor(ledger: Ledger, setup: Omit<WorkerSetup, 'port'>, startTimeout: number) {
    this.#ledger = ledger;
    this.#setup = setup;
    this.#startTimeout = startTimeout;
  }

  /** Tasks are run, or are about to be. */
  get healthy(): boolean {
    if (this.#thread === undefined) return false;
    const { running, age } = this.#thread;
    if (this.#deaths < 2) return running || age < AT_ONCE_MS; // one that takes longer to start, or to end, may never
    return running && age >= AT_ONCE_MS; // it has not died at once as those before it did
  }

  /**
   * Starts one thread after the other until the queue is drained, or given up. `onStarted`: the first is ready.
   *
   * @throws the error that ended the first one before it was ready
   */
  async run(onStarted: () => void): Promise<void> {
    for (let everStarted = false; !this.#gaveUp.signal.aborted; ) {
      const deadlines = new Deadlines(this.#ledger, (cause) => this.#thread?.terminate(cause));
      this.#thread = new Thread(this.#setup, this.#startTimeout, ({ names, timeouts }) => {
        this.#names = names;
        if (timeouts) deadlines.watch();
        onStarted();
      });
      const end = await this.#thread.end;
      this.#thread = undefined;
      deadlines.rest();
      const victims = [...deadlines.ended, ...this.#failRunning(end.cause)];
      freeLog(end.threadId);
      everStarted ||= end.started;
      if (end.drained || this.#gaveUp.signal.aborted) return;
      if (!everStarted) throw end.cause;
      for (const id of victims) this.#report(id);
      await this.#backOff(end, victims.length);
    }
  }

  /** The name of a task's function, by its number. */
  nameOf(fn: number): string {
    return this.#names[fn] ?? 'closure';
  }

  /** Ends the thread now, and starts no other. */
  giveUp(): void {
    this.#gaveUp.abort();
    this.#thread?.terminate(errorFromOutside('the runtime was closed'));
  }

  /** Waits for so many milliseconds, or until the runtime gives up. */
  async pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#gaveUp.signal }).catch(() => {});
  }

  /** What ran in the thread that has ended is not run again. Returns the ids. */
  #failRunning(cause: Error): readonly number[] {
    const ids = this.#ledger.running();
    if (this.#gaveUp.signal.aborted) this.cutOff = ids;
    for (const id of ids) this.#ledger.fail(id, new WorkerCrashedError(cause));
    this.#ledger.handOver();
    return ids;
  }

  /** Of a task that ended with its thread: that could not say so. */
  #report(id: number): void {
    const record = this.#ledger.read(id);
    if (record === undefined) return;
    const name = this.nameOf(record.fn);
    reportFailure(console.error, { id, name, state: 'failed', error: record.outcome }, record);
  }

  async #backOff({ cause, ms }: ThreadEnd, victims: number): Promise<void> {
    this.#deaths = ms < AT_ONCE_MS && victims === 0 ? this.#deaths + 1 : 0;
    const delay = this.#deaths < 2 ? 0 : Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (this.#deaths - 2));
    if (workerDeathChannel.hasSubscribers)
      workerDeathChannel.publish({ cause, delay } satisfies WorkerDeathEvent);
    console.error(`worker thread ended: ${inspect(cause)}\nstarting another in ${delay} ms`);
    await this.pause(delay);
  }
}
