/**
 * One run of a task: its async context, and what it asks of itself. The task runs in this async scope: it starts empty, and
 * what `enterWith` puts there ends with it. A task that does not ask pays for one object; all else is made on demand.
 */
import { AsyncResource } from 'node:async_hooks';
import { SLICE_MS } from '../channel/index.js';
import type { NamedDefinition, TaskContext } from '../task/index.js';
import type { Runs } from './runs.js';

export class Run extends AsyncResource {
  readonly id: number;
  readonly definition: NamedDefinition;
  /** In the table of runs. */
  readonly entry: number;
  /** On the clock of clock.ts. */
  started: number;
  readonly requestId: string | undefined;
  readonly #signals: Signals;
  #context: TaskContext | undefined;
  #signal: AbortSignal | undefined;
  #abort: ((reason: unknown) => void) | undefined;
  ended = false;

  /** `asyncId`: the executor's, which has started the task. */
  constructor(
    id: number,
    definition: NamedDefinition,
    entry: number,
    started: number,
    requestId: string | undefined,
    signals: Signals,
    asyncId: number,
  ) {
    super('Task', asyncId);
    this.id = id;
    this.definition = definition;
    this.entry = entry;
    this.started = started;
    this.requestId = requestId;
    this.#signals = signals;
  }

  get context(): TaskContext {
    this.#context ??= contextOf(this, this.#signals.runs);
    return this.#context;
  }

  get cancelled(): boolean {
    return !this.ended && this.#signals.runs.stopAsked(this.entry, this.id % this.#signals.limit);
  }

  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    const controller = new AbortController();
    this.#signal = controller.signal;
    // Listeners run in the async context of the task, not of the thread's loop that aborts.
    this.#abort = AsyncResource.bind((reason: unknown) => controller.abort(reason), 'TaskSignal');
    if (!this.ended) this.#signals.add(this);
    return controller.signal;
  }

  /** The signal aborts, if the task ever asked for it. */
  abort(reason: unknown): void {
    try {
      this.#abort?.(reason);
    } catch {
      // The task has replaced a method of its signal.
    }
  }

  /** The task has ended: nobody will ask it to stop. */
  end(): void {
    this.ended = true;
    if (this.#signal !== undefined) this.#signals.delete(this);
    this.emitDestroy();
  }
}

/** No member needs a `this`. */
function contextOf(run: Run, runs: Runs): TaskContext {
  return {
    id: run.id,
    get cancelled() {
      return run.cancelled;
    },
    get signal() {
      return run.signal;
    },
    throwIfCancelled() {
      if (run.cancelled) throw stopReason();
    },
    progress(fraction) {
      if (typeof fraction !== 'number' || !(fraction >= 0 && fraction <= 1))
        throw new RangeError(`Expected \`fraction\` to be a number from 0 to 1, got ${String(fraction)}`);
      if (!run.ended) runs.progress(run.entry, fraction);
    },
  };
}

/** The runs whose signal is in use. One `waitAsync` on the table's bell serves them all. */
export class Signals {
  readonly runs: Runs;
  /** Of positions. */
  readonly limit: number;
  readonly #waiting = new Set<Run>();
  readonly #listen: () => Promise<void>;
  #listening = false;

  constructor(runs: Runs, limit: number) {
    this.runs = runs;
    this.limit = limit;
    // In the executor's async context: the loop outlives the task that starts it.
    this.#listen = AsyncResource.bind(() => this.#loop(), 'TaskSignals');
  }

  /** From now on, the run's signal aborts when the task is asked to stop. */
  add(run: Run): void {
    this.#waiting.add(run);
    if (!this.#listening) void this.#listen();
    else if (run.cancelled) run.abort(stopReason()); // asked before it was in the set
  }

  delete(run: Run): void {
    this.#waiting.delete(run);
  }

  async #loop(): Promise<void> {
    const stop = () => {
      for (const each of this.#waiting) if (each.cancelled) each.abort(stopReason());
      return this.#waiting.size === 0;
    };
    this.#listening = true;
    while (this.#waiting.size > 0) await this.runs.stopBell.waitAsync(stop, SLICE_MS);
    this.#listening = false;
  }
}

/** What a task that was asked to stop throws. */
export function stopReason(): DOMException {
  return new DOMException('The task was asked to stop', 'AbortError');
}
