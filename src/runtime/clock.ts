/**
 * The clock that both threads share. It is monotonic: a change of the system's time moves no deadline and no order.
 * (`performance.now()` has another zero in each thread.) What people read is wall time: this clock and one offset, which the
 * owner takes once.
 */
import { hrtime } from 'node:process'; // the global is a getter, and costs half as much again

/** In milliseconds, with fractions, from some point before the process. */
export function now(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

const OFFSET: number = Date.now() - now();

/** A time of this clock in milliseconds since 1970. */
export function wallTime(time: number): number {
  return time + OFFSET;
}
