/** The entry of the thread of `remote.ts`. */
import { parentPort } from 'node:worker_threads';
import { Receiver, Sender } from '#channel';
import type { Reply, Step } from './remote.js';

let tx: Sender<never> | undefined;
let rx: Receiver<never> | undefined;

function perform(step: Step): unknown {
  if (step[0] === 'attach') {
    if (step[1].kind === 'sender') tx = Sender.attach(step[1]);
    else rx = Receiver.attach(step[1]);
  } else if (step[0] === 'flood') {
    for (let n = 0; ; n++) {
      tx?.blockingSend(n as never);
      Atomics.store(step[1], 0, n + 1);
    }
  } else if (step[0] === 'sink') {
    for (;;) Atomics.store(step[1], 0, Number(rx?.blockingRecv()) + 1);
  } else {
    const [end, method, ...args] = step;
    const target = end === 'tx' ? tx : rx;
    if (target === undefined) throw new Error(`Expected ${end} to be attached`);
    return Reflect.apply(Reflect.get(target, method), target, args);
  }
  return undefined;
}

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
