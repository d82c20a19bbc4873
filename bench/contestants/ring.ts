/**
 * The limit: a bare ring of integers between two threads. One producer, no payload, no wake-ups, no admission, both
 * threads spin. What a real channel does on top is measured against this.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { begin, finish, readSetup } from './contract.js';

const HEAD = 0;
const TAIL = 32;
const CELLS = 64;

if (isMainThread) {
  const setup = readSetup();
  if (setup.producers !== 1 || setup.payload !== 'number')
    throw new Error('Expected one producer of numbers');
  const words = new Int32Array(new SharedArrayBuffer((CELLS + setup.capacity) * 4));
  const worker = new Worker(new URL(import.meta.url), { workerData: { words, setup } });
  await new Promise((resolve) => worker.once('message', resolve));
  const done = new Promise<number>((resolve) => worker.once('message', resolve));
  const since = begin();
  produce(words, setup.count, setup.capacity);
  const sum = await done;
  finish(setup, since, sum);
} else {
  const { words, setup } = workerData;
  parentPort?.postMessage('ready');
  parentPort?.postMessage(consume(words, setup.count, setup.capacity));
}

function produce(words: Int32Array, count: number, capacity: number): void {
  let head = 0;
  for (let tail = 0, slot = 0; tail < count; tail++) {
    while (tail - head >= capacity) head = Atomics.load(words, HEAD);
    words[CELLS + slot] = 11;
    slot = slot + 1 === capacity ? 0 : slot + 1;
    Atomics.store(words, TAIL, tail + 1);
  }
}

function consume(words: Int32Array, count: number, capacity: number): number {
  let sum = 0;
  let tail = 0;
  for (let head = 0, slot = 0; head < count; head++) {
    while (head === tail) tail = Atomics.load(words, TAIL);
    sum += words[CELLS + slot] ?? 0;
    slot = slot + 1 === capacity ? 0 : slot + 1;
    Atomics.store(words, HEAD, head + 1);
  }
  return sum;
}
