/**
 * What a task costs a server that is not at full speed: so many tasks a second, run on this thread, by a bare worker with
 * `postMessage` and an answer, by `runTask`, or by piscina. Prints the processor time of the whole process for each
 * task, in microseconds, and the memory of the process.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { channel, runTask, startRuntime, type Task } from '#index';
import { print, readSetup, sizeOf } from './contract.js';
import { loadTasks } from './library.js';

type Way = 'inline' | 'postMessage' | 'runTask' | 'piscina';

const CAPTURED = 'foo bar baz';

const { way, rate, ms } = readSetup<{ way: Way; rate: number; ms: number }>();
const enqueue = await start();
await pace(5000, ms * 5); // the code is compiled, as in a server that has run for a while
await sleep(50);
const used = process.cpuUsage();
const count = await pace(rate, rate < 100 ? ms * 5 : ms * 3);
const { user, system } = process.cpuUsage(used);
print({ cpu: (user + system) / count, mib: process.memoryUsage.rss() / 2 ** 20 });

/** Returns how many tasks there were. The last one has its whole interval. */
async function pace(perSecond: number, duration: number): Promise<number> {
  const since = performance.now();
  let sent = 0;
  for (; (sent * 1000) / perSecond < duration; sent++) {
    const due = since + (sent * 1000) / perSecond;
    if (due > performance.now()) await sleep(due - performance.now());
    enqueue();
  }
  await sleep(since + duration - performance.now());
  return sent;
}

async function start(): Promise<() => unknown> {
  switch (way) {
    case 'inline':
      return () => sizeOf(CAPTURED);
    case 'postMessage': {
      const worker = new Worker(new URL('./postmessage.js', import.meta.url)).on('message', () => {});
      await once(worker, 'message');
      return () => worker.postMessage(CAPTURED);
    }
    case 'runTask': {
      const { options, tasks } = await loadTasks();
      const [tx, rx] = channel<Task>(32);
      await startRuntime(rx, options);
      return () => runTask(tasks.add(CAPTURED), tx);
    }
    case 'piscina': {
      const peers = new URL('../../../bench/peers/', import.meta.url);
      const { Piscina } = createRequire(new URL('package.json', peers))('piscina');
      const pool = new Piscina({ filename: new URL('pools.mjs', peers).href, minThreads: 1, maxThreads: 1 });
      return () => pool.run(CAPTURED);
    }
  }
}
