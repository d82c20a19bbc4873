/** What code on a logical thread finds in place of the globals of a real one. */
import { CLOCK, queueOf } from './footprint.js';
import { promiseOf, type Thread, type Timer } from './loop.js';
import type { Effect, Machine } from './machine.js';

/** Where a thread runs. Instances of modules are used for one run after the other, of any scenario. */
export interface Seat {
  readonly thread: Thread;
  machine: Machine;
  /** Told each message that the thread decodes. */
  decoded: (value: unknown) => void;
}

export function globalsOf(seat: Seat): Record<string, unknown> {
  const { thread } = seat;
  const call = (op: string, effect: Effect) => (words: Int32Array, index: number, a: number, b: number) =>
    seat.machine.access(thread, op, words, index, effect, a, b);
  return {
    Atomics: {
      load: call('load', (words, at) => Atomics.load(words, at)),
      store: call('store', (words, at, a) => Atomics.store(words, at, a)),
      add: call('add', (words, at, a) => Atomics.add(words, at, a)),
      and: call('and', (words, at, a) => Atomics.and(words, at, a)),
      or: call('or', (words, at, a) => Atomics.or(words, at, a)),
      exchange: call('exchange', (words, at, a) => Atomics.exchange(words, at, a)),
      compareExchange: call('compareExchange', (words, at, a, b) => Atomics.compareExchange(words, at, a, b)),
      plain: call('plain', () => seat.machine.plain()),
      notify: (words: Int32Array, index: number, count?: number) =>
        seat.machine.notify(thread, words, index, count),
      wait: (words: Int32Array, index: number, value: number, ms?: number) =>
        seat.machine.wait(thread, words, index, value, ms),
      waitAsync: (words: Int32Array, index: number, value: number) =>
        seat.machine.waitAsync(thread, words, index, value),
    },
    $plain: <T extends { readonly buffer: ArrayBufferLike }>(words: T): T => {
      seat.machine.plainly(words);
      return words;
    },
    Promise: promiseOf(thread),
    MessageChannel: class {
      readonly port1 = { ref: nothing, unref: nothing };
    },
    performance: { now: () => clock(seat) },
    Date: { now: () => thread.date },
    setTimeout: (job: () => unknown, ms: number): Timer => {
      const timer = { at: clock(seat) + ms, job };
      thread.timers.push(timer);
      return timer;
    },
    setImmediate: (job: () => unknown): void => {
      seat.machine.footprint.changes(queueOf(thread.index));
      thread.immediates.push(job);
    },
    clearTimeout: (timer: Timer | undefined): void => {
      const at = timer === undefined ? -1 : thread.timers.indexOf(timer);
      if (at >= 0) thread.timers.splice(at, 1);
    },
  };
}

function clock({ thread, machine }: Seat): number {
  machine.footprint.reads(CLOCK);
  thread.see(machine.clock);
  return machine.clock;
}

function nothing(): void {}
