/**
 * The runtime: a channel's receiver, a ledger, and the worker thread that runs the executor, with its supervisor on the
 * thread that started it.
 *
 * The queue and the ledger are shared memory and outlive the thread. Nothing here is on the way of a task.
 */
import { Receiver } from '../channel/index.js';
import { Ledger } from './ledger.js';
import { ignoreStderrErrors, logMemory } from './log.js';
import type { TaskRecord } from './record.js';
import { createLedgerMemory } from './records.js';
import { Supervisor } from './supervisor.js';
import type { Task } from './task.js';

export interface RuntimeOptions {
  /** The module that exports `tasks`, made by `defineTasks`. */
  readonly tasks: URL;
  /** How many async tasks may overlap. Default 1: one task at a time. */
  readonly concurrency?: number | undefined;
  /**
   * How many records the ledger keeps, rounded up to a power of two: at least twice the channel's capacity, and twice
   * `concurrency`. Default 1,024, or twice the capacity if that is more.
   */
  readonly history?: number | undefined;
  /** `false`: no lines about each task on stdout. Failed tasks and dying threads are logged on stderr in any case. */
  readonly log?: boolean | undefined;
  /** How long the import of the tasks may take, in milliseconds. Default 30,000. */
  readonly startTimeout?: number | undefined;
}

export interface DrainOptions {
  /** When to give up, in milliseconds. Default 25,000. */
  readonly timeout?: number | undefined;
  /** How long to be only not `ready`, in milliseconds, so that load balancers see it. Default 0. */
  readonly delay?: number | undefined;
}

/** What became of the tasks that were queued or running when the runtime was asked to end. */
export interface DrainReport {
  readonly finished: readonly TaskRecord[];
  /** Ended with the thread while they ran, or cancelled before they were started. */
  readonly unfinished: readonly TaskRecord[];
}

const RESULT_BYTES = 4096;
const DRAIN_MS = 25_000;
const START_MS = 30_000;
const MAX_TIMER = 2 ** 31 - 1;

/**
 * Starts the worker thread. Resolves when it has imported the tasks.
 *
 * @throws whatever the tasks module throws while it loads, or whatever keeps the thread from starting;
 * StartTimeoutError; TypeError or RangeError for a wrong option
 */
export async function startRuntime(rx: Receiver<Task>, options: RuntimeOptions): Promise<Runtime> {
  const runtime = new Runtime(rx, options);
  await runtime.started;
  return runtime;
}

/** A worker thread and its supervisor. Made by {@link startRuntime}. */
export class Runtime {
  /** @internal Resolves when the first thread is ready; rejects with the error that ended it before. */
  readonly started: Promise<void>;
  /** The records of the recent tasks. */
  readonly ledger: Ledger;
  readonly #rx: Receiver<Task>;
  readonly #share: () => Receiver<Task>;
  readonly #supervisor: Supervisor;
  readonly #ended: Promise<void>;
  #ending = false;
  #over = false;
  #report: Promise<DrainReport> | undefined;

  /** @internal */
  constructor(rx: Receiver<Task>, options: RuntimeOptions) {
    const { tasks, concurrency, history, log, startTimeout } = checked(rx, options);
    const memory = createLedgerMemory(history, RESULT_BYTES, concurrency > 1);
    const handle = rx.share(); // throws if the receiver is in use
    rx.link.annex = memory;
    this.ledger = new Ledger(memory);
    ignoreStderrErrors();
    this.#rx = rx;
    this.#share = () => Receiver.attach(handle);
    const setup = { rx: handle, ledger: memory, tasks: tasks.href, concurrency, log, logMemory: logMemory() };
    this.#supervisor = new Supervisor(this.ledger, setup, startTimeout);
    let supervised: Promise<void> = Promise.resolve();
    this.started = new Promise((ready, refuse) => {
      supervised = this.#supervise(ready, refuse);
    });
    this.#ended = supervised;
  }

  /** No thread runs tasks or is about to, and the runtime has not ended as asked. */
  get failing(): boolean {
    return !(this.#ending && this.#over) && !this.#supervisor.healthy;
  }

  /** Tasks are accepted and run: the runtime is neither failing nor ending. */
  get ready(): boolean {
    return !this.#ending && this.#supervisor.healthy;
  }

  /** The runtime has been asked to end. */
  get ending(): boolean {
    return this.#ending;
  }

  /** The name of a task's function, by the number in its record. */
  nameOf({ fn }: Pick<TaskRecord, 'fn'>): string {
    return this.#supervisor.nameOf(fn);
  }

  /**
   * Accepts no more tasks, runs what is queued, and ends the thread; after `timeout` milliseconds it gives up: the
   * running task ends with its thread (inside a system call, once that returns), the queued ones are cancelled. For the
   * first `delay` milliseconds it is only not `ready`, and still accepts tasks. A second call has the first one's options.
   */
  drain(options: DrainOptions = {}): Promise<DrainReport> {
    const { timeout = DRAIN_MS, delay = 0 } = expectObject('options', options);
    expectInteger('timeout', timeout, 0, MAX_TIMER);
    expectInteger('delay', delay, 0, MAX_TIMER);
    this.#report ??= this.#drain(timeout, delay);
    return this.#report;
  }

  /** Ends the thread now, whatever it does. Queued tasks are cancelled. */
  async close(): Promise<void> {
    if (this.#report === undefined) await this.drain({ timeout: 0 });
    else this.#supervisor.giveUp(); // a drain is under way: cut it short
    await this.#report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #supervise(ready: () => void, refuse: (error: unknown) => void): Promise<void> {
    try {
      await this.#supervisor.run(ready);
      refuse(new Error('The runtime was closed before it had started')); // does nothing if it had
    } catch (error) {
      this.#rx.close();
      this.#cancelQueued();
      refuse(error);
    } finally {
      this.#over = true;
    }
  }

  async #drain(timeout: number, delay: number): Promise<DrainReport> {
    this.#ending = true;
    const timer = setTimeout(() => this.#supervisor.giveUp(), timeout);
    if (delay > 0) await this.#supervisor.pause(delay);
    this.#rx.close();
    const ids = this.ledger.open();
    const known = new Set(this.ledger.latest(2 * this.#rx.capacity)); // some may turn out to be of failed sends
    if (timeout === 0) this.#supervisor.giveUp();
    await this.#ended;
    clearTimeout(timer);
    // A sender on another thread that had claimed its position before the close may have written its record only now.
    ids.push(...this.ledger.latest(this.#rx.capacity).filter((id) => !known.has(id) && !ids.includes(id)));
    const unfinished = new Set([...this.#supervisor.cutOff, ...this.#cancelQueued()]);
    const read = (ids: readonly number[]) => ids.flatMap((id) => this.ledger.read(id) ?? []);
    return { finished: read(ids.filter((id) => !unfinished.has(id))), unfinished: read([...unfinished]) };
  }

  /** Takes what is left out of the channel. Returns the ids. */
  #cancelQueued(): number[] {
    const ids: number[] = [];
    this.#share().discard((position) => {
      const id = this.ledger.idAt(position);
      if (this.ledger.cancel(id) === 'queued') ids.push(id);
    });
    this.ledger.close();
    return ids;
  }
}

/** The options, each with its default, if none is wrong. */
function checked(
  rx: Receiver<Task>,
  options: RuntimeOptions,
): { readonly [K in keyof RuntimeOptions]-?: NonNullable<RuntimeOptions[K]> } {
  if (!(rx instanceof Receiver)) throw new TypeError(`Expected \`rx\` to be a Receiver, got ${shown(rx)}`);
  const { tasks, concurrency = 1, history, log = true, startTimeout } = expectObject('options', options);
  if (!(tasks instanceof URL)) throw new TypeError(`Expected \`tasks\` to be a URL, got ${shown(tasks)}`);
  if (typeof log !== 'boolean') throw new TypeError(`Expected \`log\` to be a boolean, got ${shown(log)}`);
  const keep = history === undefined ? Math.max(1024, 2 * rx.capacity) : history;
  const patience = startTimeout === undefined ? START_MS : startTimeout;
  expectInteger('concurrency', concurrency, 1, 256);
  expectInteger('history', keep, 2 * Math.max(rx.capacity, concurrency), 2 ** 20);
  expectInteger('startTimeout', patience, 1, MAX_TIMER);
  return { tasks, concurrency, history: keep, log, startTimeout: patience };
}

function expectObject<T extends object>(name: string, value: T): T {
  if (typeof value === 'object' && value !== null) return value;
  throw new TypeError(`Expected \`${name}\` to be an object, got ${shown(value)}`);
}

function expectInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`Expected \`${name}\` to be an integer from ${min} to ${max}, got ${shown(value)}`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
