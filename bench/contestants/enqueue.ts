/**
 * What one enqueue costs the thread that does it, with each form of sending.
 *
 *   awake   the receiver keeps up and never sleeps; measured call by call with tinybench, the look at the clock included
 *   paced   arrivals 20 µs apart, each timed from when it was due: a stall is not hidden
 *   asleep  arrivals 2 ms apart: the receiver sleeps each time
 *   full    the queue is full, the sender waits for room
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Bench } from 'tinybench';
import { channel, runTask, startRuntime, type Task } from '#index';
import { percentiles, print, readSetup } from './contract.js';
import { loadTasks } from './library.js';

type Form = 'trySend' | 'send' | 'blockingSend' | 'runTask' | 'postMessage';
type Mode = 'awake' | 'paced' | 'asleep' | 'full';

const CAPTURED = 'foo bar baz';
const PACE_MS = { awake: 0, paced: 0.02, asleep: 2, full: 0 };

const { form, mode, ms } = readSetup<{ form: Form; mode: Mode; ms: number }>();
const [tx, rx] = channel<unknown>(32);
const enqueue = await operation();
if (mode === 'awake') await callByCall();
await paced(ms / 2);
print(percentiles(await paced(ms)));

/** The operation to measure, with a consumer at the other end. */
async function operation(): Promise<() => unknown> {
  if (form === 'runTask') {
    const { options, tasks } = await loadTasks();
    const [tasksTx, tasksRx] = channel<Task>(32);
    await startRuntime(tasksRx, options);
    return () => runTask(tasks.add(CAPTURED), tasksTx);
  }
  const worker = new Worker(new URL('./consumer.js', import.meta.url), { workerData: rx.share() });
  await once(worker, 'message');
  if (form === 'postMessage') return () => worker.postMessage(CAPTURED);
  if (form === 'trySend') return () => tx.trySend(CAPTURED);
  return form === 'send' ? () => tx.send(CAPTURED) : () => tx.blockingSend(CAPTURED);
}

async function callByCall(): Promise<never> {
  const bench = new Bench({ time: ms, warmupTime: ms / 2, throws: true });
  const room = () => {
    while (tx.length > tx.capacity / 2); // not part of what is measured
  };
  bench.add(form, enqueue, { beforeEach: room });
  await bench.run();
  const measured = bench.tasks[0]?.result;
  if (measured?.state !== 'completed') throw new Error(`Expected a measurement, got ${measured?.state}`);
  print({ p50: measured.latency.p50 * 1000, p99: measured.latency.p99 * 1000 });
}

async function paced(duration: number): Promise<number[]> {
  const times: number[] = [];
  const pace = PACE_MS[mode];
  const end = performance.now() + duration;
  for (let due = performance.now(); due < end; due = pace === 0 ? performance.now() : due + pace) {
    if (pace >= 1) await sleep(pace - 1);
    while (performance.now() < due);
    await enqueue();
    times.push(performance.now() - due);
  }
  return times;
}
