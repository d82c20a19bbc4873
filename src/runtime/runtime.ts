/**
 * The runtime: a channel's receiver, the ledger, and the worker thread that runs the executor, with its supervisor. All but
 * the worker lives on the thread that started it, the owner. Nothing here is on the way of a task.
 */
import { keepAlive, Receiver, type ReceiverHandle } from '../channel/index.js';
import { Call } from '../codec/index.js';
import { expectInteger, shown } from '../expect.js';
import { isJson, tameStreams } from '../log/index.js';
import type { Task } from '../task/index.js';
import { now } from './clock.js';
import type { Ended } from './counts.js';
import { createEnds } from './ends.js';
import { registerLedger } from './enqueue.js';
import type { Entry } from './entry.js';
import { expectProgram } from './importing.js';
import { Ledger } from './ledger.js';
import { checkedDrain, checkedOptions, type DrainOptions, type RuntimeOptions } from './options.js';
import type { TaskHandle, TaskRecord } from './record.js';
import { createRuns } from './runs.js';
import { type Death, Supervisor } from './supervisor.js';

/** What became of the tasks that were open when the runtime was asked to end; of other threads' tasks, if it knew of them. */
export interface DrainReport {
  readonly finished: readonly TaskRecord[];
  /** Ended with the thread while they ran, or cancelled before they were started. Each is logged. */
  readonly unfinished: readonly TaskRecord[];
}

/** Numbers for people and for monitoring. */
export interface RuntimeStats {
  readonly capacity: number;
  /** Messages in the channel. */
  readonly queued: number;
  /** Callers of `runTask` that wait for room. */
  readonly waiting: number;
  /** The ids of the tasks that run. */
  readonly running: readonly number[];
  /** By the name of the tasks' function. */
  readonly ended: ReadonlyMap<string, Ended>;
  /** How many worker threads have died. */
  readonly restarts: number;
  /** The last deaths, oldest first. */
  readonly deaths: readonly Death[];
}

/**
 * Starts the worker thread. Resolves when it has imported the tasks.
 *
 * @throws whatever the tasks module throws while it loads, or whatever keeps the thread from starting;
 * TypeError or RangeError for a wrong option
 */
export async function startRuntime(rx: Receiver<Task>, options: RuntimeOptions): Promise<Runtime> {
  expectProgram();
  const runtime = new Runtime(rx, options);
  await runtime.started;
  return runtime;
}

/** A worker thread and its supervisor. Made by {@link startRuntime}. */
export class Runtime {
  /** @internal Resolves when the first thread is ready; rejects with the error that ended it before. */
  readonly started: Promise<void>;
  readonly #rx: Receiver<Task>;
  readonly #handle: ReceiverHandle<Task>;
  readonly #ledger: Ledger;
  readonly #supervisor: Supervisor;
  #ended: Promise<void> | undefined;
  #report: Promise<DrainReport> | undefined;

  /** @internal */
  constructor(rx: Receiver<Task>, options: RuntimeOptions) {
    if (!(rx instanceof Receiver)) throw new TypeError(`Expected \`rx\` to be a Receiver, got ${shown(rx)}`);
    const { tasks, concurrency, log } = checkedOptions(options);
    expectInteger('maxBytes', rx.maxBytes, 1024, 2 ** 30); // the error of a task has room
    const handle = rx.share(); // throws if the receiver is in use
    const memory = { ends: createEnds(rx.maxBytes), runs: createRuns(concurrency) };
    this.#rx = rx;
    this.#handle = handle;
    this.#ledger = new Ledger(rx, memory);
    tameStreams();
    const setup = { rx: handle, ...memory, tasks: tasks.href, log, json: isJson() };
    this.#supervisor = new Supervisor(this.#ledger, setup);
    registerLedger(rx.memory, new Error('Expected startRuntime to have resolved: await it before runTask'));
    this.started = new Promise((ready, refuse) => {
      this.#ended = this.#supervise(ready).catch(refuse);
    });
    keepAlive(1); // while it starts
    void this.started.catch(() => {}).finally(() => keepAlive(-1));
  }

  /** No thread runs tasks or is about to, and the runtime has not been asked to end. */
  get failing(): boolean {
    return !this.ending && !this.#supervisor.healthy;
  }

  /** Tasks are accepted and run: the runtime is neither failing nor ending. */
  get ready(): boolean {
    return !this.ending && this.#supervisor.healthy;
  }

  /** The runtime has been asked to end. */
  get ending(): boolean {
    return this.#report !== undefined;
  }

  /** The recent tasks, newest first: all that are open, and those that have ended last. */
  tasks(): TaskRecord[] {
    const running = new Map(this.#ledger.running().map((run) => [run.task, run]));
    return this.#ledger.entries().map((entry) => entry.describe(running.get(entry)));
  }

  /** A recent task. */
  task(id: number): TaskHandle | undefined {
    return this.#ledger.entry(id);
  }

  /** Resolves when no task is queued or runs. A task of another thread counts once it has been seen running. */
  idle(): Promise<void> {
    return this.#ledger.idle();
  }

  stats(): RuntimeStats {
    const running = this.#ledger.running().map(({ task }) => task.id);
    const { capacity, length: queued } = this.#rx;
    const { senders, counts } = this.#ledger;
    const waiting = [...senders].reduce((sum, tx) => sum + tx.waiting, 0);
    const { restarts, deaths } = this.#supervisor;
    const ended = structuredClone(counts);
    return { capacity, queued, waiting, running, ended, restarts, deaths: [...deaths] };
  }

  /**
   * Accepts no more tasks, runs what is queued, and ends the thread; after `timeout` milliseconds it gives up: the
   * running task ends with its thread (inside a system call, once that returns), the queued ones are cancelled. For the
   * first `delay` milliseconds it is only not `ready`, and still accepts tasks. A second call has the first one's options.
   */
  drain(options: DrainOptions = {}): Promise<DrainReport> {
    const { timeout, delay } = checkedDrain(options);
    this.#report ??= this.#drain(timeout, delay);
    return this.#report;
  }

  /** Ends the thread now, whatever it does. Queued tasks are cancelled. The report says what was cut off. */
  close(): Promise<DrainReport> {
    const report = this.drain({ timeout: 0 }); // the report of the drain that is under way, if there is one
    this.#supervisor.giveUp();
    return report;
  }

  /** `await using` drains. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  async #supervise(ready: () => void): Promise<void> {
    const { memory } = this.#rx;
    try {
      await this.#supervisor.run(() => {
        registerLedger(memory, this.#ledger);
        ready();
      });
    } catch (cause) {
      registerLedger(memory, new Error('The runtime could not be started', { cause }));
      this.#discard();
      this.#ledger.stop();
      throw cause;
    }
  }

  async #drain(timeout: number, delay: number): Promise<DrainReport> {
    keepAlive(1);
    const timer = setTimeout(() => this.#supervisor.giveUp(), timeout);
    if (delay > 0) await this.#supervisor.pause(delay);
    this.#rx.close();
    const open = this.#ledger.entries().filter(({ final }) => final === undefined);
    await this.#ended;
    clearTimeout(timer);
    const unfinished = new Set([...this.#supervisor.cutOff, ...this.#discard()]);
    this.#ledger.stop();
    keepAlive(-1);
    const finished = open.reverse().filter((entry) => !unfinished.has(entry));
    const describe = (entry: Entry) => entry.describe();
    for (const { id, type, final } of unfinished) console.error(`lost: task ${id} (${type.name}) ${final}`);
    return { finished: finished.map(describe), unfinished: [...unfinished].map(describe) };
  }

  /** Takes what is left out of the channel. Returns the tasks. */
  #discard(): Entry[] {
    const lost: Entry[] = [];
    Receiver.attach(this.#handle).discard((id, message) => {
      const key = (message instanceof Call && this.#ledger.typeOf(message)?.key) || 0;
      const entry = this.#ledger.entry(id) ?? this.#ledger.adopt(id, key, now()); // of another thread, never started
      if (entry.final !== undefined) return;
      this.#ledger.finish(entry, 'cancelled', now());
      lost.push(entry);
    });
    return lost;
  }
}
