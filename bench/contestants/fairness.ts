/** How much each of several blocked producers gets in while the same second passes for all of them. */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { ChannelClosedError, channel, Sender } from '#channel';
import { readSetup, type Shares } from './contract.js';

/** Let the code be compiled, and the producers find their way into the line. */
const WARM_UP_MS = 500;
const MEASURED_MS = 1000;

if (isMainThread) await main();
else produce();

async function main(): Promise<void> {
  const setup = readSetup();
  const [tx, rx] = channel<number>(setup.capacity);
  for (let number = 0; number < setup.producers; number++)
    new Worker(new URL(import.meta.url), { workerData: { tx: tx.share(), number } });
  const take = async (milliseconds: number) => {
    const counts = new Array<number>(setup.producers).fill(0);
    for (const end = performance.now() + milliseconds; performance.now() < end; ) {
      const producer = rx.tryRecv() ?? (await rx.recv()) ?? 0;
      counts[producer] = (counts[producer] ?? 0) + 1;
    }
    return counts;
  };
  while ((await take(1)).includes(0)); // until all have started
  await take(WARM_UP_MS);
  const shares = await take(MEASURED_MS);
  rx.close();
  process.stdout.write(`${JSON.stringify({ shares } satisfies Shares)}\n`);
}

function produce(): void {
  const { tx: handle, number } = workerData;
  const tx = Sender.attach<number>(handle);
  try {
    for (;;) tx.blockingSend(number);
  } catch (error) {
    if (!(error instanceof ChannelClosedError)) throw error;
  }
}
