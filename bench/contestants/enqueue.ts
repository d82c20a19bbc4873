/**
 * What one enqueue costs the thread that does it, with each form of sending.
 *
 *   awake   the receiver keeps up and never sleeps; measured call by call with tinybench, the look at the clock included
 *   paced   arrivals 20 µs apart, each timed from when it was meant to start: a stall is not hidden
 *   full    the queue is full, the sender waits for room
 */
import { createHistogram } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { Bench } from 'tinybench';
import { channel, runTask, type Sender, startRuntime, type Task } from '#index';
import { tasks } from './tasks.js';

/** `nothing`: only the pacing, which shows how often the machine takes the processor away. */
export type Form = 'nothing' | 'trySend' | 'send' | 'blockingSend' | 'runTask';

export interface LatencySetup {
  readonly form: Form;
  readonly mode: 'awake' | 'paced' | 'full';
  /** How long to measure, in milliseconds. */
  readonly ms: number;
}

/** Nanoseconds. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const CAPTURED = 'foo bar baz';
const PACE_MS = 0.02;

const { form, mode, ms } = JSON.parse(process.argv[2] ?? '{}') as LatencySetup;
const [tx, rx] = channel<unknown>(32);
const enqueue = await operation();
const result = mode === 'awake' ? await callByCall() : await paced(mode === 'full' ? 0 : PACE_MS);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);

/** The operation to measure, with a consumer at the other end. */
async function operation(): Promise<() => unknown> {
  if (form === 'nothing') return () => {};
  if (form === 'runTask') {
    await startRuntime(rx as never, { tasks: new URL('./tasks.js', import.meta.url), log: false });
    return () => runTask(tasks.add(CAPTURED), tx as Sender<Task>);
  }
  const consumer = new Worker(new URL('./consumer.js', import.meta.url), { workerData: rx.share() });
  await new Promise((resolve) => consumer.once('message', resolve));
  switch (form) {
    case 'trySend':
      return () => tx.trySend(CAPTURED);
    case 'send':
      return () => tx.send(CAPTURED);
    case 'blockingSend':
      return () => tx.blockingSend(CAPTURED);
  }
}

async function callByCall(): Promise<Latency> {
  const bench = new Bench({ time: ms, warmupTime: ms / 2, throws: true });
  const room = () => {
    while (tx.length > tx.capacity / 2); // not part of what is measured
  };
  bench.add(form, enqueue, { beforeEach: room });
  await bench.run();
  const measured = bench.tasks[0]?.result;
  if (measured?.state !== 'completed') throw new Error(`Expected a measurement, got ${measured?.state}`);
  const { p50, p99, p999, max, samplesCount } = measured.latency;
  return { count: samplesCount, p50: p50 * 1e6, p99: p99 * 1e6, p999: p999 * 1e6, max: max * 1e6 };
}

async function paced(pace: number): Promise<Latency> {
  const histogram = createHistogram();
  const measureFor = async (duration: number) => {
    const end = performance.now() + duration;
    for (
      let due = performance.now();
      due < end;
      due = Math.max(due + pace, pace === 0 ? performance.now() : 0)
    ) {
      while (performance.now() < due);
      await enqueue();
      histogram.record(Math.max(1, Math.round((performance.now() - due) * 1e6)));
    }
  };
  await measureFor(ms / 2);
  histogram.reset();
  await measureFor(ms);
  const at = (percentile: number) => histogram.percentile(percentile);
  return { count: histogram.count, p50: at(50), p99: at(99), p999: at(99.9), max: histogram.max };
}
