/** How late the event loop of the main thread is, measured while somebody wants to know. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;

export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  start(): void {
    this.#histogram.enable();
  }

  stop(): void {
    this.#histogram.disable();
  }

  /** The longest since the last call, in milliseconds. */
  take(): number {
    const ms = this.#histogram.max / 1e6 - RESOLUTION_MS; // it measures from one look to the next
    this.#histogram.reset();
    return Math.max(0, ms);
  }
}
