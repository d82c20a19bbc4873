/** What the threads of a round share, besides channel and ledger: what became of each task, by its number. */

/** The most tasks that a round can have. */
export const MAX_TASKS = 1024;

/** What a producer knows of a task. TRYING for good: it died, and nobody knows. */
export const Sent = { NOT_YET: 0, TRYING: 1, ACCEPTED: 2, REFUSED: 3 } as const;

/** Words of `control`. */
export const NEXT = 0; // number of the next task
export const TASKS = 1; // how many there will be
export const ENDS_SEEN = 2; // how many ends of tasks producers have awaited

export interface Books {
  readonly control: Int32Array;
  /** A value of `Sent` for each task, written by its producer after the call has returned. */
  readonly sent: Int32Array;
  /** The ids of accepted tasks. */
  readonly ids: Float64Array;
}

export function openBooks(tasks: number): Books {
  const words = (count: number) => new Int32Array(new SharedArrayBuffer(count * 4));
  const ids = new Float64Array(new SharedArrayBuffer(MAX_TASKS * 8));
  const books = { control: words(4), sent: words(MAX_TASKS), ids };
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
