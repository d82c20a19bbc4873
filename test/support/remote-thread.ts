/** The entry of the thread of `remote.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { Receiver, Sender } from '#channel';
import type { AnyHandle, Reply, Step } from './remote.js';

let tx: Sender<never> | undefined;
let rx: Receiver<never> | undefined;
const flag: Int32Array = workerData.flag;

function attach(handle: AnyHandle): void {
  if (handle.kind === 'sender') tx = Sender.attach(handle);
  else rx = Receiver.attach(handle);
}

function hang(): never {
  Atomics.store(flag, 0, 1);
  for (;;);
}

function perform(step: Step): unknown {
  switch (step[0]) {
    case 'attach':
      return attach(step[1]);
    case 'mark':
      return void Atomics.store(flag, 0, 1);
    case 'hangInAccept':
      return rx?.tryRecv(hang);
    case 'share':
      return step[1] === 'tx' ? tx?.share() : rx?.share();
    default: {
      const [end, method, ...args] = step;
      const target = end === 'tx' ? tx : rx;
      if (target === undefined) throw new Error(`Expected ${end} to be attached`);
      return Reflect.apply(Reflect.get(target, method), target, args);
    }
  }
}

if (workerData.handle !== undefined) attach(workerData.handle);

parentPort?.on('message', async ({ id, steps }: { id: number; steps: Step[] }) => {
  let reply: Reply;
  try {
    const results = steps.map(perform); // all are started before the first is awaited
    reply = { id, value: (await Promise.all(results)).at(-1) };
  } catch (thrown) {
    const { name, message, code, value } = thrown as Error & { code?: unknown; value?: unknown };
    reply = { id, error: { name, message, code, value } };
  }
  parentPort?.postMessage(reply);
});
