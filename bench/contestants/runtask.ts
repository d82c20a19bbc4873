/**
 * This project's whole path: `runTask` with task ids and ledger, the executor, the runtime. One producer is the main
 * thread with `await runTask(…)`; several are threads of their own with `blockingRunTask`.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { blockingRunTask, channel, runTask, Sender, startRuntime, type Task } from '#index';
import { begin, finish, Gate, PAYLOADS, readSetup } from './contract.js';
import { tasks } from './tasks.js';

if (isMainThread) await main();
else produce();

async function main(): Promise<void> {
  const setup = readSetup();
  const [tx, rx] = channel<Task>(setup.capacity);
  await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url), log: false });
  const gate = new Gate();
  const threads = setup.blocking === true || setup.producers > 1 ? setup.producers : 0;
  const ended = Array.from({ length: threads }, (_, number) => {
    const data = { setup, gate: gate.memory, tx: tx.share(), number };
    return new Promise((resolve) =>
      new Worker(new URL(import.meta.url), { workerData: data }).once('exit', resolve),
    );
  });
  await gate.open(threads);
  const since = begin();
  const captured = PAYLOADS[setup.payload];
  if (threads === 0) for (let left = setup.count; left > 0; left--) await runTask(tasks.add(captured), tx);
  await Promise.all(ended);
  const total = await runTask(tasks.total(), tx);
  const sum = await total.finished();
  finish(setup, since, sum);
}

function produce(): void {
  const { setup, gate, tx: handle } = workerData;
  const tx = Sender.attach<Task>(handle);
  const captured = PAYLOADS[setup.payload as keyof typeof PAYLOADS];
  new Gate(gate).pass();
  for (let left = setup.count; left > 0; left--) blockingRunTask(tasks.add(captured), tx);
}
