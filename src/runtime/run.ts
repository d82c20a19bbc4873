/**
 * One run of a task: its async context, and what it asks of itself. The task runs in this async scope, and what `enterWith`
 * puts there ends with it. A task that does not ask pays for one object; all else is made on demand.
 */
import { AsyncResource, executionAsyncId } from 'node:async_hooks';
import type { NamedDefinition, TaskContext } from '../task/index.js';
import type { TaskTimeoutError } from './errors.js';
import type { Row } from './runs.js';

/** The trigger that async hooks see. Without one, Node.js would look for it at each task, which costs. */
const TRIGGER = executionAsyncId();

export class Run extends AsyncResource {
  readonly id: number;
  readonly definition: NamedDefinition;
  /** In the table of runs. */
  readonly row: Row;
  /** On the clock of clock.ts. */
  readonly started: number;
  readonly requestId: string | undefined;
  /** Its time was up before it had ended. */
  late: TaskTimeoutError | undefined = undefined;
  /** The runs whose signal is in use. They are told when a task is asked to stop. */
  readonly #listeners: Set<Run>;
  #context: TaskContext | undefined;
  #controller: AbortController | undefined;
  #abort: ((reason: unknown) => void) | undefined;
  #ended = false;

  constructor(
    listeners: Set<Run>,
    id: number,
    definition: NamedDefinition,
    row: Row,
    started: number,
    requestId?: string,
  ) {
    super('Task', TRIGGER);
    this.id = id;
    this.definition = definition;
    this.row = row;
    this.started = started;
    this.requestId = requestId;
    this.#listeners = listeners;
  }

  /** The task was asked to stop, while it ran. */
  get cancelled(): boolean {
    return !this.#ended && this.row.stopAsked;
  }

  /** No member needs a `this`. */
  get context(): TaskContext {
    const run = this;
    this.#context ??= {
      id: run.id,
      get cancelled() {
        return run.cancelled;
      },
      get signal() {
        return run.#signal;
      },
      throwIfCancelled() {
        if (run.cancelled) throw stopReason();
      },
      progress(fraction) {
        if (typeof fraction !== 'number' || !(fraction >= 0 && fraction <= 1))
          throw new RangeError(`Expected \`fraction\` to be a number from 0 to 1, got ${String(fraction)}`);
        if (!run.#ended) run.row.progress(fraction);
      },
    };
    return this.#context;
  }

  get #signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      // Listeners run in the async context of the task, as it is now, and not in that of the thread's loop, which aborts.
      this.#abort = AsyncResource.bind((reason: unknown) => controller.abort(reason), 'TaskSignal');
      if (!this.#ended) this.#listeners.add(this);
      this.abortIfStopped(); // it may have been told before
    }
    return this.#controller.signal;
  }

  /** The signal of a task that is to stop aborts, if the task ever asked for it. */
  abortIfStopped(): void {
    const reason = this.late ?? (this.cancelled ? stopReason() : undefined);
    if (reason !== undefined) this.#abort?.(reason);
  }

  /** The task has ended: nobody will ask it to stop. */
  end(): void {
    this.#ended = true;
    if (this.#controller !== undefined) this.#listeners.delete(this);
  }
}

/** What a task that was asked to stop throws. */
export function stopReason(): DOMException {
  return new DOMException('The task was asked to stop', 'AbortError');
}
