/**
 * The supervisor: keeps one worker thread running. When it dies, the tasks that ran in it fail, and another thread goes on
 * with the queue: at once, or later and later if threads keep dying at once.
 *
 * Death, in one sentence: when the thread has ended, its ends are drained; a task that a row of the table names, that
 * was taken and has no end has failed; every other task waits in the channel for the next thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { reportFailure } from '../log/index.js';
import { now } from './clock.js';
import { Deadlines } from './deadlines.js';
import { type WorkerDeathEvent, workerDeathChannel } from './diagnostics.js';
import type { Entry } from './entry.js';
import { errorFromOutside, TaskTimeoutError, WorkerCrashedError } from './errors.js';
import type { Ledger } from './ledger.js';
import { Thread } from './thread.js';
import type { WorkerSetup } from './worker.js';

/** A thread that died sooner, and not over a task, died "at once". The time counts from the import of the tasks. */
const AT_ONCE_MS = 1000;
const BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;
/** So many deaths are remembered. */
const MOST_DEATHS = 10;

/** A thread has died, before the runtime's end. `time` is in milliseconds since 1970, `delay`: after it, another was started. */
export interface Death {
  readonly time: number;
  readonly cause: string;
  readonly delay: number;
}

type Setup = Omit<WorkerSetup, 'port'>;

/** Owns the worker threads of a runtime, one after the other. */
export class Supervisor {
  /** The tasks that were ended because the runtime gave up. */
  cutOff: readonly Entry[] = [];
  restarts = 0;
  /** The last ones, oldest first. */
  readonly deaths: Death[] = [];
  readonly #ledger: Ledger;
  readonly #deadlines: Deadlines;
  readonly #setup: Setup;
  readonly #gaveUp = new AbortController();
  #thread: Thread | undefined;
  /** How many threads in turn have died at once. */
  #atOnce = 0;

  constructor(ledger: Ledger, setup: Setup) {
    this.#ledger = ledger;
    this.#deadlines = new Deadlines(ledger, (cause) => this.#thread?.terminate(cause));
    this.#setup = setup;
    ledger.onStop = () => this.#thread?.tellStop();
  }

  /** Tasks are run, or are about to be. */
  get healthy(): boolean {
    if (this.#thread === undefined) return false;
    const { running, age } = this.#thread;
    if (this.#atOnce < 2) return running || age < AT_ONCE_MS; // after that it counts as stuck in its start, or its end
    return running && age >= AT_ONCE_MS; // it has not died at once as those before it did
  }

  /**
   * Starts one thread after the other until the queue is drained, or given up. `onStarted`: one is ready.
   *
   * @throws the error that ended the first one before it was ready
   */
  async run(onStarted: () => void): Promise<void> {
    const { types } = this.#ledger;
    for (let everStarted = false; !this.#gaveUp.signal.aborted; ) {
      const thread = new Thread(this.#setup, (tasks) => {
        if (types.size === 0) for (const each of tasks) types.set(each.key, each); // those of the first thread hold
        onStarted();
      });
      this.#thread = thread;
      const cause = await thread.ended;
      this.#thread = undefined;
      const victims = this.#bury(cause);
      if (thread.drained || this.#gaveUp.signal.aborted) return;
      everStarted ||= thread.started;
      if (!everStarted) throw cause;
      for (const { id, type, outcome: error, requestId, startedAt = 0, finishedAt = 0 } of victims) {
        const [name, duration] = [type.name, finishedAt - startedAt];
        reportFailure(console.error, { id, name, state: 'failed', error, requestId, duration });
      }
      await this.#backOff(thread.ran, cause, victims.length);
    }
  }

  /** Ends the thread now, and starts no other. */
  giveUp(): void {
    this.#gaveUp.abort();
    this.#thread?.terminate(errorFromOutside('the runtime was closed'));
  }

  /** Waits for so many milliseconds, or until the runtime gives up. */
  async pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#gaveUp.signal, ref: false }).catch(() => {});
  }

  /** What ran in the thread that has ended is not run again. Returns those tasks. */
  #bury(cause: Error): readonly Entry[] {
    this.#ledger.handOver();
    const victims = this.#ledger.running(true).map(({ task, started }) => {
      const late = task === this.#deadlines.victim;
      task.outcome = late ? new TaskTimeoutError(task.type.timeout) : new WorkerCrashedError(cause);
      this.#ledger.finish(task, 'failed', now(), started);
      return task;
    });
    if (this.#gaveUp.signal.aborted) this.cutOff = victims;
    this.#ledger.runs.reset();
    this.#deadlines.watch();
    return victims;
  }

  async #backOff(ran: number, cause: Error, victims: number): Promise<void> {
    this.#atOnce = ran < AT_ONCE_MS && victims === 0 ? this.#atOnce + 1 : 0;
    const delay = this.#atOnce < 2 ? 0 : Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (this.#atOnce - 2));
    this.restarts += 1;
    this.deaths.push({ time: Date.now(), cause: String(cause), delay });
    if (this.deaths.length > MOST_DEATHS) this.deaths.shift();
    if (workerDeathChannel.hasSubscribers)
      workerDeathChannel.publish({ cause, delay } satisfies WorkerDeathEvent);
    console.error(`worker thread ended: ${inspect(cause)}\nstarting another in ${delay} ms`);
    await this.pause(delay);
  }
}
