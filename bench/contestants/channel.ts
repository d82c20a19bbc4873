/** This project's channel alone: `blockingSend` to a thread that receives. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { channel, Receiver, type ReceiverHandle, Sender, type SenderHandle } from '#channel';
import { begin, finish, Gate, PAYLOADS, readSetup, type Setup, sizeOf } from './contract.js';

interface Role {
  readonly setup: Setup;
  readonly gate: SharedArrayBuffer;
  readonly number: number;
  readonly tx?: SenderHandle<unknown>;
  readonly rx?: ReceiverHandle<unknown>;
}

if (isMainThread) await main();
else if (workerData.rx !== undefined) await consume(workerData);
else produce(workerData);

async function main(): Promise<void> {
  const setup = readSetup();
  const [tx, rx] = channel<unknown>(setup.capacity);
  const gate = new Gate();
  const start = (role: object, number: number) =>
    new Worker(new URL(import.meta.url), { workerData: { setup, gate: gate.memory, number, ...role } });
  const consumer = start({ rx: rx.share() }, 0);
  for (let p = 0; p < setup.producers; p++) start({ tx: tx.share() }, p);
  const done = new Promise<{ sum: number; shares: number[] }>((resolve) => consumer.once('message', resolve));
  await gate.open(setup.producers + 1);
  const since = begin();
  const { sum, shares } = await done;
  finish(setup, since, sum, shares);
}

async function consume({ setup, gate, rx: handle }: Role): Promise<void> {
  if (handle === undefined) return;
  const rx = Receiver.attach<unknown>(handle);
  new Gate(gate).pass();
  let sum = 0;
  for (let left = setup.count * setup.producers; left > 0; left--) {
    sum += sizeOf(rx.tryRecv() ?? (await rx.recv()));
  }
  parentPort?.postMessage({ sum });
}

function produce({ setup, gate, tx: handle }: Role): void {
  if (handle === undefined) return;
  const tx = Sender.attach<unknown>(handle);
  const captured = PAYLOADS[setup.payload];
  new Gate(gate).pass();
  for (let left = setup.count; left > 0; left--) tx.blockingSend(captured);
}
