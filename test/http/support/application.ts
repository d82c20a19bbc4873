/** An application on `src/http`, in this process, and a task that keeps its worker thread busy for as long as a test likes. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import {
  createHttpServer,
  type Handler,
  maxTaskBytes,
  type Queue,
  queueOf,
  type Routes,
  readBody,
  readJson,
  readText,
  type TaskRecord,
  TaskResource,
  taskRoutes,
  text,
} from '#http';
import { channel, type Runtime, type Sender, startRuntime, type Task } from '#index';
import { request } from '../../support/connection.js';
import { until } from '../../support/wait.js';
import { tasks } from './tasks.js';

export const CAPACITY = 32;
const NEVER = new AbortController().signal;

type App = TaskResource;
const start =
  (make: (rest: string) => Task): Handler<App> =>
  async (exchange, resource) =>
    (await resource.accept(exchange, make(exchange.rest))).answer;
const measure: Handler<App> = async (exchange, resource) =>
  (await resource.accept(exchange, tasks.measure(await readText(exchange)))).answer;

/** What `readJson` is to accept. */
function expectWord(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'word' in value && typeof value.word === 'string')
    return value.word;
  throw new TypeError('Expected `word` to be a string');
}

const routes: Routes<App> = {
  '/': { GET: () => text(200, 'Hello, world!') },
  '/hold': { GET: start(tasks.hold), POST: start(tasks.hold), safe: false },
  '/endure': { POST: start(tasks.endure) },
  '/wait': { POST: start(tasks.wait) },
  '/measure': { POST: measure, maxBody: 65_536 },
  '/measure/some': { POST: measure, PUT: measure, maxBody: 10 },
  '/measure/often': {
    POST: async (exchange, resource) =>
      (await resource.accept(exchange, tasks.measure((await readText(exchange)).repeat(3)))).answer,
    maxBody: 65_536,
  },
  '/measure/none': { POST: measure },
  '/measure/json': {
    POST: async (exchange, resource) =>
      (await resource.accept(exchange, tasks.measure(await readJson(exchange, expectWord)))).answer,
    maxBody: 65_536,
  },
  '/size': { PATCH: async (exchange) => text(200, `${(await readBody(exchange)).length}`), maxBody: 100 },
  '/give/*': { POST: start(tasks.give) },
  '/fail/*': { POST: start(tasks.fail) },
  '/within/*': {
    GET: (exchange, resource) => resource.answerWithin(exchange, tasks.wait(), Number(exchange.rest)),
    POST: async (exchange, resource) =>
      resource.answerWithin(exchange, tasks.measure(await readText(exchange)), Number(exchange.rest)),
    safe: false,
    maxBody: 100,
  },
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
  readonly queue: Queue;
  readonly runtime: Runtime;
  readonly tx: Sender<Task>;

  private constructor(server: Server, queue: Queue, runtime: Runtime, tx: Sender<Task>) {
    this.server = server;
    this.queue = queue;
    this.runtime = runtime;
    this.tx = tx;
  }

  static async start(t?: TestContext, basePath?: string): Promise<Application> {
    const [tx, rx] = channel<Task>(CAPACITY, { maxBytes: maxTaskBytes(routes) });
    const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url), log: false });
    const queue = queueOf(tx, runtime);
    const server = createHttpServer(routes, new TaskResource(queue, basePath));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const app = new Application(server, queue, runtime, tx);
    t?.after(() => app.stop());
    return app;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** How many requests wait for room in the queue. */
  get waiting(): number {
    return this.tx.waiting;
  }

  /** The tasks that are queued or running. */
  get open(): readonly TaskRecord[] {
    return this.queue.atStake();
  }

  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  /** What the server shows of a task that has ended, once all have. */
  async ended(url: string): Promise<Record<string, unknown>> {
    await this.rest();
    return JSON.parse((await request(this.port, 'GET', url)).body);
  }

  async enqueue(task: Task): Promise<string> {
    return (await this.queue.enqueue(task, { timeout: 10_000, signal: NEVER })).key;
  }

  /** Keeps the worker thread busy, once it is. Returns the way to let it go on. */
  async block(t: TestContext): Promise<() => Promise<void>> {
    const key = await this.enqueue(tasks.hold());
    await until(() => this.open.some(({ state }) => state === 'running'));
    t.after(() => this.queue.cancel(key)); // whatever became of the test
    return async () => {
      await this.queue.cancel(key);
      await this.rest();
    };
  }

  /** Keeps the worker thread busy, and fills the queue with tasks that do nothing. */
  async fill(t: TestContext): Promise<() => Promise<void>> {
    const release = await this.block(t);
    for (let n = 0; n < CAPACITY; n++) await this.enqueue(tasks.give('nothing'));
    return release;
  }

  /** Resolves when no task is queued or running. */
  async rest(): Promise<void> {
    await until(() => this.open.length === 0);
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await this.runtime.close();
  }
}
