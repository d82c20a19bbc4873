/** The life of the worker threads: how many have died, and of what. */
import { subscribe } from 'node:diagnostics_channel';
import type { WorkerDeathEvent } from '../runtime/index.js';

export interface Death {
  /** In milliseconds since 1970. */
  readonly time: number;
  readonly cause: string;
  /** When the next one was started, in milliseconds. */
  readonly delay: number;
}

/** So many are kept. */
const KEPT = 10;

export class WorkerLife {
  #restarts = 0;
  #deaths: readonly Death[] = [];

  constructor() {
    subscribe('async-tasks:worker:death', (event) => {
      const { cause, delay } = event as WorkerDeathEvent;
      this.#restarts += 1;
      this.#deaths = [...this.#deaths, { time: Date.now(), cause: String(cause), delay }].slice(-KEPT);
    });
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** The last ones, oldest first. */
  get deaths(): readonly Death[] {
    return this.#deaths;
  }
}
