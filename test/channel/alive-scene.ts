/** What a process or thread does that has nothing to do but wait on a channel; says `done` at its end, if it came there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker, workerData } from 'node:worker_threads';
import { channel, Receiver } from '#channel';
import { receiverSleeps } from './ends.js';

const [tx, rx] = channel<number>(1);

/** A timer that does not keep the thread alive itself. */
function later(action: () => void): void {
  setTimeout(action, 100).unref();
}

const scenes: Record<string, () => Promise<void>> = {
  async recv() {
    later(() => tx.trySend(1));
    await rx.recv();
  },
  async send() {
    await tx.send(1);
    later(() => rx.tryRecv());
    await tx.send(2);
  },
  async late() {
    const received = rx.recv();
    void tx.send(1, {}, undefined, true);
    await received;
  },
  async 'gave up'() {
    await tx.send(1);
    await tx.send(2, { timeout: 1 }).catch(() => {});
    await tx.send(3, { signal: AbortSignal.timeout(5) }).catch(() => {});
  },
  async nothing() {
    await tx.send(1);
    const waiting = tx.send(2, { timeout: 2 ** 30, signal: new AbortController().signal });
    await rx.recv();
    await waiting;
    await rx.recv();
  },
};

/** Prints the microseconds of processor time that two sleeping receivers, one of each kind, took in 400 ms. */
async function idle(): Promise<void> {
  const [, other] = channel<number>(1);
  const worker = new Worker(new URL(import.meta.url), { argv: ['block'], workerData: other.share() });
  void rx.recv();
  await Promise.all([receiverSleeps(rx), receiverSleeps(other)]);
  await sleep(300); // start-up work of the two threads
  const before = process.cpuUsage();
  await sleep(400);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${user + system}\n`);
  await worker.terminate();
  rx.close();
}

const name = process.argv[2] ?? '';
if (name === 'idle') await idle();
else if (name === 'block') Receiver.attach(workerData).blockingRecv();
else {
  await scenes[name]?.();
  process.stdout.write('done\n');
}
