/**
 * The table of runs: what runs now, an entry for each task that may run at once.
 *
 *   word       meaning                                                   written by
 *   WHO        IDLE, position + 1 of the task of this entry, REVOKED     by compare-exchange: the worker, to start a task,
 *                                                                        and once its end is published; the owner, to take
 *                                                                        the entry away
 *   STOP       position + 1 of the task that is asked to stop            the owner
 *   PROGRESS   in millionths, -1: none                                   the worker
 *   KEY        of the task's name, for a task of another thread          the worker, before NAMED
 *   NAMED      position + 1 of the task whose name that is               the worker, once it has taken the message
 *   STARTED    when it started; infinite: it waits for others to end     the worker, before WHO
 *   DUE        when the owner looks for late tasks, one for the table    the owner
 *
 * An entry names its task from just before its message is taken until its end is published (ends.ts). A worker may be killed
 * in between. So a task runs if an entry names it, its message has been taken, and it has no end.
 *
 * Before the owner ends a thread it revokes all entries. A worker that finds its entry revoked starts nothing; it waits to
 * be ended, or for the entry to be given back. So no task starts in a thread that is being ended, and the owner knows
 * which tasks end with it.
 */
const IDLE = 0;
const REVOKED = -1;

const DUE = 0; // in 64-bit words
const FIRST = 32;
const ENTRY_WORDS = 32;
// Word 0 is WHO.
const STOP = 1;
const PROGRESS = 2;
const KEY = 3;
const NAMED = 4;
const STARTED = 3; // in 64-bit words

/** What an entry says. */
export interface Running {
  readonly entry: number;
  readonly position: number;
  /** Of the task's name; `undefined`: not known yet. */
  readonly key: number | undefined;
  /** `undefined`: it waits for the tasks before it to end. */
  readonly started: number | undefined;
  readonly progress: number | undefined;
}

export function createRuns(concurrency: number): SharedArrayBuffer {
  return new SharedArrayBuffer((FIRST + concurrency * ENTRY_WORDS) * 4);
}

/** One thread's view of the table. */
export class Runs {
  readonly concurrency: number;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  /** The worker's: what it has written to each WHO. */
  readonly #who: Int32Array;
  /** The owner's: what each entry said that it has taken away. */
  readonly #revoked = new Map<number, number>();

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#numbers = new Float64Array(memory);
    this.concurrency = (this.#words.length - FIRST) / ENTRY_WORDS;
    this.#who = new Int32Array(this.concurrency);
  }

  /** When the owner looks for late tasks; the owner sets it. */
  get due(): number {
    return this.#numbers[DUE] ?? 0;
  }

  set due(time: number) {
    this.#numbers[DUE] = time;
  }

  // ── The worker ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts a task in an entry. Does not return while the entry is revoked: the thread is being ended. */
  start(entry: number, position: number, time: number): void {
    const at = placeOf(entry);
    this.#numbers[(at >> 1) + STARTED] = time;
    this.#words[at + PROGRESS] = -1;
    const before = this.#who[entry] ?? IDLE;
    while (Atomics.compareExchange(this.#words, at, before, position + 1) !== before)
      // against revoke
      Atomics.wait(this.#words, at, REVOKED); // pairs with giveBack
    this.#who[entry] = position + 1;
  }

  /** The end of the entry's task is published. Does not return while the entry is revoked. */
  end(entry: number): void {
    const at = placeOf(entry);
    const before = this.#who[entry] ?? IDLE;
    while (Atomics.compareExchange(this.#words, at, before, IDLE) !== before)
      // against revoke
      Atomics.wait(this.#words, at, REVOKED); // pairs with giveBack
    this.#who[entry] = IDLE;
  }

  /** Says which task it is. */
  name(entry: number, key: number): void {
    const at = placeOf(entry);
    this.#words[at + KEY] = key;
    this.#words[at + NAMED] = this.#who[entry] ?? IDLE;
  }

  /** The task must wait for the tasks before it to end: it has not begun. */
  defer(entry: number): void {
    this.begin(entry, Number.POSITIVE_INFINITY);
  }

  /** When it began, if that is later than its start: it waited for tasks before it to end. */
  begin(entry: number, time: number): void {
    this.#numbers[(placeOf(entry) >> 1) + STARTED] = time;
  }

  progress(entry: number, fraction: number): void {
    this.#words[placeOf(entry) + PROGRESS] = Math.round(fraction * 1e6);
  }

  /** The task of the entry was asked to stop. True even while the thread is busy: it is one load. */
  stopAsked(entry: number): boolean {
    return Atomics.load(this.#words, placeOf(entry) + STOP) === this.#who[entry]; // pairs with the store in stop
  }

  // ── The owner ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** What each entry says. */
  list(): Running[] {
    const entries = Array.from({ length: this.concurrency }, (_, entry) => entry);
    return entries.flatMap((entry) => this.#read(entry, this.#whoIn(entry)) ?? []);
  }

  #whoIn(entry: number): number {
    const who = Atomics.load(this.#words, placeOf(entry)); // pairs with the compare-exchange in start
    return who === REVOKED ? (this.#revoked.get(entry) ?? IDLE) : who;
  }

  #read(entry: number, who: number): Running | undefined {
    if (who === IDLE) return undefined;
    const at = placeOf(entry);
    const progress = this.#words[at + PROGRESS] ?? -1;
    const started = this.#numbers[(at >> 1) + STARTED] ?? 0;
    return {
      entry,
      position: who - 1,
      key: this.#words[at + NAMED] === who ? this.#words[at + KEY] : undefined,
      started: Number.isFinite(started) ? started : undefined,
      progress: progress < 0 ? undefined : progress / 1e6,
    };
  }

  /** Asks the task of an entry to stop. A thread that waits must be told, too. */
  stop({ entry, position }: Running): void {
    Atomics.store(this.#words, placeOf(entry) + STOP, position + 1); // pairs with the load in stopAsked
  }

  /**
   * Nothing starts any more in this thread, if `late` is still the task of its entry. `false`: it is not, and nothing has
   * changed. Drain the ends after that: the task may have ended just before.
   */
  revoke(late: Running): boolean {
    for (let entry = 0; entry < this.concurrency; entry++)
      if (entry !== late.entry)
        this.#revoked.set(entry, Atomics.exchange(this.#words, placeOf(entry), REVOKED)); // against start and end
    const who = late.position + 1;
    if (Atomics.compareExchange(this.#words, placeOf(late.entry), who, REVOKED) === who) {
      this.#revoked.set(late.entry, who);
      return true;
    }
    this.giveBack();
    return false;
  }

  /** The thread is not ended after all. */
  giveBack(): void {
    for (const [entry, who] of this.#revoked) {
      Atomics.store(this.#words, placeOf(entry), who); // pairs with the waits in start and end
      Atomics.notify(this.#words, placeOf(entry));
    }
    this.#revoked.clear();
  }

  /** The thread is dead: the table is empty for the next one. */
  reset(): void {
    this.#revoked.clear();
    for (let entry = 0; entry < this.concurrency; entry++) {
      const at = placeOf(entry);
      Atomics.store(this.#words, at, IDLE);
      Atomics.store(this.#words, at + STOP, IDLE);
      this.#words[at + NAMED] = IDLE;
    }
  }
}

function placeOf(entry: number): number {
  return FIRST + entry * ENTRY_WORDS;
}
