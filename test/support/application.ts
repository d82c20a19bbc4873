/**
 * An application on `src/http`, in this process, with routes and tasks of its own, and with a task that keeps its worker
 * thread busy for as long as a test likes.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { channel, type Sender } from '#channel';
import {
  createHttpServer,
  type Handler,
  maxTaskBytes,
  queueOf,
  type Routes,
  readBody,
  readText,
  TaskResource,
  taskRoutes,
  text,
} from '#http';
import { move, type Runtime, startRuntime, type Task } from '#runtime';
import { runTask, type TaskHandle } from '#runtime/handle';
import type { Ledger } from '#runtime/ledger';
import { tasks } from '../fixtures/http-tasks.js';
import { until } from './wait.js';

export const CAPACITY = 32;

const start =
  (make: (rest: string) => Task): Handler<TaskResource> =>
  (exchange, resource) =>
    resource.accept(exchange, make(exchange.rest));
const measure: Handler<TaskResource> = async (exchange, resource) =>
  resource.accept(exchange, tasks.measure(await readText(exchange)));

const routes: Routes<TaskResource> = {
  '/': { GET: () => text(200, 'Hello, world!') },
  '/hold': { GET: start(tasks.hold), POST: start(tasks.hold) },
  '/endure': { POST: start(tasks.endure) },
  '/wait': { POST: start(tasks.wait) },
  '/measure': { POST: measure, maxBody: 65_536 },
  '/measure/some': { POST: measure, PUT: measure, maxBody: 10 },
  '/measure/often': {
    POST: async (exchange, resource) =>
      resource.accept(exchange, tasks.measure((await readText(exchange)).repeat(3))),
    maxBody: 65_536,
  },
  '/measure/none': { POST: measure },
  '/size': { PATCH: async (exchange) => text(200, `${(await readBody(exchange)).length}`), maxBody: 100 },
  '/give/*': { POST: start(tasks.give) },
  '/fail/*': { POST: start(tasks.fail) },
  '/größe/a b': { GET: () => text(200, 'found') },
  '/broken': {
    GET: () => {
      throw new Error('on purpose');
    },
  },
  ...taskRoutes,
};

export class Application {
  readonly server: Server;
  readonly tx: Sender<Task>;
  readonly runtime: Runtime;

  private constructor(server: Server, tx: Sender<Task>, runtime: Runtime) {
    this.server = server;
    this.tx = tx;
    this.runtime = runtime;
  }

  static async start(basePath?: string): Promise<Application> {
    const [tx, rx] = channel<Task>(CAPACITY, { maxBytes: maxTaskBytes(routes) });
    const module = new URL('../fixtures/http-tasks.js', import.meta.url);
    const runtime = await startRuntime(rx, { tasks: module, log: false });
    const server = createHttpServer(routes, new TaskResource(queueOf(tx, runtime), basePath));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Application(server, tx, runtime);
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
    const handle = await runTask(tasks.hold(), this.tx);
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
