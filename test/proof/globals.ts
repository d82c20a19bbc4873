/** What code on a logical thread finds in place of the globals of a real one. */
import { SLICE_MS } from '#channel';
import { atomicsOf } from './atomics.js';
import { promiseOf, type Thread, type Timer } from './loop.js';
import type { Machine } from './machine.js';

/** Where a thread runs. Instances of modules are used for one run after the other, of any scenario. */
export interface Seat {
  readonly thread: Thread;
  machine: Machine;
  /** Told each message that the thread decodes. */
  decoded: (value: unknown) => void;
}

export function globalsOf(seat: Seat): Record<string, unknown> {
  const { thread } = seat;
  /** Shared memory is seen through views. */
  const viewing = (kind: typeof Int32Array | typeof Float64Array | typeof Uint8Array): unknown =>
    new Proxy(kind, {
      construct: (_, [source, begin, length]) =>
        seat.machine.shared.view(kind, source, begin, length, thread),
    });
  return {
    Atomics: atomicsOf(thread, () => seat.machine),
    Int32Array: viewing(Int32Array),
    Float64Array: viewing(Float64Array),
    Uint8Array: viewing(Uint8Array),
    Promise: promiseOf(thread),
    MessageChannel: class {
      readonly port1 = { ref: nothing, unref: nothing };
    },
    performance: { now: () => clock(seat) },
    setTimeout: (job: () => unknown, ms: number): Timer & { unref(): Timer } => {
      const timer = { at: clock(seat) + ms, job, unref: () => timer };
      if (ms < SLICE_MS) thread.timers.push(timer); // a slice that ends would hide a wake-up that was lost
      return timer;
    },
    setImmediate: (job: () => unknown): void => {
      thread.immediates.push(job);
    },
    clearTimeout: (timer: Timer | undefined): void => {
      const at = timer === undefined ? -1 : thread.timers.indexOf(timer);
      if (at >= 0) thread.timers.splice(at, 1);
    },
  };
}

function clock({ thread, machine }: Seat): number {
  return thread.past.ask(() => machine.clock);
}

function nothing(): void {}
