/** A thread that does what a test tells it: it attaches ends of a channel and calls their methods. */
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { ReceiverHandle, SenderHandle } from '#channel';

export type AnyHandle = SenderHandle<never> | ReceiverHandle<never>;

/**
 * `attach` takes the handle and drops the former end of that kind; the methods of the ends are called by name.
 * `mark` sets the flag. `hangInAccept` sets the flag while it accepts a message, and never comes back.
 */
export type Step =
  | ['attach', AnyHandle]
  | ['mark']
  | ['hangInAccept']
  | ['share', 'tx' | 'rx']
  | ['tx', 'send' | 'trySend' | 'blockingSend' | 'close', ...unknown[]]
  | ['rx', 'recv' | 'tryRecv' | 'blockingRecv' | 'close'];

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { name: string; message: string; code?: unknown; value?: unknown };
}

export class Remote {
  readonly worker: Worker;
  readonly #flag = new Int32Array(new SharedArrayBuffer(4));
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  #id = 0;

  constructor(t: TestContext, handle?: AnyHandle) {
    const entry = new URL('./remote-thread.js', import.meta.url);
    this.worker = new Worker(entry, { workerData: { handle, flag: this.#flag } });
    this.worker.on('message', (reply: Reply) => this.#settle(reply));
    t.after(() => this.worker.terminate());
  }

  /** Does the steps one directly after the other, and resolves with what the last one gave. */
  run(...steps: Step[]): Promise<unknown> {
    const id = this.#id++;
    this.worker.postMessage({ id, steps });
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  get marked(): boolean {
    return Atomics.load(this.#flag, 0) === 1;
  }

  unmark(): void {
    Atomics.store(this.#flag, 0, 0);
  }

  /** Ends the thread, whatever it is doing. Calls under way never settle. */
  async terminate(): Promise<void> {
    const exited = once(this.worker, 'exit');
    await this.worker.terminate();
    await exited;
  }

  #settle({ id, value, error }: Reply): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(Object.assign(new Error(error.message), error));
  }
}
