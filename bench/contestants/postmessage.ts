/** The baseline: `postMessage` for each task and an answer for each, with at most `capacity` on the way. */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { begin, finish, PAYLOADS, readSetup, sizeOf, warmUpOf } from './contract.js';

if (isMainThread) {
  const setup = readSetup();
  const worker = new Worker(new URL(import.meta.url));
  await once(worker, 'message');
  const captured = PAYLOADS[setup.payload];
  const run = (count: number) =>
    new Promise<number>((resolve) => {
      let sent = 0;
      let sum = 0;
      let ended = 0;
      const send = () => {
        sent += 1;
        worker.postMessage(captured);
      };
      const receive = (size: number) => {
        sum += size;
        ended += 1;
        if (sent < count) send();
        if (ended < count) return;
        worker.off('message', receive);
        resolve(sum);
      };
      worker.on('message', receive);
      while (sent < Math.min(setup.capacity, count)) send();
    });
  await run(warmUpOf(setup));
  const since = begin();
  finish(setup, since, await run(setup.count));
} else {
  parentPort?.on('message', (captured: unknown) => parentPort?.postMessage(sizeOf(captured)));
  parentPort?.postMessage('ready');
}
