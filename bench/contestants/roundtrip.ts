/**
 * The other limit: a word there and a word back between two threads that spin, each word in a cache line of its own.
 * Prints its latency in nanoseconds: the mean of a batch is one sample, since a look at the clock costs as much.
 */
import { createHistogram } from 'node:perf_hooks';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Latency } from './enqueue.js';

const THERE = 0;
const BACK = 32;
const BATCH = 100;
const STOP = -1;

if (isMainThread) {
  const { ms } = JSON.parse(process.argv[2] ?? '{}') as { readonly ms: number };
  const words = new Int32Array(new SharedArrayBuffer(256));
  const worker = new Worker(new URL(import.meta.url), { workerData: words });
  await new Promise((resolve) => worker.once('message', resolve));
  process.stdout.write(`${JSON.stringify(measure(words, ms))}\n`);
  Atomics.store(words, THERE, STOP);
} else {
  parentPort?.postMessage('ready');
  answer(workerData);
}

function measure(words: Int32Array, ms: number): Latency {
  const histogram = createHistogram();
  const begin = performance.now();
  let word = 0;
  for (let now = begin; now < begin + 1.5 * ms; ) {
    for (let left = BATCH; left > 0; left--) {
      word = (word + 1) & 0xff_ffff;
      Atomics.store(words, THERE, word);
      while (Atomics.load(words, BACK) !== word);
    }
    const after = performance.now();
    if (now > begin + ms / 2) histogram.record(Math.max(1, Math.round(((after - now) * 1e6) / BATCH)));
    now = after;
  }
  const at = (percentile: number) => histogram.percentile(percentile);
  return { count: histogram.count, p50: at(50), p99: at(99), p999: at(99.9), max: histogram.max };
}

function answer(words: Int32Array): void {
  for (let last = 0; last !== STOP; ) {
    const word = Atomics.load(words, THERE);
    if (word !== last) Atomics.store(words, BACK, word);
    last = word;
  }
}
