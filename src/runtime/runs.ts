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
// In a row:
const WHO = 0;
const STOP = 1;
const PROGRESS = 2;
const KEY = 3;
const NAMED = 4;
const STARTED = 3; // in 64-bit words

/** What a row says. */
export interface Running {
  /** The row's words. */
  readonly row: Int32Array;
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

/** One thread's view of a row. The worker writes it; the owner reads it. */
export class Row {
  readonly #table: Int32Array;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  /** What WHO says while the task runs that this thread has named last. */
  #who = IDLE;

  constructor(memory: SharedArrayBuffer, index: number) {
    const from = (FIRST + index * ROW_WORDS) * 4;
    this.#table = new Int32Array(memory);
    this.#words = new Int32Array(memory, from, ROW_WORDS);
    this.#numbers = new Float64Array(memory, from, ROW_WORDS / 2);
  }

  /** Names the task that is about to be taken. Does not return while the gate is shut. */
  start(position: number, time: number): void {
    this.#who = position + 1;
    this.begin(time);
    this.#words[PROGRESS] = -1;
    Atomics.store(this.#words, WHO, this.#who); // then look at the gate; pairs with the load in read
    while (Atomics.load(this.#table, GATE) === SHUT) Atomics.wait(this.#table, GATE, SHUT); // pairs with shut and open
  }

  /** The end of its task is published. */
  end(): void {
    Atomics.store(this.#words, WHO, IDLE); // pairs with the load in read
  }

  /** Says which task it is. */
  name(key: number): void {
    this.#words[KEY] = key;
    Atomics.store(this.#words, NAMED, this.#who); // publishes KEY; pairs with the load in read
  }

  /** When its task began, or infinite, if that must wait for tasks before it to end. */
  begin(time: number): void {
    this.#numbers[STARTED] = time;
  }

  progress(fraction: number): void {
    this.#words[PROGRESS] = Math.round(fraction * 1e6);
  }

  /** Its task was asked to stop. True even while the thread is busy: it is one look. */
  get stopAsked(): boolean {
    return Atomics.load(this.#words, STOP) === this.#who; // pairs with the store in stop
  }

  /** `undefined`: it names no task. */
  read(): Running | undefined {
    const row = this.#words;
    const who = Atomics.load(row, WHO); // pairs with the stores in start and end
    if (who === IDLE) return undefined;
    const progress = row[PROGRESS] ?? -1;
    const started = this.#numbers[STARTED] ?? 0;
    return {
      row,
      position: who - 1,
      key: Atomics.load(row, NAMED) === who ? row[KEY] : undefined, // pairs with the store in name
      started: Number.isFinite(started) ? started : undefined,
      progress: progress < 0 ? undefined : progress / 1e6,
    };
  }
}

/** One thread's view of the table. The gate is the owner's. */
export class Runs {
  readonly rows: readonly Row[];
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    const concurrency = (this.#words.length - FIRST) / ROW_WORDS;
    this.rows = Array.from({ length: concurrency }, (_, index) => new Row(memory, index));
  }

  /** What the rows say that name a task. */
  list(): Running[] {
    return this.rows.flatMap((row) => row.read() ?? []);
  }

  /** Asks the task of a row to stop. A thread that waits must be told, too. */
  stop({ row, position }: Running): void {
    Atomics.store(row, STOP, position + 1); // pairs with the load in stopAsked
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
    for (const row of this.rows) row.end();
    this.open();
  }
}
