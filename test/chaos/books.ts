/** What the threads of a round share, besides channel and ledger: what became of each task, by its number. */

import type { FinalState, TaskHandle } from '#index';

/** The most tasks that a round can have. */
export const MAX_TASKS = 1024;

/** What a producer knows of a task. TRYING for good: it died, and nobody knows. */
export const Sent = { NOT_YET: 0, TRYING: 1, ACCEPTED: 2, REFUSED: 3 } as const;

/** Words of `control`. */
export const NEXT = 0; // number of the next task
export const TASKS = 1; // how many there will be

export interface Books {
  readonly control: Int32Array;
  /** A value of `Sent` for each task, written by its producer after the call has returned. */
  readonly sent: Int32Array;
  /** The ids of accepted tasks. */
  readonly ids: Float64Array;
  /** How a task ended, as those were told who awaited it: one more than its place in `ENDS`. */
  readonly told: Int32Array;
}

export const ENDS: readonly FinalState[] = ['succeeded', 'failed', 'cancelled'];

export function openBooks(tasks: number): Books {
  const words = (count: number) => new Int32Array(new SharedArrayBuffer(count * 4));
  const ids = new Float64Array(new SharedArrayBuffer(MAX_TASKS * 8));
  const books = { control: words(2), sent: words(MAX_TASKS), ids, told: words(MAX_TASKS) };
  books.control[TASKS] = tasks;
  return books;
}

/** Takes a task's number. `undefined`: there are no more. */
export function nextNumber({ control }: Books): number | undefined {
  const number = Atomics.add(control, NEXT, 1);
  return number < (control[TASKS] ?? 0) ? number : undefined;
}

export function count({ sent }: Books, outcome: number): number {
  return sent.filter((each) => each === outcome).length;
}

/** Writes down that a task was accepted. */
export function accept({ sent, ids }: Books, number: number, handle: TaskHandle): void {
  ids[number] = handle.id;
  Atomics.store(sent, number, Sent.ACCEPTED);
}

/** Awaits the end of a task, and writes it down. */
export async function awaitEnd({ told }: Books, number: number, handle: TaskHandle): Promise<void> {
  const end = await handle.finished().then(
    () => 'succeeded' as const,
    (error) => (error?.code === 'ERR_TASK_CANCELLED' ? 'cancelled' : 'failed'),
  );
  Atomics.store(told, number, 1 + ENDS.indexOf(end));
}
