/** This project's channel alone: `blockingSend` to a thread that receives. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { channel, Receiver, type ReceiverHandle, Sender, type SenderHandle } from '#channel';
import { begin, finish, Gate, PAYLOADS, readSetup, type Setup, sizeOf, warmUpOf } from './contract.js';

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
  const done = new Promise<number>((resolve) => consumer.once('message', resolve));
  await gate.arrival(setup.producers + 1);
  const since = begin();
  gate.open();
  finish(setup, since, await done);
}

async function consume({ setup, gate, rx: handle }: Role): Promise<void> {
  if (handle === undefined) return;
  const rx = Receiver.attach<unknown>(handle);
  const take = async (count: number) => {
    let sum = 0;
    for (let left = count; left > 0; left--) sum += sizeOf(rx.tryRecv() ?? (await rx.recv()));
    return sum;
  };
  await take(warmUpOf(setup) * setup.producers);
  new Gate(gate).pass();
  parentPort?.postMessage(await take(setup.count * setup.producers));
}

function produce({ setup, gate, tx: handle }: Role): void {
  if (handle === undefined) return;
  const tx = Sender.attach<unknown>(handle);
  const captured = PAYLOADS[setup.payload];
  const send = (count: number) => {
    for (let left = count; left > 0; left--) tx.blockingSend(captured);
  };
  send(warmUpOf(setup));
  new Gate(gate).pass();
  send(setup.count);
}
