/**
 * The executor: a loop around `recv` and a `switch` on the task's kind.
 *
 * Tasks start in the order of the queue. A sync task runs alone; async tasks overlap up to `concurrency`, and with the
 * default of 1 each is awaited before the next starts. Whatever a task does, its outcome goes to the ledger, and the
 * loop goes on.
 */
import { setImmediate } from 'node:timers/promises';
import { inspect, types } from 'node:util';
import type { Accept, Receiver } from '../channel/index.js';
import { threadAlive } from '../channel/index.js';
import { CorruptMessageError } from '../codec/index.js';
import { now } from './clock.js';
import { TaskContext, withTask } from './context.js';
import { TaskTimeoutError } from './errors.js';
import type { Ledger } from './ledger.js';
import type { FinalState } from './record.js';
import { type Definition, Task, type TaskModule } from './task.js';

export interface ExecutorOptions {
  readonly module: TaskModule;
  readonly ledger: Ledger;
  readonly concurrency: number;
  /** Where the lines go that tell of each task; `undefined`: nowhere. */
  readonly log: ((line: string) => void) | undefined;
}

/** Where the tasks come from: what the executor needs of a receiver. */
type Inbox = Pick<Receiver<Task>, 'recv' | 'tryRecv'>;

/** Runs tasks until the channel is closed and drained. */
export async function taskExec(rx: Inbox, options: ExecutorOptions): Promise<void> {
  const { ledger, concurrency, log } = options;
  const runner = new Runner(options);
  const overlap = new Overlap(concurrency);
  // The task becomes RUNNING while its message still stands in the channel: see ledger.ts.
  const accept: Accept<Task> = (task, position) => {
    if (!(task instanceof Task)) throw new CorruptMessageError('Expected a task');
    task.position = position;
    return ledger.start(position, runner.now()) || runner.dropped();
  };
  log?.('task executor started');
  for (;;) {
    let task: Task | undefined;
    try {
      task = rx.tryRecv(accept) ?? (await runner.wait(rx, accept));
    } catch (error) {
      runner.skipCorrupt(error);
      continue;
    }
    if (task === undefined) break;
    log?.('start new task');
    switch (task.kind) {
      case 'sync':
        if (overlap.size > 0) await overlap.end();
        runner.runSync(task);
        break;
      case 'async':
        await overlap.add(runner.runAsync(task));
        break;
      default:
        task.kind satisfies never;
    }
    if (runner.turnIsOver()) await runner.nextTurn();
  }
  await overlap.end();
}

/** The async tasks that run now. */
class Overlap {
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  #ended = () => {};

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Takes a running task in, and waits while there are as many as may be. */
  async add(run: Promise<void>): Promise<void> {
    if (this.#limit === 1) return run;
    this.#running.add(run);
    void run.then(() => {
      this.#running.delete(run);
      this.#ended();
    });
    if (this.#running.size < this.#limit) return;
    // Not Promise.race: each call would leave a reaction behind with a task that runs for long.
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
  }

  /** Waits until all have ended. */
  async end(): Promise<void> {
    await Promise.all(this.#running);
  }
}

/** Called by this name, eval compiles in the global scope: a moved closure sees nothing of this module. */
// biome-ignore lint/security/noGlobalEval: the source is the program's own function, sent by `move`
const globalEval: (source: string) => unknown = eval;

/** How long tasks may follow one another before the event loop has its turn. */
const TURN_MS = 1;

/** Runs one task at a time and keeps the clock. */
class Runner {
  readonly #options: ExecutorOptions;
  readonly #closures = new Map<string, Definition>();
  #now = now();
  #stale = true;
  #turnStart = this.#now;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** Waits for a message. It may come at once: the event loop has not had its turn then. */
  wait(rx: Inbox, accept: Accept<Task>): Promise<Task | undefined> {
    this.#stale = true;
    const { ledger, concurrency } = this.#options;
    const awaited = ledger.takeAwaited();
    return rx.recv(accept, concurrency === 1 && !awaited); // tasks that overlap need the event loop
  }

  /** The time in milliseconds: when the last task ended, or after a wait. One look at the clock costs as much as a send. */
  now(): number {
    if (this.#stale) this.#now = now();
    this.#stale = false;
    return this.#now;
  }

  /** A task was dropped: the receiver may wait before the next one. Never accepted. */
  dropped(): false {
    this.#stale = true;
    return false;
  }

  /** Lets the event loop have its turn: timers and sockets of earlier tasks go on. */
  async nextTurn(): Promise<void> {
    await setImmediate();
    this.#now = now();
    this.#turnStart = this.#now;
  }

  /** Time has passed since the last turn. */
  turnIsOver(): boolean {
    return this.#now - this.#turnStart >= TURN_MS;
  }

  runSync(task: Task): void {
    const context = new TaskContext(task.position, this.#options.ledger);
    try {
      if (this.#options.concurrency > 1) context.throwIfCancelled(); // it may have waited for async tasks to end
      const definition = this.#begin(task);
      const result = this.#call(task, definition, context);
      if (typeof result === 'object' && types.isPromise(result)) {
        result.catch((error) => this.#report(task, 'failed', error)); // it goes on, and nobody waits for it
        throw new TypeError('Expected a sync task to return no promise: use asyncTask');
      }
      this.#succeed(task, result);
    } catch (error) {
      this.#fail(task, error);
    } finally {
      context.end();
    }
  }

  async runAsync(task: Task): Promise<void> {
    const { ledger } = this.#options;
    const context = new TaskContext(task.position, ledger);
    let timer: NodeJS.Timeout | undefined;
    threadAlive.hold(); // a task may wait for its signal alone
    try {
      const definition = this.#begin(task);
      const result = Promise.resolve(this.#call(task, definition, context));
      if (definition.timeout === 0) this.#succeed(task, await result);
      else {
        const late = new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new TaskTimeoutError(definition.timeout)), definition.timeout);
        });
        this.#succeed(task, await Promise.race([result, late]));
      }
    } catch (error) {
      this.#fail(task, error);
      if (error instanceof TaskTimeoutError) context.abort(error);
    } finally {
      clearTimeout(timer);
      context.end();
      threadAlive.release();
    }
  }

  /** A message that is no task any more has been taken out of the channel: that is recorded, and the loop goes on. */
  skipCorrupt(error: unknown): void {
    if (!(error instanceof CorruptMessageError) || error.position === undefined) throw error;
    console.error(`task failed: ${inspect(error)}`);
    const { ledger } = this.#options;
    ledger.start(error.position, now());
    ledger.finish(error.position, 'failed', error, now());
  }

  #begin(task: Task): Definition {
    const definition = typeof task.fn === 'number' ? this.#defined(task.fn) : this.#moved(task);
    const { ledger, concurrency } = this.#options;
    if (definition.timeout > 0 || concurrency > 1) ledger.begin(task.position, now(), definition.timeout);
    return definition;
  }

  #call(task: Task, { fn }: Definition, context: TaskContext): unknown {
    const args = typeof task.fn === 'string' ? [...task.args, context] : task.args;
    return withTask(context, fn as (...args: readonly unknown[]) => unknown, args);
  }

  #defined(number: number): Definition {
    const definition = this.#options.module.definitions[number];
    if (definition === undefined)
      throw new Error(`Expected a task of ${this.#options.module.names.join(', ')}`);
    return definition;
  }

  /** A closure arrives as source, and is compiled once. */
  #moved(task: Task): Definition {
    const source = String(task.fn);
    let definition = this.#closures.get(source);
    if (definition === undefined) {
      const fn = globalEval(`(${source})`) as Definition['fn'];
      definition = { kind: task.kind, fn, timeout: 0 };
      if (this.#closures.size >= 1000) this.#closures.clear();
      this.#closures.set(source, definition);
    }
    return definition;
  }

  #succeed(task: Task, result: unknown): void {
    const { ledger } = this.#options;
    this.#now = now();
    const state = ledger.finish(task.position, 'succeeded', result, this.#now);
    if (state === 'failed') this.#report(task, state, ledger.read(ledger.idAt(task.position))?.outcome);
  }

  #fail(task: Task, error: unknown): void {
    const { position } = task;
    const { ledger } = this.#options;
    const late = error instanceof TaskTimeoutError; // its deadline ended it, whoever had asked it to stop
    const state = ledger.cancelRequested(position) && !late ? 'cancelled' : 'failed';
    this.#report(task, state, error);
    this.#now = now();
    ledger.finish(position, state, error, this.#now);
  }

  #report(task: Task, state: FinalState, error: unknown): void {
    const name = typeof task.fn === 'number' ? this.#options.module.names[task.fn] : 'closure';
    const args = task.args.map((arg) =>
      inspect(arg, { depth: 2, maxStringLength: 100, breakLength: Infinity }),
    );
    console.error(`task ${state}: ${name ?? '?'}(${args.join(', ')})\n${show(error)}`);
  }
}

/** Like `inspect`, for what a task has thrown: that may have an `inspect` of its own, which throws. */
function show(error: unknown): string {
  try {
    return inspect(error);
  } catch {
    return 'something that cannot be shown';
  }
}
