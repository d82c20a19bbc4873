/** What a running task knows of itself, and how it asks. */

/**
 * A running task's view of itself: from `currentTask()`, or the second parameter of a closure of `move`. Its members also
 * work by themselves, as in `const { signal, progress } = currentTask()`, but then `cancelled` is the answer of that moment.
 */
export interface TaskContext {
  /** The task's id: the one that its `TaskHandle` has. */
  readonly id: number;
  /** The task was asked to stop. Reads shared memory: turns true while a sync task keeps the thread busy. */
  readonly cancelled: boolean;
  /** For async tasks: aborts when the task is asked to stop, or when its timeout has passed. */
  readonly signal: AbortSignal;
  /** Throws the reason once the task has been asked to stop: the usual way to end as `cancelled`. */
  readonly throwIfCancelled: () => void;
  /** Tells how far the task is, from 0 to 1; its record shows that at once. @throws RangeError for another number */
  readonly progress: (fraction: number) => void;
}

let current: { readonly context: TaskContext } | undefined;

/**
 * The context of the task that is running now. Call it before the task's first `await`, and keep it.
 *
 * @throws Error when no task is running synchronously
 */
export function currentTask(): TaskContext {
  if (current === undefined)
    throw new Error(
      'Expected a running task: call currentTask() before the first await, and keep the context',
    );
  return current.context;
}

/** Calls a task's function: `run` is the current task until it returns, or comes to its first `await`. */
export function callAs<R>(
  run: { readonly context: TaskContext },
  fn: (...args: readonly unknown[]) => R,
  args: readonly unknown[],
): R {
  current = run;
  try {
    return args.length === 1 ? fn(args[0]) : fn(...args); // a call with a list costs twice as much
  } finally {
    current = undefined;
  }
}
