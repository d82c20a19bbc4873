/**
 * What a running task knows of itself. A task of `defineTasks` asks with `currentTask()`, before its first `await`; a closure
 * of `move` gets its context as the second parameter.
 */

/**
 * A running task's view of itself. Its members also work by themselves: `const { signal, progress } = currentTask()`.
 * `cancelled` is then the answer of that moment: keep the context, or use `throwIfCancelled`, to ask again.
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
  /**
   * Tells how far the task is, from 0 to 1; its record shows that at once.
   *
   * @throws RangeError if `fraction` is not a number from 0 to 1
   */
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
      'Expected a running task: call currentTask() before the first await of a task, and keep what it returns',
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
