/** The channel alone: `blockingSend` from one or several threads to a thread that receives. */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { begin, finish, PAYLOADS, readSetup, type Setup, sizeOf, warmUpOf } from './contract.js';
import { loadLibrary } from './library.js';

const setup: Setup = isMainThread ? readSetup() : workerData.setup;
const { channel, Receiver, Sender } = await loadLibrary(setup.library);

if (isMainThread) await main();
else if (workerData.rx === undefined) produce();
else await consume();

async function main(): Promise<void> {
  const [tx, rx] = channel<unknown>(setup.capacity);
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const start = (end: object) =>
    new Worker(new URL(import.meta.url), { workerData: { setup, gate, ...end } });
  const consumer = start({ rx: rx.share() });
  const producers = Array.from({ length: setup.producers }, () => start({ tx: tx.share() }));
  await Promise.all([consumer, ...producers].map((thread) => once(thread, 'message')));
  const since = begin();
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  const [sum] = await once(consumer, 'message');
  finish(setup, since, sum);
}

/** Waits until all threads are warm. */
function passGate(): void {
  parentPort?.postMessage('warm');
  Atomics.wait(workerData.gate, 0, 0);
}

async function consume(): Promise<void> {
  const rx = Receiver.attach<unknown>(workerData.rx);
  const take = async (count: number) => {
    let sum = 0;
    for (let left = count * setup.producers; left > 0; left--)
      sum += sizeOf(rx.tryRecv() ?? (await rx.recv()));
    return sum;
  };
  await take(warmUpOf(setup));
  passGate();
  parentPort?.postMessage(await take(setup.count));
}

function produce(): void {
  const tx = Sender.attach<unknown>(workerData.tx);
  const captured = PAYLOADS[setup.payload];
  const send = (count: number) => {
    for (let left = count; left > 0; left--) tx.blockingSend(captured);
  };
  send(warmUpOf(setup));
  passGate();
  send(setup.count);
}
