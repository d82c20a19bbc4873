/**
 * Deadlines, as the supervisor enforces them: an async task has a timer in its thread, so this is for tasks that keep the
 * thread from its event loop. Both are measured by one clock, which goes on while the process is stopped, or its threads
 * get no processor. So a task is given some time *after* it was first seen to be late: what has ended meanwhile, or is
 * about to, comes first.
 */
import { now } from './clock.js';
import { errorFromOutside } from './errors.js';
import type { Ledger } from './ledger.js';

/** How often to look. */
const WATCH_MS = 50;
/** How long a late task may take to end by itself: a sync one may have returned just now, an async one has a timer. */
const GRACE_MS = { sync: 100, async: 250 } as const;

/** Watches the tasks of one thread. */
export class Deadlines {
  /** The tasks that were ended with their thread: one, or none. */
  readonly ended: number[] = [];
  readonly #ledger: Ledger;
  readonly #endThread: (cause: Error) => void;
  /** The late tasks, and when each was first seen to be late. */
  #late = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ledger: Ledger, endThread: (cause: Error) => void) {
    this.#ledger = ledger;
    this.#endThread = endThread;
  }

  watch(): void {
    this.#timer = setInterval(() => this.#look(), WATCH_MS).unref();
  }

  rest(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const time = now();
    const late = new Map<number, number>();
    for (const id of this.#ledger.running()) {
      const { deadline = Number.POSITIVE_INFINITY, kind = 'sync' } = this.#ledger.read(id) ?? {};
      if (this.#ledger.wallTime(time) < deadline) continue;
      const since = this.#late.get(id) ?? time;
      late.set(id, since);
      if (time - since < GRACE_MS[kind] || !this.#ledger.endOverdue(id)) continue;
      this.ended.push(id);
      this.rest();
      this.#endThread(errorFromOutside('a task ran past its timeout'));
      return;
    }
    this.#late = late;
  }
}
