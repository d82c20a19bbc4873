/**
 * What a running task knows of itself. A task that does not ask pays for one small object; signal and listening are
 * made on demand.
 *
 * A task of `defineTasks` asks with `currentTask()`, before its first `await`; a closure of `move` gets its context as
 * the second parameter.
 */

import { announce, parkAsync } from '../channel/index.js';
import type { Ledger } from './ledger.js';

/** A running task's view of itself. */
export class TaskContext {
  readonly #position: number;
  readonly #ledger: Ledger;
  #controller: AbortController | undefined;

  /** @internal */
  constructor(position: number, ledger: Ledger) {
    this.#position = position;
    this.#ledger = ledger;
  }

  /** The task's id: the one that its `TaskHandle` has. */
  get id(): number {
    return this.#ledger.idAt(this.#position);
  }

  /** Somebody asked this task to stop. Reads shared memory: turns true while a sync task keeps the thread busy. */
  get cancelled(): boolean {
    return this.#ledger.cancelRequested(this.#position);
  }

  /** Throws the reason once somebody has asked this task to stop: the usual way to end as `cancelled`. */
  throwIfCancelled(): void {
    if (this.cancelled) throw stopReason();
  }

  /** For async tasks: aborts when somebody asks this task to stop, or when its timeout has passed. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      listen(this.#ledger, this);
    }
    return this.#controller.signal;
  }

  /**
   * Tells how far the task is, from 0 to 1; whoever asks for its status sees it at once.
   *
   * @throws RangeError if `fraction` is not a number from 0 to 1
   */
  progress(fraction: number): void {
    if (!(fraction >= 0 && fraction <= 1)) {
      throw new RangeError(`Expected \`fraction\` to be a number from 0 to 1, got ${String(fraction)}`);
    }
    this.#ledger.progress(this.#position, fraction);
  }

  /** @internal The executor's: the signal aborts, if the task ever asked for it. */
  abort(reason: unknown): void {
    this.#controller?.abort(reason);
  }

  /** @internal The executor's: the task has ended. */
  end(): void {
    if (this.#controller !== undefined) listening.delete(this);
  }
}

/** What a task that was asked to stop throws. */
function stopReason(): DOMException {
  return new DOMException('The task was asked to stop', 'AbortError');
}

let current: TaskContext | undefined;

/**
 * The context of the task that is running now. Call it before the task's first `await`, and keep it.
 *
 * @throws Error when no task is running synchronously
 */
export function currentTask(): TaskContext {
  if (current === undefined)
    throw new Error('Expected a running task: call currentTask() before the first await');
  return current;
}

/** The executor's: runs a task, or its synchronous part, with its context as the current one. */
export function withTask<R>(
  context: TaskContext,
  fn: (...args: readonly unknown[]) => R,
  args: readonly unknown[],
): R {
  current = context;
  try {
    return args.length === 1 ? fn(args[0]) : fn(...args); // a call with a list costs twice as much
  } finally {
    current = undefined;
  }
}

/** Contexts whose signal is in use; one `waitAsync` serves them all. */
const listening = new Set<TaskContext>();
let parked = false;

function listen(ledger: Ledger, context: TaskContext): void {
  listening.add(context);
  const { words, at } = ledger.controlBell;
  if (!parked) announce(words, at);
  for (const each of listening) if (each.cancelled) each.abort(stopReason()); // the second look
  if (parked) return;
  parked = true;
  void parkAsync(words, at).then(() => {
    parked = false;
    for (const each of listening) listen(ledger, each);
  });
}
