/** A thread that does what a test tells it: it attaches ends of a channel and calls their methods. */
import { once } from 'node:events';
import { after } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { ReceiverHandle, SenderHandle } from '#channel';

export type AnyHandle = SenderHandle<never> | ReceiverHandle<never>;

/** A method of an end, and its arguments; or a handle to attach, in place of the former end of that kind. */
export type Step =
  | ['attach', AnyHandle]
  | ['tx', 'send' | 'trySend' | 'blockingSend' | 'share' | 'close', ...unknown[]]
  | ['rx', 'recv' | 'tryRecv' | 'blockingRecv' | 'share' | 'close']
  /** Sends 0, 1, 2, … for ever, and keeps in the shared word how many sends have returned. */
  | ['flood', Int32Array]
  /** Receives for ever, and stores in the shared word what came last, plus one. */
  | ['sink', Int32Array];

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { name: string; message: string; code?: unknown; value?: unknown };
}

const started = new Set<Worker>();
after(() => Promise.all(Array.from(started, (worker) => worker.terminate())));

export class Remote {
  readonly #worker: Worker;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  #id = 0;

  constructor(...handles: AnyHandle[]) {
    this.#worker = new Worker(new URL('./remote-thread.js', import.meta.url));
    started.add(this.#worker);
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    void this.run(...handles.map((handle): Step => ['attach', handle]));
  }

  /** Does the steps one directly after the other, and resolves with what the last one gave. */
  run(...steps: Step[]): Promise<unknown> {
    const id = this.#id++;
    this.#worker.postMessage({ id, steps });
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  /** Ends the thread, whatever it is doing. Calls under way never settle. */
  async terminate(): Promise<void> {
    const exited = started.delete(this.#worker) && once(this.#worker, 'exit');
    await this.#worker.terminate();
    await exited;
  }

  #settle({ id, value, error }: Reply): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(Object.assign(new Error(error.message), error));
  }
}
