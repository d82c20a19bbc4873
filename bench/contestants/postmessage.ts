/** The baseline: `postMessage` for each task and an answer for each, with at most `capacity` on the way. */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { begin, finish, PAYLOADS, readSetup, sizeOf } from './contract.js';

if (isMainThread) {
  const setup = readSetup();
  if (setup.producers !== 1) throw new Error('Expected one producer');
  const worker = new Worker(new URL(import.meta.url));
  await new Promise((resolve) => worker.once('message', resolve));
  const captured = PAYLOADS[setup.payload];
  let sent = 0;
  let sum = 0;
  let ended = 0;
  const since = begin();
  const send = () => {
    sent += 1;
    worker.postMessage(captured);
  };
  worker.on('message', (size: number) => {
    sum += size;
    ended += 1;
    if (sent < setup.count) send();
    if (ended === setup.count) finish(setup, since, sum);
  });
  while (sent < Math.min(setup.capacity, setup.count)) send();
} else {
  parentPort?.on('message', (captured: unknown) => parentPort?.postMessage(sizeOf(captured)));
  parentPort?.postMessage('ready');
}
