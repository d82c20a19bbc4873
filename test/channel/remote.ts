/** A thread that does what a test tells it: it attaches ends of a channel and calls their methods. */
import { once } from 'node:events';
import { afterEach } from 'node:test';
import { isMainThread, MessageChannel, type MessagePort, parentPort, Worker } from 'node:worker_threads';
import { Receiver, type ReceiverHandle, Sender, type SenderHandle } from '#channel';

type Handle = SenderHandle<never> | ReceiverHandle<never>;

/** A method of an end, and its arguments; or a handle to attach, in place of the former end of that kind. */
export type Step =
  | ['attach', Handle]
  | ['tx', 'send' | 'trySend' | 'blockingSend' | 'close', ...unknown[]]
  | ['rx', 'recv' | 'tryRecv' | 'blockingRecv']
  /** Sends 0, 1, 2, … for ever, and keeps in the shared word how many sends have returned. */
  | ['flood', Int32Array]
  /** Receives until the channel ends. */
  | ['sink'];

/** Those of the running test. */
const workers: Worker[] = [];
if (isMainThread) afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));

export class Remote {
  /** Calls under way never settle when it is terminated. */
  readonly worker = new Worker(new URL(import.meta.url));

  constructor(...handles: Handle[]) {
    workers.push(this.worker);
    void this.run(...handles.map((handle): Step => ['attach', handle]));
  }

  /** Does the steps one directly after the other, and resolves with what the last one gave. */
  async run(...steps: Step[]): Promise<unknown> {
    const { port1, port2 } = new MessageChannel();
    this.worker.postMessage([steps, port2], [port2]);
    const [{ value, error }] = await once(port1, 'message');
    if (error !== undefined) throw Object.assign(new Error(), error);
    return value;
  }
}

let tx: Sender<never> | undefined;
let rx: Receiver<never> | undefined;

function perform([what, ...args]: Step): unknown {
  if (what === 'attach') {
    const [handle] = args as [Handle];
    if (handle.kind === 'sender') tx = Sender.attach(handle);
    else rx = Receiver.attach(handle);
  } else if (what === 'flood') {
    for (let n = 0; ; Atomics.store(args[0] as Int32Array, 0, ++n)) tx?.blockingSend(n as never);
  } else if (what === 'sink') while (rx?.blockingRecv() !== undefined);
  else {
    const end: object | undefined = what === 'tx' ? tx : rx;
    const [method, ...rest] = args as [string, ...unknown[]];
    return Reflect.apply(Reflect.get(end ?? {}, method), end, rest);
  }
  return undefined;
}

parentPort?.on('message', async ([steps, port]: [Step[], MessagePort]) => {
  try {
    const results = steps.map(perform); // all are started before the first is awaited
    port.postMessage({ value: (await Promise.all(results)).at(-1) });
  } catch (error) {
    port.postMessage({ error: { ...(error as Error), message: (error as Error).message } });
  }
  port.close();
});
