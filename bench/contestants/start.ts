/**
 * From the enqueue to the start of the task, and to its end as `finished()` tells it:
 *
 *   idle   1 ms between tasks
 *   busy   8 in flight
 *   bare   no runtime, but the floor of idle: a thread in `Atomics.wait`, notified once each millisecond
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { channel, runTask, startRuntime, type Task } from '#index';
import { percentiles, print, readSetup } from './contract.js';
import { loadTasks } from './library.js';

const IN_FLIGHT = 8;
/** Of the bare thread's memory: the word that wakes it, and the 64-bit word with the time. */
const WORD = 0;
const AWAKE = 8;

const start: number[] = [];
const finished: number[] = [];
const now = () => performance.timeOrigin + performance.now(); // comparable between threads

if (isMainThread) await main(readSetup());
else answer(workerData);

async function main({ load, ms }: { load: 'idle' | 'busy' | 'bare'; ms: number }): Promise<never> {
  if (load === 'bare') {
    await notify(ms);
    print(percentiles(start));
  }
  const { options, tasks } = await loadTasks();
  const [tx, rx] = channel<Task>(32);
  await startRuntime(rx, options);
  const loop = async (until: number, pause: number) => {
    while (performance.now() < until) {
      const sent = now();
      const handle = await runTask(tasks.now(), tx);
      const started = await handle.finished();
      finished.push(now() - sent);
      start.push(started - sent);
      if (pause > 0) await sleep(pause);
    }
  };
  const busy = (until: number) => Promise.all(Array.from({ length: IN_FLIGHT }, () => loop(until, 0)));
  await busy(performance.now() + ms / 2); // the code is compiled meanwhile
  start.length = 0;
  finished.length = 0;
  const end = performance.now() + ms;
  await (load === 'busy' ? busy(end) : loop(end, 1));
  const { p50: finishedP50, p99: finishedP99 } = percentiles(finished);
  print({ ...percentiles(start), finishedP50, finishedP99 });
}

async function notify(ms: number): Promise<void> {
  const memory = new SharedArrayBuffer(128);
  const [words, times] = [new Int32Array(memory), new Float64Array(memory)];
  await once(new Worker(new URL(import.meta.url), { workerData: memory }), 'message');
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const sent = now();
    Atomics.store(words, WORD, 1);
    Atomics.notify(words, WORD);
    do await sleep(1);
    while (Atomics.load(words, WORD) !== 0);
    start.push((times[AWAKE] ?? 0) - sent);
  }
}

function answer(memory: SharedArrayBuffer): never {
  const [words, times] = [new Int32Array(memory), new Float64Array(memory)];
  parentPort?.postMessage('ready');
  for (;;) {
    Atomics.wait(words, WORD, 0);
    times[AWAKE] = now();
    Atomics.store(words, WORD, 0);
  }
}
