/**
 * The table of runs: what runs now, a row for each task that may run at once.
 *
 *   word       meaning                                                     written by
 *   GATE       SHUT: no task starts, the thread is about to be ended       the owner
 *   of each row:
 *   WHO        position + 1 of its task, or IDLE                           the worker; the owner, when that is dead
 *   STOP       position + 1 of the task that is asked to stop              the owner
 *   PROGRESS   in millionths, -1: none                                     the worker
 *   STARTED    when it started; infinite: it waits for others to end       the worker, before WHO, and after such a wait
 *   KEY        of the task's name, for a task of another thread            the worker, before NAMED
 *   NAMED      position + 1 of the task whose name that is                 the worker, once it has taken the message
 *
 * A row names its task from just before its message is taken until its end is published (ends.ts). A worker may be killed
 * in between. So a task runs if a row names it, its message has been taken, and it has no end.
 *
 * Before the owner ends a thread over a late task, it shuts the gate. The worker names a task, then looks at the gate. So a
 * task that is named later does not start: its message stays for the next thread. One that was named before ends with the
 * thread, and the owner finds its name when that is dead.
 */
const IDLE = 0;
const OPEN = 0;
const SHUT = 1;

const GATE = 0;
const FIRST = 32;
const ROW_WORDS = 32;
// Word 0 of a row is WHO.
const STOP = 1;
const PROGRESS = 2;
const KEY = 3;
const NAMED = 4;
const STARTED = 3; // in 64-bit words

/** What a row says. */
export interface Running {
  readonly row: number;
  readonly position: number;
  /** Of the task's name; `undefined`: not known yet. */
  readonly key: number | undefined;
  /** `undefined`: it waits for the tasks before it to end. */
  readonly started: number | undefined;
  readonly progress: number | undefined;
}

export function createRuns(concurrency: number): SharedArrayBuffer {
  return new SharedArrayBuffer((FIRST + concurrency * ROW_WORDS) * 4);
}

/** One thread's view of the table. */
export class Runs {
  readonly concurrency: number;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#numbers = new Float64Array(memory);
    this.concurrency = (this.#words.length - FIRST) / ROW_WORDS;
  }

  // ── The worker ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Names the task that is about to be taken. Does not return while the gate is shut. */
  start(row: number, position: number, time: number): void {
    const at = placeOf(row);
    this.begin(row, time);
    this.#words[at + PROGRESS] = -1;
    Atomics.store(this.#words, at, position + 1); // then look at the gate; pairs with the load in #read
    while (Atomics.load(this.#words, GATE) === SHUT) Atomics.wait(this.#words, GATE, SHUT); // pairs with shut and open
  }

  /** The end of the row's task is published. */
  end(row: number): void {
    Atomics.store(this.#words, placeOf(row), IDLE); // pairs with the load in #read
  }

  /** Says which task it is. */
  name(row: number, position: number, key: number): void {
    const at = placeOf(row);
    this.#words[at + KEY] = key;
    Atomics.store(this.#words, at + NAMED, position + 1); // publishes KEY; pairs with the load in #read
  }

  /** When its task began, or infinite, if that must wait for tasks before it to end. */
  begin(row: number, time: number): void {
    this.#numbers[(placeOf(row) >> 1) + STARTED] = time;
  }

  progress(row: number, fraction: number): void {
    this.#words[placeOf(row) + PROGRESS] = Math.round(fraction * 1e6);
  }

  /** The task of the row was asked to stop. True even while the thread is busy: it is one look. */
  stopAsked(row: number, position: number): boolean {
    return Atomics.load(this.#words, placeOf(row) + STOP) === position + 1; // pairs with the store in stop
  }

  // ── The owner ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** The rows that name a task. */
  list(): Running[] {
    const runs: Running[] = [];
    for (let row = 0; row < this.concurrency; row++) {
      const run = this.#read(row);
      if (run !== undefined) runs.push(run);
    }
    return runs;
  }

  #read(row: number): Running | undefined {
    const at = placeOf(row);
    const who = Atomics.load(this.#words, at); // pairs with the stores in start and end
    if (who === IDLE) return undefined;
    const progress = this.#words[at + PROGRESS] ?? -1;
    const started = this.#numbers[(at >> 1) + STARTED] ?? 0;
    return {
      row,
      position: who - 1,
      key: Atomics.load(this.#words, at + NAMED) === who ? this.#words[at + KEY] : undefined, // pairs with the store in name
      started: Number.isFinite(started) ? started : undefined,
      progress: progress < 0 ? undefined : progress / 1e6,
    };
  }

  /** Asks the task of a row to stop. A thread that waits must be told, too. */
  stop({ row, position }: Running): void {
    Atomics.store(this.#words, placeOf(row) + STOP, position + 1); // pairs with the load in stopAsked
  }

  /** From now on no task starts that is not named yet. */
  shut(): void {
    Atomics.store(this.#words, GATE, SHUT); // pairs with the load in start
  }

  /** The thread is not ended after all. */
  open(): void {
    Atomics.store(this.#words, GATE, OPEN);
    Atomics.notify(this.#words, GATE); // pairs with the wait in start
  }

  /** The thread is dead: the table is empty for the next one. */
  reset(): void {
    for (let row = 0; row < this.concurrency; row++) Atomics.store(this.#words, placeOf(row), IDLE);
    Atomics.store(this.#words, GATE, OPEN);
  }
}

function placeOf(row: number): number {
  return FIRST + row * ROW_WORDS;
}
