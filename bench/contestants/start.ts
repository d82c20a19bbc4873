/**
 * From the enqueue to the start of the task, and to its end as `finished()` tells it: on an idle runtime (1 ms between
 * tasks), on a busy one (8 in flight), and in a steady flow of tasks that nobody awaits. In nanoseconds.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { channel, runTask, startRuntime, type Task, type TaskHandle, tryRunTask } from '#index';
import type { Latency } from './enqueue.js';
import { tasks } from './tasks.js';

const IN_FLIGHT = 8;
/** Milliseconds between two tasks of the flow, and how many tasks later it is looked up when one was started. */
const FLOW_MS = 0.05;
const LOOK_BACK = 256;

export interface StartSetup {
  readonly load: 'idle' | 'busy' | 'flow';
  readonly ms: number;
}

export interface StartResult {
  readonly start: Latency;
  /** Of a flow: nothing. */
  readonly roundTrip: Latency;
}

const { load, ms } = JSON.parse(process.argv[2] ?? '{}') as StartSetup;
const [tx, rx] = channel<Task>(32);
await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url), log: false });
const start = createHistogram();
const roundTrip = createHistogram();
await rounds(ms, IN_FLIGHT); // the code is compiled meanwhile
start.reset();
roundTrip.reset();
if (load === 'flow') flow(ms);
else await rounds(ms, load === 'busy' ? IN_FLIGHT : 1);
process.stdout.write(`${JSON.stringify({ start: summary(start), roundTrip: summary(roundTrip) })}\n`);
process.exit(0);

async function rounds(duration: number, inFlight: number): Promise<void> {
  const end = performance.now() + duration;
  const loop = async () => {
    while (performance.now() < end) {
      const sent = performance.timeOrigin + performance.now();
      const handle = await runTask(tasks.now(), tx);
      const started = await handle.finished();
      roundTrip.record(nanoseconds(performance.timeOrigin + performance.now() - sent));
      start.record(nanoseconds(started - sent));
      if (inFlight === 1) await sleep(1);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
}

/** Keeps the thread busy, as a server does. */
function flow(duration: number): void {
  const sent: (readonly [handle: TaskHandle<number>, at: number])[] = [];
  const begin = performance.now();
  for (let due = begin; due < begin + duration; due += FLOW_MS) {
    while (performance.now() < due);
    const at = performance.timeOrigin + performance.now();
    const handle = tryRunTask(tasks.now(), tx);
    if (handle !== undefined) sent.push([handle, at]);
    if (sent.length <= LOOK_BACK) continue;
    const [former, since] = sent.shift() ?? [];
    start.record(nanoseconds(Number(former?.status()?.outcome) - Number(since)));
  }
}

function nanoseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1e6));
}

function summary(histogram: RecordableHistogram): Latency {
  const at = (percentile: number) => histogram.percentile(percentile);
  return { count: histogram.count, p50: at(50), p99: at(99), p999: at(99.9), max: histogram.max };
}
