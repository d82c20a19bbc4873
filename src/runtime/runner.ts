/**
 * Runs a task and records its end. Whatever the task does, it reaches one final state here, and nothing is thrown. All
 * that may call code of the task runs in its scope: its function, a getter of its result, the text of its error.
 */
import { executionAsyncId } from 'node:async_hooks';
import { clearTimeout, setTimeout } from 'node:timers'; // not the globals: a task may replace those
import { types } from 'node:util';
import { CorruptMessageError } from '../codec/index.js';
import { now } from './clock.js';
import { compile } from './closure.js';
import { TaskScope } from './context.js';
import { type EndEvent, endChannel, type StartEvent, startChannel } from './diagnostics.js';
import { TaskTimeoutError } from './errors.js';
import { type Fields, fieldsInUse, withFields } from './fields.js';
import type { Ledger } from './ledger.js';
import type { FinalState } from './record.js';
import { durationOf, reportFailure, safely } from './report.js';
import { Signals } from './signals.js';
import type { Stretch } from './stretch.js';
import type { Definition, Task, TaskModule } from './task.js';

export interface RunnerOptions {
  readonly module: TaskModule;
  readonly ledger: Ledger;
  readonly concurrency: number;
}

export class Runner {
  readonly #options: RunnerOptions;
  readonly #stretch: Stretch;
  readonly #signals: Signals;
  readonly #closures = new Map<string, Definition>();
  readonly #asyncId = executionAsyncId();
  readonly #print = safely(console.error); // the method of now: a task may replace it

  constructor(options: RunnerOptions, stretch: Stretch) {
    this.#options = options;
    this.#stretch = stretch;
    this.#signals = new Signals(options.ledger);
  }

  runSync(task: Task): void {
    const scope = this.#scopeOf(task);
    scope.runInAsyncScope(this.#sync, this, task, scope);
  }

  runAsync(task: Task): Promise<void> {
    const scope = this.#scopeOf(task);
    return scope.runInAsyncScope(this.#async, this, task, scope);
  }

  /** What the lines of a task have besides their text: see fields.ts. */
  fieldsOf(task: Task): Fields | undefined {
    if (!fieldsInUse()) return undefined;
    const { id: taskId, name, requestId } = this.#eventOf(task);
    return { taskId, task: name, requestId };
  }

  /** A message that is no task any more has been taken out of the channel: that is recorded, and the loop goes on. */
  skipCorrupt(error: unknown): void {
    if (!(error instanceof CorruptMessageError) || error.position === undefined) throw error;
    this.#options.ledger.finish(error.position, 'failed', error, this.#stretch.endTask());
    this.#report('failed', 'no task', error.position, error);
  }

  #scopeOf(task: Task): TaskScope {
    return fieldsInUse()
      ? withFields(this.fieldsOf(task), () => this.#newScope(task.position))
      : this.#newScope(task.position);
  }

  #newScope(position: number): TaskScope {
    return new TaskScope(position, this.#options.ledger, this.#signals, this.#asyncId);
  }

  /** What is told of a task, to whom listens. */
  #eventOf(task: Task): StartEvent {
    const id = this.#options.ledger.idAt(task.position);
    return { id, name: this.#nameOf(task), requestId: this.#options.ledger.read(id)?.requestId };
  }

  #sync(task: Task, scope: TaskScope): void {
    try {
      if (this.#options.concurrency > 1) scope.throwIfCancelled(); // it may have waited for async tasks to end
      const result = this.#call(task, this.#begin(task), scope);
      if (typeof result === 'object' && types.isPromise(result)) {
        void this.#reportLater(task, result);
        throw new TypeError(
          'Expected a sync task to return no promise: use asyncTask, or an async function in `move`',
        );
      }
      this.#succeed(task, result);
    } catch (error) {
      this.#fail(task, error);
    }
    scope.end();
  }

  async #async(task: Task, scope: TaskScope): Promise<void> {
    try {
      const definition = this.#begin(task);
      const result = Promise.resolve(this.#call(task, definition, scope));
      if (definition.timeout === 0) this.#succeed(task, await result);
      else await this.#endInTime(task, result, definition.timeout, scope);
    } catch (error) {
      this.#fail(task, error);
    }
    scope.end();
  }

  /** Waits for the result of a task until its time is up. */
  async #endInTime(task: Task, result: Promise<unknown>, timeout: number, scope: TaskScope): Promise<void> {
    let late: TaskTimeoutError | undefined;
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        late = new TaskTimeoutError(timeout);
        resolve();
      }, timeout);
    });
    try {
      const value = await Promise.race([result, expired]);
      if (late === undefined) this.#succeed(task, value);
      else this.#fail(task, late, true);
    } finally {
      clearTimeout(timer);
    }
    if (late !== undefined) scope.abort(late);
  }

  #begin(task: Task): Definition {
    const definition = typeof task.fn === 'number' ? this.#defined(task.fn) : this.#moved(task);
    const { ledger, concurrency } = this.#options;
    if (startChannel.hasSubscribers) startChannel.publish(this.#eventOf(task));
    if (definition.timeout > 0 || concurrency > 1) ledger.begin(task.position, now(), definition.timeout);
    return definition;
  }

  #call(task: Task, { fn }: Definition, scope: TaskScope): unknown {
    const args = typeof task.fn === 'string' ? [...task.args, scope.context] : task.args;
    return scope.call(fn as (...args: readonly unknown[]) => unknown, args);
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
      definition = { kind: task.kind, fn: compile(task.kind, source), timeout: 0 };
      if (this.#closures.size >= 1000) this.#closures.clear();
      this.#closures.set(source, definition);
    }
    return definition;
  }

  /** What a sync task has left behind goes on, and nobody else would hear of its failure. */
  async #reportLater(task: Task, promise: Promise<unknown>): Promise<void> {
    try {
      await promise;
    } catch (error) {
      this.#report('failed', this.#nameOf(task), task.position, error);
    }
  }

  /** `undefined`: it had ended before. */
  #end(task: Task, state: FinalState, outcome: unknown): FinalState | undefined {
    const { ledger } = this.#options;
    const ended = ledger.finish(task.position, state, outcome, this.#stretch.endTask());
    if (ended !== undefined && endChannel.hasSubscribers) {
      const { started, finished } = ledger.read(ledger.idAt(task.position)) ?? {};
      const duration = durationOf(started, finished);
      endChannel.publish({ ...this.#eventOf(task), state: ended, outcome, duration } satisfies EndEvent);
    }
    return ended;
  }

  /** A result that cannot be sent makes the task fail. */
  #succeed(task: Task, result: unknown): void {
    const { ledger } = this.#options;
    if (this.#end(task, 'succeeded', result) !== 'failed') return;
    const error = ledger.read(ledger.idAt(task.position))?.outcome;
    this.#report('failed', this.#nameOf(task), task.position, error);
  }

  #fail(task: Task, error: unknown, isLate = false): void {
    const { position } = task;
    const asked = !isLate && this.#options.ledger.cancelRequested(position); // else its deadline ended it
    const state = asked ? 'cancelled' : 'failed';
    this.#end(task, state, error);
    this.#report(state, this.#nameOf(task), position, error);
  }

  #nameOf({ fn }: Task): string {
    return typeof fn === 'number' ? (this.#options.module.names[fn] ?? '?') : 'closure';
  }

  #report(state: FinalState, name: string, position: number, error: unknown): void {
    const id = this.#options.ledger.idAt(position);
    reportFailure(this.#print, { id, name, state, error }, this.#options.ledger.read(id));
  }
}
