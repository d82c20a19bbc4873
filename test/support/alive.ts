/**
 * What a process or thread does that has nothing to do but wait on a channel. Told by its first argument what to wait
 * for; says with its exit whether it could.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { channel, Receiver } from '#channel';
import { receiverParked } from './state.js';
import { until } from './wait.js';

const [tx, rx] = channel<number>(1);

/** A timer that does not keep the thread alive itself. */
function later(action: () => void): void {
  setTimeout(action, 50).unref();
}

const scenes: Record<string, () => Promise<void>> = {
  async 'pending recv'() {
    later(() => tx.trySend(1));
    await rx.recv();
  },
  async 'pending send'() {
    await tx.send(1);
    later(() => rx.tryRecv());
    await tx.send(2);
  },
  async 'send in line'() {
    for (let sent = 1; sent < 200; sent++) void tx.send(sent);
    setInterval(() => {
      while (rx.tryRecv() !== undefined);
    }, 10).unref();
    await tx.send(200);
  },
  async 'nothing pending'() {
    const never = new AbortController();
    await tx.send(1);
    const waiting = tx.send(2, { timeout: 2 ** 30, signal: never.signal });
    await rx.recv();
    await waiting;
    await rx.recv();
  },
  async closed() {
    tx.close();
    await rx.recv();
  },
  async 'left open'() {
    tx.trySend(1);
  },
};

/** Prints the microseconds of processor time that two parked receivers, one of each kind, took in 400 ms. */
async function idle(): Promise<void> {
  const [, other] = channel<number>(1);
  const handle = other.share();
  const worker = new Worker(new URL(import.meta.url), { argv: ['block'], workerData: handle });
  void rx.recv();
  await until(() => receiverParked(rx.link.memory) && receiverParked(handle.memory));
  await new Promise((resolve) => setTimeout(resolve, 300)); // start-up work of the two threads
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 400));
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${user + system}\n`);
  await worker.terminate();
  rx.close();
}

const scene = process.argv[2] ?? '';
if (scene === 'idle') await idle();
else if (scene === 'block') Receiver.attach(workerData).blockingRecv();
else {
  await scenes[scene]?.();
  if (parentPort === null) process.stdout.write('done\n');
  else parentPort.postMessage('done');
}
