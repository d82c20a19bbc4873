/**
 * The whole path without its accounting: the same tasks through the same channel to a loop that calls their functions,
 * with no ids, no ledger, no times, no turns for the event loop. What `runtask` adds is the price of accounting.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { channel, Receiver, Sender } from '#channel';
import { moduleOf, type Task } from '#runtime/task';
import { begin, finish, Gate, PAYLOADS, readSetup, type Setup, warmUpOf } from './contract.js';
import { tasks } from './tasks.js';

if (isMainThread) await main();
else if (workerData.rx !== undefined) await consume();
else produce();

async function main(): Promise<void> {
  const setup = readSetup();
  const [tx, rx] = channel<Task>(setup.capacity);
  const gate = new Gate();
  const start = (role: object) =>
    new Worker(new URL(import.meta.url), { workerData: { setup, gate: gate.memory, ...role } });
  const consumer = start({ rx: rx.share() });
  for (let p = 0; p < setup.producers; p++) start({ tx: tx.share() });
  const done = new Promise<number>((resolve) => consumer.once('message', resolve));
  await gate.arrival(setup.producers + 1);
  const since = begin();
  gate.open();
  const sum = await done;
  finish(setup, since, sum);
}

async function consume(): Promise<void> {
  const { setup, gate, rx: handle } = workerData;
  const rx = Receiver.attach<Task>(handle);
  const { definitions } = moduleOf(tasks) ?? { definitions: [] };
  const total = () => definitions.at(-2)?.fn() as number;
  const run = async (count: number) => {
    for (let left = count; left > 0; left--) {
      const task = rx.tryRecv() ?? (await rx.recv());
      if (task === undefined) break;
      const fn = definitions[task.number]?.fn as (...args: readonly unknown[]) => unknown;
      fn(...task.args);
    }
  };
  await run(warmUpOf(setup) * setup.producers);
  const before = total();
  new Gate(gate).pass();
  await run(setup.count * setup.producers);
  parentPort?.postMessage(total() - before);
}

function produce(): void {
  const setup: Setup = workerData.setup;
  const tx = Sender.attach<Task>(workerData.tx);
  const captured = PAYLOADS[setup.payload];
  const send = (count: number) => {
    for (let left = count; left > 0; left--) tx.blockingSend(tasks.add(captured));
  };
  send(warmUpOf(setup));
  new Gate(workerData.gate).pass();
  send(setup.count);
}
