/**
 * The clock that all threads share: monotonic, so a change of the system's time moves no deadline and no order, and of
 * the process, where `performance.now()` may begin anew in each thread. It costs no more than `Date.now()`. What people
 * read is wall time: this clock and one offset, which is taken once and shared along with the records.
 */
import { hrtime } from 'node:process'; // the global is a getter, and costs half as much again

/** In milliseconds, with fractions, from some point before the process. */
export function now(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** What makes wall time, in milliseconds since 1970, of a time of this clock. */
export function wallOffset(): number {
  return Date.now() - now();
}
