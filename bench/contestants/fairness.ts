/** How much of the first half of all messages each of several blocked producers got in. */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { channel, Sender } from '#channel';
import { begin, finish, Gate, readSetup } from './contract.js';

if (isMainThread) await main();
else produce();

async function main(): Promise<void> {
  const setup = readSetup();
  const [tx, rx] = channel<number>(setup.capacity);
  const gate = new Gate();
  for (let number = 0; number < setup.producers; number++) {
    new Worker(new URL(import.meta.url), {
      workerData: { gate: gate.memory, tx: tx.share(), number, setup },
    });
  }
  await gate.arrival(setup.producers);
  const since = begin();
  gate.open();
  const total = setup.count * setup.producers;
  const shares = new Array<number>(setup.producers).fill(0);
  let sum = 0;
  for (let taken = 0; taken < total; taken++) {
    const producer = rx.tryRecv() ?? (await rx.recv()) ?? 0;
    sum += 11;
    if (taken < total / 2) shares[producer] = (shares[producer] ?? 0) + 1;
  }
  finish(setup, since, sum, shares);
}

function produce(): void {
  const { gate, tx: handle, number, setup } = workerData;
  const tx = Sender.attach<number>(handle);
  new Gate(gate).pass();
  for (let left = setup.count; left > 0; left--) tx.blockingSend(number);
}
