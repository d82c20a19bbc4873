/**
 * From the enqueue to the start of the task, and to its end as `finished()` tells it: on an idle runtime (1 ms between
 * tasks) and on a busy one (8 in flight). In nanoseconds.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { channel, runTask, startRuntime, type Task } from '#index';
import type { Latency } from './enqueue.js';
import { tasks } from './tasks.js';

const IN_FLIGHT = 8;

export interface StartResult {
  readonly start: Latency;
  readonly roundTrip: Latency;
}

const { busy, ms } = JSON.parse(process.argv[2] ?? '{}') as { readonly busy: boolean; readonly ms: number };
const [tx, rx] = channel<Task>(32);
await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url), log: false });
const start = createHistogram();
const roundTrip = createHistogram();
await runFor(ms / 2);
start.reset();
roundTrip.reset();
await runFor(ms);
process.stdout.write(`${JSON.stringify({ start: summary(start), roundTrip: summary(roundTrip) })}\n`);
process.exit(0);

async function runFor(duration: number): Promise<void> {
  const end = performance.now() + duration;
  const loop = async () => {
    while (performance.now() < end) {
      const sent = performance.timeOrigin + performance.now();
      const handle = await runTask(tasks.now(), tx);
      const started = await handle.finished();
      roundTrip.record(nanoseconds(performance.timeOrigin + performance.now() - sent));
      start.record(nanoseconds(started - sent));
      if (!busy) await sleep(1);
    }
  };
  await Promise.all(Array.from({ length: busy ? IN_FLIGHT : 1 }, loop));
}

function nanoseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1e6));
}

function summary(histogram: RecordableHistogram): Latency {
  const at = (percentile: number) => histogram.percentile(percentile);
  return { count: histogram.count, p50: at(50), p99: at(99), p999: at(99.9), max: histogram.max };
}
