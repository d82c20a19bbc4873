/**
 * The floor of a start on an idle runtime: a bare thread that sleeps in `Atomics.wait`, or awaits `Atomics.waitAsync`, and
 * another that notifies it once each millisecond. Prints how long each wake-up took, in nanoseconds.
 */
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Latency } from './enqueue.js';

export interface WakeSetup {
  readonly form: 'wait' | 'waitAsync';
  readonly ms: number;
}

const WORD = 0;
const WOKEN = 32;
/** When the thread was woken: the 64-bit word at this index. */
const AT = 32;

const now = (): number => performance.timeOrigin + performance.now();

if (isMainThread) {
  const { form, ms } = JSON.parse(process.argv[2] ?? '{}') as WakeSetup;
  const memory = new SharedArrayBuffer(512);
  const worker = new Worker(new URL(import.meta.url), { workerData: { memory, form } });
  await new Promise((resolve) => worker.once('message', resolve));
  await measure(memory, ms / 2);
  process.stdout.write(`${JSON.stringify(await measure(memory, ms))}\n`);
  process.exit(0);
} else {
  parentPort?.postMessage('ready');
  await answer(workerData);
}

async function measure(memory: SharedArrayBuffer, duration: number): Promise<Latency> {
  const words = new Int32Array(memory);
  const times = new Float64Array(memory);
  const histogram = createHistogram();
  for (const end = performance.now() + duration; performance.now() < end; ) {
    const word = Atomics.load(words, WORD) + 1;
    const sent = now();
    Atomics.store(words, WORD, word);
    Atomics.notify(words, WORD);
    do await sleep(1);
    while (Atomics.load(words, WOKEN) !== word);
    histogram.record(Math.max(1, Math.round(((times[AT] ?? 0) - sent) * 1e6)));
  }
  const at = (percentile: number) => histogram.percentile(percentile);
  return { count: histogram.count, p50: at(50), p99: at(99), p999: at(99.9), max: histogram.max };
}

async function answer({ memory, form }: { memory: SharedArrayBuffer; form: WakeSetup['form'] }) {
  const words = new Int32Array(memory);
  const times = new Float64Array(memory);
  setInterval(() => {}, 60_000); // an `Atomics.waitAsync` alone does not keep a thread
  for (let word = 0; ; ) {
    if (form === 'wait') Atomics.wait(words, WORD, word);
    else {
      const wait = Atomics.waitAsync(words, WORD, word);
      if (wait.async) await wait.value;
    }
    const seen = Atomics.load(words, WORD);
    if (seen === word) continue;
    times[AT] = now();
    word = seen;
    Atomics.store(words, WOKEN, word);
  }
}
