/**
 * Runs tasks and reports their ends. Whatever a task does, it reaches one final state here, and nothing is thrown. All that
 * may call code of the task runs in its scope: its function, a getter of its result, the text of its error.
 */
import { clearTimeout, setTimeout } from 'node:timers'; // not the globals: a task may replace those
import type { Receiver } from '../channel/index.js';
import { type CorruptMessageError, Encoder } from '../codec/index.js';
import { describeThrown, type Print, reportFailure, safely, withFields } from '../log/index.js';
import { callAs, compile, type NamedDefinition, type Task, type TaskModule } from '../task/index.js';
import { now } from './clock.js';
import type { Reporter } from './ends.js';
import { TaskTimeoutError } from './errors.js';
import { CLOSURES, type FinalState } from './record.js';
import { Run, stopReason } from './run.js';
import type { Row, Runs } from './runs.js';

const MAX_CLOSURES = 1000;
const NO_TASK: NamedDefinition = { ...CLOSURES.sync, name: 'no task', fn: missing };

export class Runner {
  /** How many tasks run. */
  running = 0;
  /** The executor may wait before the next task: by then, the time is another one. */
  isTimeOld = true;
  /** The last look at the clock: the end of a task is the start of the next. */
  time: number = now();
  readonly #module: TaskModule;
  readonly #limit: number;
  readonly #listeners = new Set<Run>();
  readonly #closures = new Map<string, NamedDefinition>();
  readonly #reporter: Reporter;
  readonly #encoder: Encoder;
  readonly #print = safely(console.error); // the method of now: a task may replace it
  readonly #concurrency: number;
  /** Rows of the table in which no task runs. */
  readonly #free: Row[];
  /** The row of the task that was taken last, until it is started. */
  #row: Row | undefined;
  /** The task that was taken last. */
  #id = 0;
  #ended = () => {};

  constructor(module: TaskModule, runs: Runs, reporter: Reporter, rx: Receiver<Task>) {
    this.#module = module;
    this.#limit = rx.limit;
    this.#reporter = reporter;
    this.#encoder = new Encoder(rx.maxBytes);
    this.#concurrency = runs.rows.length;
    this.#free = [...runs.rows];
  }

  lookAtClock(): number {
    this.time = now();
    return this.time;
  }

  /** The next message is about to be taken: a row says so before it is. */
  taking(id: number): void {
    if (this.isTimeOld) this.lookAtClock();
    this.isTimeOld = false;
    this.#id = id;
    this.#row ??= this.#free.pop() as Row;
    this.#row.start(id % this.#limit, this.time);
  }

  /** Not Promise.race: each call would leave a reaction behind with a task that runs for long. */
  oneEnded(): Promise<void> {
    return new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  async allEnded(): Promise<void> {
    this.#row?.begin(Number.POSITIVE_INFINITY);
    while (this.running > 0) await this.oneEnded();
    this.#row?.begin(this.lookAtClock());
  }

  /** A task was asked to stop: its signal aborts. */
  tellStopped(): void {
    for (const run of this.#listeners) run.abortIfStopped();
  }

  runSync(task: Task, print: Print | undefined): void {
    const run = this.#begin(task, print);
    run.runInAsyncScope(this.#sync, this, task, run);
  }

  runAsync(task: Task, print: Print | undefined): void {
    const run = this.#begin(task, print);
    void run.runInAsyncScope(this.#async, this, task, run);
  }

  /** A message that cannot be read has been taken: that is its end, and the loop goes on. */
  skip(error: CorruptMessageError): void {
    this.#fail(this.#newRun(NO_TASK), error);
  }

  #begin(task: Task, print: Print | undefined): Run {
    const definition = this.#definitionOf(task);
    if (print === undefined) return this.#newRun(definition, task.note);
    const fields = { taskId: this.#id, task: definition.name, requestId: task.note };
    return withFields(fields, () => {
      print(`start new task, id ${this.#id}`);
      return this.#newRun(definition, task.note);
    });
  }

  #newRun(definition: NamedDefinition, requestId?: string): Run {
    const row = this.#row as Row;
    this.#row = undefined;
    this.running += 1;
    row.name(definition.key);
    return new Run(this.#listeners, this.#id, definition, row, this.time, requestId);
  }

  #definitionOf({ kind, fn }: Task): NamedDefinition {
    if (typeof fn === 'number') {
      const found = this.#module.get(fn);
      return found?.kind === kind ? found : { ...NO_TASK, key: fn };
    }
    let definition = this.#closures.get(fn);
    if (definition === undefined) {
      definition = { ...CLOSURES[kind], fn: compile(kind, fn) };
      if (this.#closures.size >= MAX_CLOSURES) this.#closures.clear();
      this.#closures.set(fn, definition);
    }
    return definition;
  }

  #sync(task: Task, run: Run): void {
    try {
      if (this.#concurrency > 1 && run.cancelled) throw stopReason(); // it may have waited for async tasks to end
      this.#succeed(run, this.#call(task, run));
    } catch (error) {
      this.#fail(run, error);
    }
  }

  async #async(task: Task, run: Run): Promise<void> {
    const timer = run.definition.timeout > 0 ? this.#limitTime(run, run.definition.timeout) : undefined;
    try {
      const result = await this.#call(task, run);
      if (run.late === undefined) this.#succeed(run, result);
    } catch (error) {
      if (run.late === undefined) this.#fail(run, error);
    }
    if (timer !== undefined) clearTimeout(timer);
  }

  /** Once its time is up, the task has failed, and what its function does later counts no more. */
  #limitTime(run: Run, timeout: number): NodeJS.Timeout {
    return setTimeout(() => {
      run.late = new TaskTimeoutError(timeout);
      this.#fail(run, run.late);
      run.abortIfStopped();
    }, timeout);
  }

  #call(task: Task, run: Run): unknown {
    const args = typeof task.fn === 'string' ? [...task.args, run.context] : task.args;
    return callAs(run, run.definition.fn as (...args: readonly unknown[]) => unknown, args);
  }

  /** Throws if the result cannot be sent: the task fails. */
  #succeed(run: Run, result: unknown): void {
    this.#end(run, 'succeeded', result === undefined ? 0 : this.#encoder.encode(result));
  }

  #fail(run: Run, error: unknown): void {
    const { id, definition, started, requestId } = run;
    const state = run.cancelled && run.late === undefined ? 'cancelled' : 'failed';
    this.#end(run, state, this.#encoder.encode(describeThrown(error, this.#encoder.bytes.length)));
    const duration = this.time - started;
    reportFailure(this.#print, { id, name: definition.name, state, error, requestId, duration });
  }

  #end(run: Run, state: FinalState, size: number): void {
    const { id, row, started } = run;
    const finished = this.lookAtClock();
    this.#reporter.report({ id, key: run.definition.key, state, started, finished }, this.#encoder, size);
    row.end();
    this.#free.push(row);
    this.running -= 1;
    run.end();
    this.#ended();
  }
}

function missing(): never {
  throw new Error(
    'Expected a task of the tasks module, and of its kind: the task is of another module, or this one has changed',
  );
}
