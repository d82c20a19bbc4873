/**
 * Deadlines, as the owner enforces them. An async task has a timer in its thread, so this is for tasks that keep the thread
 * from its event loop.
 *
 * There is one timer. It fires when the first deadline can have passed, counted as if every queued task had just started.
 * When the last task with a timeout has ended it fires once more. Of a task of another thread the owner learns when it looks
 * at what runs, after two seconds at the latest.
 *
 * Both threads use one clock, which goes on while the process is stopped, or its threads get no processor. So a task is
 * given some time *after* it was first seen to be late: an end that has come meanwhile, or is about to, counts.
 */
import { now } from './clock.js';
import type { Entry } from './entry.js';
import { errorFromOutside } from './errors.js';
import type { Ledger } from './ledger.js';

/** How long a late task may take to end by itself: a sync one may have returned just now, an async one has a timer. */
const GRACE_MS = { sync: 100, async: 250 } as const;

export class Deadlines {
  /** The task over whose deadline the thread is being ended. */
  victim: Entry | undefined;
  readonly #ledger: Ledger;
  readonly #endThread: (cause: Error) => void;
  /** When a late task was first seen to be late. */
  readonly #late = new WeakMap<Entry, number>();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #due = Number.POSITIVE_INFINITY;

  constructor(ledger: Ledger, endThread: (cause: Error) => void) {
    this.#ledger = ledger;
    this.#endThread = endThread;
    ledger.onTimed = (timeout) => this.#lookAt(now() + timeout);
  }

  /** No thread is being ended, and any open task may start now. */
  watch(): void {
    this.victim = undefined;
    for (const { type } of this.#ledger.open()) if (type.timeout > 0) this.#lookAt(now() + type.timeout);
  }

  #lookAt(time: number): void {
    if (time >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = time;
    this.#timer = setTimeout(() => this.#look(), time - now()).unref();
  }

  #look(): void {
    this.#due = Number.POSITIVE_INFINITY;
    if (this.victim !== undefined) return;
    const time = now();
    for (const { task, started } of this.#ledger.running()) {
      const { timeout, kind } = task.type;
      if (timeout === 0 || started === undefined) continue;
      let end = started + timeout;
      if (time >= end) {
        const since = this.#late.get(task) ?? time;
        this.#late.set(task, since);
        end = since + GRACE_MS[kind];
      }
      if (time < end) this.#lookAt(end);
      else if (this.#endOver(task)) return;
    }
    this.watch();
  }

  /** Ends the thread over a task, unless that has just ended. */
  #endOver(task: Entry): boolean {
    const { runs } = this.#ledger;
    runs.shut();
    this.#ledger.drain();
    if (task.final !== undefined) {
      runs.open();
      return false;
    }
    this.victim = task;
    this.#endThread(errorFromOutside("a task's deadline ended the thread"));
    return true;
  }
}
