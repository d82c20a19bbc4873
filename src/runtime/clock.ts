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
  let offset = 0;
  // The thread may lose its processor between the looks at both clocks: those that lie closest together count.
  for (let i = 0, closest = Number.POSITIVE_INFINITY; i < 5; i++) {
    const before = now();
    const wall = Date.now();
    const apart = now() - before;
    if (apart >= closest) continue;
    closest = apart;
    offset = wall - before;
  }
  return offset;
}
