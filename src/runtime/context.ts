/**
 * What a running task knows of itself, and where it runs: in an async context of its own, which starts empty and ends
 * with it.
 *
 * A task of `defineTasks` asks with `currentTask()`, before its first `await`; a closure of `move` gets its context as
 * the second parameter. A task that does not ask pays for two small objects; all else is made on demand.
 */
import { AsyncResource } from 'node:async_hooks';
import type { Ledger } from './ledger.js';
import { type Signals, stopReason } from './signals.js';

/**
 * A running task's view of itself. Its members also work by themselves: `const { signal, progress } = currentTask()`.
 * `cancelled` is then the answer of that moment: keep the context, or use `throwIfCancelled`, to ask again.
 */
export interface TaskContext {
  /** The task's id: the one that its `TaskHandle` has. */
  readonly id: number;
  /** Somebody asked this task to stop. Reads shared memory: turns true while a sync task keeps the thread busy. */
  readonly cancelled: boolean;
  /** For async tasks: aborts when somebody asks this task to stop, or when its timeout has passed. */
  readonly signal: AbortSignal;
  /** Throws the reason once somebody has asked this task to stop: the usual way to end as `cancelled`. */
  readonly throwIfCancelled: () => void;
  /**
   * Tells how far the task is, from 0 to 1; whoever asks for its status sees it at once.
   *
   * @throws RangeError if `fraction` is not a number from 0 to 1
   */
  readonly progress: (fraction: number) => void;
}

let current: TaskScope | undefined;

/**
 * The context of the task that is running now. Call it before the task's first `await`, and keep it.
 *
 * @throws Error when no task is running synchronously
 */
export function currentTask(): TaskContext {
  if (current === undefined)
    throw new Error(
      'Expected a running task: call currentTask() before the first await of a task, and keep what it returns',
    );
  return current.context;
}

/**
 * One run of a task: its place in the ledger, its async context, and what it asked for. The task runs in this async scope:
 * it starts empty, and what `enterWith` puts there ends with it.
 */
export class TaskScope extends AsyncResource {
  readonly #position: number;
  readonly #ledger: Ledger;
  readonly #signals: Signals;
  #context: TaskContext | undefined;
  #signal: AbortSignal | undefined;
  #abort: ((reason: unknown) => void) | undefined;
  #ended = false;

  /** `asyncId`: the executor's, which has started the task. */
  constructor(position: number, ledger: Ledger, signals: Signals, asyncId: number) {
    super('Task', asyncId);
    this.#position = position;
    this.#ledger = ledger;
    this.#signals = signals;
  }

  get context(): TaskContext {
    this.#context ??= contextOf(this, this.#position, this.#ledger);
    return this.#context;
  }

  get cancelled(): boolean {
    return this.#ledger.cancelRequested(this.#position);
  }

  throwIfCancelled(): void {
    if (this.cancelled) throw stopReason();
  }

  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    const controller = new AbortController();
    this.#signal = controller.signal;
    // Whatever listens to it runs in the async context of who asked for it, not of who asks the task to stop.
    this.#abort = AsyncResource.bind((reason: unknown) => controller.abort(reason), 'TaskSignal');
    if (!this.#ended) this.#signals.add(this);
    return controller.signal;
  }

  /** Calls the task's function. This is the current task until it returns, or comes to its first `await`. */
  call<R>(fn: (...args: readonly unknown[]) => R, args: readonly unknown[]): R {
    current = this;
    try {
      return args.length === 1 ? fn(args[0]) : fn(...args); // a call with a list costs twice as much
    } finally {
      current = undefined;
    }
  }

  /** The signal aborts, if the task ever asked for it. */
  abort(reason: unknown): void {
    try {
      this.#abort?.(reason);
    } catch {
      // The task has replaced a method of its signal.
    }
  }

  /** The task has ended: nobody will ask it to stop. */
  end(): void {
    this.#ended = true;
    if (this.#signal !== undefined) this.#signals.delete(this);
    this.emitDestroy();
  }
}

/** No member needs a `this`. */
function contextOf(scope: TaskScope, position: number, ledger: Ledger): TaskContext {
  return {
    get id() {
      return ledger.idAt(position);
    },
    get cancelled() {
      return scope.cancelled;
    },
    get signal() {
      return scope.signal;
    },
    throwIfCancelled() {
      scope.throwIfCancelled();
    },
    progress(fraction) {
      if (!(fraction >= 0 && fraction <= 1)) {
        throw new RangeError(`Expected \`fraction\` to be a number from 0 to 1, got ${String(fraction)}`);
      }
      ledger.progress(position, fraction);
    },
  };
}
