/**
 * The signals that running tasks wait for. A cancel request is a word in the ledger; one `waitAsync` on the ledger's bell
 * serves all signals of an executor, from the first one that a task asks for.
 */
import { AsyncResource } from 'node:async_hooks';
import type { Ledger } from './ledger.js';

/** A task whose signal is in use. */
interface Stoppable {
  readonly cancelled: boolean;
  abort(reason: unknown): void;
}

export class Signals {
  readonly #ledger: Ledger;
  readonly #tasks = new Set<Stoppable>();
  readonly #listen: () => Promise<void>;
  #listening = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    // In the executor's async context: the loop outlives the task that starts it.
    this.#listen = AsyncResource.bind(() => this.#loop(), 'TaskSignals');
  }

  /** From now on, the task is aborted when somebody asks it to stop. */
  add(task: Stoppable): void {
    this.#tasks.add(task);
    if (!this.#listening) void this.#listen();
    else if (task.cancelled) task.abort(stopReason()); // asked before it was in the set
  }

  delete(task: Stoppable): void {
    this.#tasks.delete(task);
  }

  async #loop(): Promise<void> {
    const stop = () => {
      for (const each of this.#tasks) if (each.cancelled) each.abort(stopReason());
      return this.#tasks.size === 0;
    };
    this.#listening = true;
    while (this.#tasks.size > 0) await this.#ledger.control.waitAsync(stop, Number.POSITIVE_INFINITY);
    this.#listening = false;
  }
}

/** What a task that was asked to stop throws. */
export function stopReason(): DOMException {
  return new DOMException('The task was asked to stop', 'AbortError');
}
