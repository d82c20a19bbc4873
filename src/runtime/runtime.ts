/**
 * The runtime: one worker thread that runs the executor, and its supervisor on the thread that started it.
 *
 * The queue and the ledger are shared memory and outlive the thread. When it dies, the supervisor fails what was
 * running, and starts another thread that goes on with the queue. Nothing here is on the way of a task.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Receiver } from '../channel/index.js';
import { logMemory, printError } from '../log.js';
import { TaskTimeoutError, WorkerCrashedError } from './errors.js';
import { createLedgerMemory, Ledger } from './ledger.js';
import type { TaskRecord } from './record.js';
import type { Task } from './task.js';
import type { WorkerMessage, WorkerSetup } from './worker.js';

export interface RuntimeOptions {
  /** The module that exports `tasks`, made by `defineTasks`. */
  readonly tasks: URL;
  /** How many async tasks may overlap. Default 1: one task at a time. */
  readonly concurrency?: number;
  /**
   * How many records the ledger keeps: at least twice the channel's capacity, and rounded up to a power of two and to
   * twice the ring's cells, 256 at a capacity of up to 64. Default 1,024.
   */
  readonly history?: number;
  /** `false`: no lines about each task on stdout. Failed tasks and dying threads are logged in any case. */
  readonly log?: boolean;
}

export interface DrainOptions {
  readonly timeout?: number;
  readonly delay?: number;
}

/** What became of the tasks that were queued or running when the runtime was asked to end. */
export interface DrainReport {
  readonly finished: readonly TaskRecord[];
  /** Ended with the thread while they ran, or cancelled before they were started. */
  readonly unfinished: readonly TaskRecord[];
}

const RESULT_BYTES = 4096;
const DRAIN_MS = 25_000;
/** A thread that died this soon, and not over a task, died "at once": the next ones start later and later. */
const AT_ONCE_MS = 1000;
const BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;
/** How often the supervisor looks for tasks past their deadline, and how long async ones may take to end by themselves. */
const WATCH_MS = 50;
const GRACE_MS = 250;

/** One worker thread, from its start to its exit. */
interface ThreadEnd {
  readonly cause: Error;
  readonly ms: number;
  readonly started: boolean;
  readonly drained: boolean;
}

/**
 * Starts the worker thread. Resolves when it has imported the tasks.
 *
 * @throws whatever the tasks module throws while it loads; RangeError for an option out of range
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
  readonly #setup: WorkerSetup;
  readonly #ended: Promise<void>;
  #names: readonly string[] = [];
  #worker: Worker | undefined;
  #born = 0;
  #deaths = 0;
  #ending = false;
  readonly #gaveUp = new AbortController();
  #cutOff: readonly number[] = [];
  #watch: NodeJS.Timeout | undefined;
  #condemned: number | undefined;
  #report: Promise<DrainReport> | undefined;

  /** @internal */
  constructor(rx: Receiver<Task>, { tasks, concurrency = 1, history, log = true }: RuntimeOptions) {
    if (!(tasks instanceof URL)) throw new TypeError(`Expected \`tasks\` to be a URL, got ${typeof tasks}`);
    expectInteger('concurrency', concurrency, 1, 256);
    const keep = history ?? Math.max(1024, 2 * rx.capacity);
    expectInteger('history', keep, 2 * rx.capacity, 2 ** 20);
    const ledger = createLedgerMemory(Math.max(keep, 2 * rx.cells), RESULT_BYTES, concurrency > 1);
    const handle = rx.share(); // throws if the receiver is in use
    rx.link.companion = ledger;
    this.ledger = new Ledger(ledger);
    this.#rx = rx;
    this.#setup = { rx: handle, ledger, tasks: tasks.href, concurrency, log, logMemory: logMemory() };
    let supervised: Promise<void> = Promise.resolve();
    this.started = new Promise((ready, refuse) => {
      supervised = this.#supervise(ready, refuse);
    });
    this.#ended = supervised;
  }

  /** The thread keeps dying at once, and has not come to rest yet. */
  get failing(): boolean {
    return this.#deaths >= 2 && (this.#worker === undefined || performance.now() - this.#born < AT_ONCE_MS);
  }

  /** Tasks are accepted and run: the runtime is neither failing nor ending. */
  get ready(): boolean {
    return !this.failing && !this.ending;
  }

  /** The runtime has been asked to end. */
  get ending(): boolean {
    return this.#ending;
  }

  /** The name of a task's function, by the number in its record. */
  nameOf(record: TaskRecord): string {
    return this.#names[record.fn] ?? 'closure';
  }

  /**
   * Accepts no more tasks, runs what is queued, and ends the thread; after `timeout` milliseconds (default 25,000) it
   * gives up: the running task ends with its thread, the queued ones are cancelled. For the first `delay` milliseconds
   * (default 0) it is only not `ready`, and still accepts tasks.
   */
  drain({ timeout = DRAIN_MS, delay = 0 }: DrainOptions = {}): Promise<DrainReport> {
    expectInteger('timeout', timeout, 0, 2 ** 31 - 1);
    expectInteger('delay', delay, 0, 2 ** 31 - 1);
    this.#report ??= this.#drain(timeout, delay);
    return this.#report;
  }

  /** Ends the thread now, whatever it does. Queued tasks are cancelled. */
  async close(): Promise<void> {
    if (this.#report === undefined) await this.drain({ timeout: 0 });
    else this.#giveUp(); // a drain is under way: cut it short
    await this.#report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ── The supervisor ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts one thread after the other until the queue is drained, or given up. */
  async #supervise(ready: () => void, refuse: (error: Error) => void): Promise<void> {
    for (let everStarted = false; !this.#gaveUp.signal.aborted; ) {
      this.ledger.pardon();
      this.#condemned = undefined;
      const life = await this.#live(ready);
      this.#worker = undefined;
      const victims = this.#failRunning(life.cause);
      if (life.drained || this.#gaveUp.signal.aborted) break;
      everStarted ||= life.started;
      if (!everStarted) {
        this.#rx.close();
        this.#cancelQueued();
        refuse(life.cause);
        break;
      }
      await this.#backOff(life, victims);
    }
    clearInterval(this.#watch);
    refuse(new Error('The runtime was closed before it had started')); // does nothing if it had
  }

  #live(ready: () => void): Promise<ThreadEnd> {
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: this.#setup,
      name: 'async-tasks',
    });
    this.#worker = worker;
    this.#born = performance.now();
    let cause: Error | undefined;
    let started = false;
    let drained = false;
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'started') {
        started = true;
        this.#names = message.names;
        if (message.timeouts) this.#watch ??= setInterval(() => this.#enforceDeadlines(), WATCH_MS).unref();
        ready();
      } else {
        drained = true;
        void worker.terminate(); // timers and sockets of earlier tasks would keep it alive
      }
    });
    worker.on('error', (error: unknown) => {
      cause = error instanceof Error ? error : new Error(inspect(error));
    });
    return new Promise((resolve) => {
      worker.once('exit', (code) => {
        cause ??= exitCause(
          this.#condemned === undefined ? `exit code ${code}` : 'a task ran past its timeout',
        );
        resolve({ cause, ms: performance.now() - this.#born, started, drained });
      });
    });
  }

  /** What ran in the thread that has ended is not run again. Returns how many tasks that were. */
  #failRunning(cause: Error): number {
    const ids = this.ledger.running();
    if (this.#gaveUp.signal.aborted) this.#cutOff = ids;
    for (const id of ids) {
      const { started = 0, deadline = 0 } = this.ledger.read(id) ?? {};
      const late = id === this.#condemned;
      const error = late ? new TaskTimeoutError(deadline - started) : new WorkerCrashedError(cause);
      this.#fail(id, error);
    }
    this.ledger.tellAll();
    return ids.length;
  }

  #fail(id: number, error: Error): void {
    try {
      this.ledger.finish(id, 'failed', error, Date.now());
    } catch {
      // What the thread died of cannot be sent: told in words.
      const inWords = new WorkerCrashedError(exitCause(inspect(error.cause)));
      this.ledger.finish(id, 'failed', inWords, Date.now());
    }
  }

  async #backOff(life: ThreadEnd, victims: number): Promise<void> {
    this.#deaths = life.ms < AT_ONCE_MS && victims === 0 ? this.#deaths + 1 : 0;
    const delay = this.#deaths < 2 ? 0 : Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (this.#deaths - 2));
    printError(`worker thread ended: ${inspect(life.cause)}\nstarting another in ${delay} ms`);
    if (delay > 0) await sleep(delay, undefined, { signal: this.#gaveUp.signal }).catch(() => {});
  }

  /** Ends the thread over a task that is past its deadline and cannot end by itself. */
  #enforceDeadlines(): void {
    if (this.#condemned !== undefined || this.#worker === undefined) return;
    const now = Date.now();
    for (const id of this.ledger.running()) {
      const { deadline, kind } = this.ledger.read(id) ?? {};
      if (deadline === undefined || now < deadline + (kind === 'async' ? GRACE_MS : 0)) continue;
      if (this.ledger.condemn(id)) {
        this.#condemned = id;
        void this.#worker.terminate();
        return;
      }
      this.ledger.pardon(); // it has just ended
    }
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────

  async #drain(timeout: number, delay: number): Promise<DrainReport> {
    this.#ending = true;
    const timer = setTimeout(() => this.#giveUp(), timeout);
    if (delay > 0) await sleep(delay, undefined, { signal: this.#gaveUp.signal }).catch(() => {});
    this.#rx.close();
    const ids = this.ledger.open();
    if (timeout === 0) this.#giveUp();
    await this.#ended;
    clearTimeout(timer);
    const unfinished = new Set([...this.#cutOff, ...this.#cancelQueued()]);
    const read = (ids: readonly number[]) => ids.flatMap((id) => this.ledger.read(id) ?? []);
    return { finished: read(ids.filter((id) => !unfinished.has(id))), unfinished: read([...unfinished]) };
  }

  #giveUp(): void {
    this.#gaveUp.abort();
    void this.#worker?.terminate();
  }

  /**
   * Takes what is left out of the channel. Returns the ids. What is queued then will never run: its send failed, or its
   * thread died in it, and nobody else would withdraw the record.
   */
  #cancelQueued(): number[] {
    const ids: number[] = [];
    Receiver.attach(this.#setup.rx).discard((position) => {
      const id = this.ledger.idAt(position);
      if (this.ledger.cancel(id) === 'queued') ids.push(id);
    });
    for (const id of this.ledger.open()) this.ledger.withdraw(id);
    return ids;
  }
}

/** An error without a stack: it did not happen in this thread's code. */
function exitCause(message: string): Error {
  const error = new Error(message);
  error.stack = `Error: ${message}`;
  return error;
}

function expectInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`Expected \`${name}\` to be an integer from ${min} to ${max}, got ${String(value)}`);
}
