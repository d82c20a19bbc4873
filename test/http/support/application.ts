/** An application on `src/http`, in this process or, by server.ts, in another; a task may keep its worker thread busy. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import * as http from '#http';
import { channel, type Runtime, type Sender, startRuntime, type Task } from '#index';
import { type Answer, request } from '../../support/connection.js';
import { until } from '../../support/wait.js';
import { tasks } from './tasks.js';

const CAPACITY = 32;
const MAX_BODY = 65_536;

/** The handler that starts a task. */
const starts =
  (make: (exchange: http.Exchange) => Task | Promise<Task>): http.Handler<http.TaskResource> =>
  async (exchange, resource) =>
    (await resource.accept(exchange, await make(exchange))).answer;

const byName: Readonly<Record<string, (argument: string) => Task>> = tasks;
const hold = starts(() => tasks.hold());
const measure = starts(async (exchange) => tasks.measure(await http.readText(exchange, MAX_BODY)));
const often = starts(async (exchange) => tasks.measure((await http.readText(exchange, MAX_BODY)).repeat(3)));
const word = starts(async (exchange) => tasks.measure(wordIn(await http.readJson(exchange, MAX_BODY))));
/** `POST /run/NAME/ARGUMENT` starts any task. */
const run = starts(({ rest }) => {
  const [name = '', argument = ''] = rest.split('/');
  return byName[name]?.(argument) ?? tasks.give('nothing');
});

function wordIn(value: unknown): string {
  if (value instanceof Object && 'word' in value && typeof value.word === 'string') return value.word;
  throw new http.Problem(400, 'Expected `word` to be a string');
}

const routes: http.Routes<http.TaskResource> = {
  '/': { GET: () => http.text(200, 'Hello, world!') },
  '/größe/a b': { GET: () => http.text(200, 'found') },
  '/broken': { GET: () => Promise.reject(new Error('on purpose')) },
  '/hold': { GET: hold, POST: hold, safe: false },
  '/measure': { POST: measure },
  '/often': { POST: often },
  '/json': { POST: word },
  '/run/*': { POST: run },
  ...http.taskRoutes,
};

export class Application {
  readonly runtime: Runtime;
  readonly queue: http.Queue;
  readonly server: Server;
  readonly #tx: Sender<Task>;
  #blocking: string | undefined;

  constructor(tx: Sender<Task>, runtime: Runtime, basePath: string) {
    this.#tx = tx;
    this.runtime = runtime;
    this.queue = http.queueOf(tx, runtime);
    this.server = http.createHttpServer(routes, new http.TaskResource(this.queue, basePath));
  }

  static async make({ log = false, module = './tasks.js', basePath = '' } = {}): Promise<Application> {
    const [tx, rx] = channel<Task>(CAPACITY, { maxBytes: 132_096 });
    const runtime = await startRuntime(rx, { tasks: new URL(module, import.meta.url), log });
    return new Application(tx, runtime, basePath);
  }

  /** One that listens, for a test, or for all tests of the file. */
  static async start(t: { after(stop: () => unknown): void } = { after }, basePath = '') {
    const app = await Application.make({ basePath });
    await http.listen(app.server, { host: '127.0.0.1', port: 0 });
    t.after(() => {
      app.server.close();
      app.server.closeAllConnections();
      return app.runtime.close();
    });
    return app;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** How many requests wait for room in the queue. */
  get waiting(): number {
    return this.#tx.waiting;
  }

  /** The tasks that are queued or running. */
  get open(): readonly http.TaskRecord[] {
    return this.queue.atStake();
  }

  ask(method: string, target: string, body?: string | Uint8Array): Promise<Answer> {
    return request(this.port, method, target, { body });
  }

  /** What the server shows of a task that has ended, once all have. */
  async ended(url: string): Promise<Record<string, unknown>> {
    await this.rest();
    return JSON.parse((await this.ask('GET', url)).body);
  }

  async enqueue(task: Task): Promise<string> {
    return (await this.queue.enqueue(task, { timeout: 10_000, signal: new AbortController().signal })).key;
  }

  /** Keeps the worker thread busy, once it is. */
  async block(): Promise<void> {
    this.#blocking = await this.enqueue(tasks.hold());
    await until(() => this.open.some(({ state }) => state === 'running'));
  }

  /** Keeps the worker thread busy, and fills the queue with tasks that do nothing. */
  async fill(): Promise<void> {
    await this.block();
    for (let n = 0; n < CAPACITY; n++) await this.enqueue(tasks.give('nothing'));
  }

  /** Lets the worker thread go on. Resolves when no task is queued or running. */
  async rest(): Promise<void> {
    if (this.#blocking !== undefined) await this.queue.cancel(this.#blocking);
    await until(() => this.open.length === 0);
  }
}
