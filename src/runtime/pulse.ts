/**
 * The pulse: how late the event loop of the worker thread is, told by a timer in it that writes down when it is due next.
 * While a task blocks the thread, the timer is overdue, and whoever reads sees that.
 */
import { setInterval } from 'node:timers'; // not the global: a task may replace that
import { now } from './clock.js';
import { PULSE } from './records.js';

const BEAT_MS = 100;

// Two times: when the next beat is due, and how late the last one was.
const DUE = 0;
const LATE = 1;

/** The worker thread's: begins to beat. Does not keep the thread alive. */
export function startPulse(ledger: SharedArrayBuffer): void {
  const pulse = pulseIn(ledger);
  pulse[DUE] = now();
  const beat = (): void => {
    const time = now();
    pulse[LATE] = Math.max(0, time - (pulse[DUE] ?? time));
    pulse[DUE] = time + BEAT_MS;
  };
  beat();
  setInterval(beat, BEAT_MS).unref();
}

/** How late the event loop of the worker thread is, in milliseconds. */
export function readPulse(ledger: SharedArrayBuffer): number {
  const pulse = pulseIn(ledger);
  const due = pulse[DUE] ?? 0;
  return due === 0 ? 0 : Math.max(pulse[LATE] ?? 0, now() - due);
}

function pulseIn(ledger: SharedArrayBuffer): Float64Array {
  return new Float64Array(ledger, PULSE * 4, 2);
}
