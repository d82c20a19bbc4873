/** The application as shipped, in this process, with a task that keeps its worker thread busy for as long as a test likes. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { createApp } from '#app';
import { channel, type Sender } from '#channel';
import { type Runtime, startRuntime } from '#runtime';
import { runTask, type TaskHandle } from '#runtime/handle';
import type { Ledger } from '#runtime/ledger';
import { move, type Task } from '#runtime';
import { until } from './wait.js';

export const CAPACITY = 32;

export class Application {
  readonly server: Server;
  readonly tx: Sender<Task>;
  readonly runtime: Runtime;

  private constructor(server: Server, tx: Sender<Task>, runtime: Runtime) {
    this.server = server;
    this.tx = tx;
    this.runtime = runtime;
  }

  static async start(): Promise<Application> {
    const [tx, rx] = channel<Task>(CAPACITY);
    const runtime = await startRuntime(rx, { tasks: new URL(import.meta.resolve('#tasks')), log: false });
    const server = createApp({ tx, runtime, log: false });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const app = new Application(server, tx, runtime);
    // What the example tasks print is no concern of these tests.
    const silenced = await runTask(
      move({}, () => {
        console.log = () => {};
      }),
      tx,
    );
    await silenced.finished();
    return app;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get ledger(): Ledger {
    return this.runtime.ledger;
  }

  /** How many tasks are queued or running, those that wait for room included. */
  get open(): number {
    return this.ledger.open().length;
  }

  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  /** Keeps the worker thread busy. Resolves once it is. */
  async block(t: TestContext): Promise<Blockade> {
    const task = move({}, (_none, context) => {
      const never = new Int32Array(new SharedArrayBuffer(4));
      while (!context.cancelled) Atomics.wait(never, 0, 0, 1);
    });
    const handle = await runTask(task, this.tx);
    await until(() => handle.status()?.state === 'running');
    t.after(() => handle.cancel()); // whatever became of the test
    return new Blockade(this, handle);
  }

  /** Keeps the worker thread busy, and fills the queue with tasks that do nothing. */
  async fill(t: TestContext, room = 0): Promise<Blockade> {
    const blockade = await this.block(t);
    for (let n = room; n < CAPACITY; n++) {
      const idle = move({}, () => {});
      await runTask(idle, this.tx);
    }
    return blockade;
  }

  /** Resolves when no task is queued or running. */
  async rest(): Promise<void> {
    await until(() => this.open === 0);
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await this.runtime.close();
  }
}

/** The task that keeps the worker thread busy. */
export class Blockade {
  readonly #app: Application;
  readonly #handle: TaskHandle;

  constructor(app: Application, handle: TaskHandle) {
    this.#app = app;
    this.#handle = handle;
  }

  /** Lets the worker thread go on. */
  async release(): Promise<void> {
    this.#handle.cancel();
    await this.#handle.finished();
  }

  /** Lets the worker thread go on, and waits until nothing is queued or running. */
  async end(): Promise<void> {
    await this.release();
    await this.#app.rest();
  }
}
