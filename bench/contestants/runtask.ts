/**
 * This project's whole path: `runTask` with task ids and ledger, the executor, the runtime. One producer is the main
 * thread with `await runTask(…)`; several are threads of their own with `blockingRunTask`.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { blockingRunTask, channel, runTask, Sender, startRuntime, type Task } from '#index';
import { begin, finish, Gate, PAYLOADS, readSetup, type Setup, warmUpOf } from './contract.js';
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
  const captured = PAYLOADS[setup.payload];
  const run = async (count: number) => {
    for (let left = count; left > 0; left--) await runTask(tasks.add(captured), tx);
  };
  const total = async () => (await runTask(tasks.total(), tx)).finished();
  if (threads === 0) await run(warmUpOf(setup));
  else await gate.arrival(threads);
  const before = await total();
  const since = begin();
  if (threads === 0) await run(setup.count);
  else gate.open();
  await Promise.all(ended);
  finish(setup, since, (await total()) - before);
}

function produce(): void {
  const setup: Setup = workerData.setup;
  const tx = Sender.attach<Task>(workerData.tx);
  const captured = PAYLOADS[setup.payload];
  const run = (count: number) => {
    for (let left = count; left > 0; left--) blockingRunTask(tasks.add(captured), tx);
  };
  run(warmUpOf(setup));
  new Gate(workerData.gate).pass();
  run(setup.count);
}
