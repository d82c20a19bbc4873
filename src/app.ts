/**
 * The HTTP application: routes and responses. `createApp` makes it; listening is up to the caller.
 *
 * An endpoint builds a task, waits until it is in the queue, and answers 202 with the task's URL. It never waits for the
 * task itself. Whatever goes wrong is answered as `application/problem+json` (RFC 9457).
 */
import { createCipheriv, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import { ChannelClosedError, type Sender, SendTimeoutError } from './channel/index.js';
import { TaskTooLargeError } from './codec/index.js';
import {
  type Runtime,
  runTask,
  type Task,
  type TaskHandle,
  type TaskRecord,
  tryRunTask,
} from './runtime/index.js';
import { tasks } from './tasks.js';

/** How long a request waits for room in the queue before it is answered 503. */
const ENQUEUE_MS = 1000;
const MAX_BODY_BYTES = 64 * 1024;
/** What the channel must carry: such a body as a string of two bytes a character, and the task around it. */
export const MAX_TASK_BYTES: number = 2 * MAX_BODY_BYTES + 64;

/** On purpose shorter than Node's: a client that dawdles holds a socket, nothing else, and not for long. */
const LIMITS = {
  headersTimeout: 10_000, // for all headers to arrive
  requestTimeout: 30_000, // for the whole request
  keepAliveTimeout: 5_000, // between two requests
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
  requireHostHeader: false, // checked in #route, for an answer like the others
} as const;

export interface AppOptions {
  readonly tx: Sender<Task>;
  readonly runtime: Runtime;
  /** `false`: no line on stdout for each task sent. */
  readonly log?: boolean;
}

/** One request and its response, on the way through a handler. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What follows `/tasks/`. */
  readonly key: string;
}

type Handler = (exchange: Exchange) => void | Promise<void>;

/** Makes the application. Call `listen` on what it returns. */
export function createApp(options: AppOptions): Server {
  const app = new App(options);
  const server = createServer(LIMITS, (request, response) => void app.handle(request, response));
  // A client that asks before it sends gets its refusal instead of "100 Continue".
  server.on('checkContinue', (request, response) => void app.handle(request, response));
  server.on('checkExpectation', (request, response) => {
    sendProblem(response, new Problem(417, 'Expected no expectation but 100-continue'));
    request.resume();
  });
  server.on('clientError', refuseMalformed);
  return server;
}

/** An answer other than the wanted one. */
class Problem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

class App {
  readonly #tx: Sender<Task>;
  readonly #runtime: Runtime;
  readonly #log: boolean;
  /**
   * Makes the part of a task's URL that cannot be guessed: a block cipher with a secret key is a pseudo-random function
   * of the id. One object serves all: in ECB mode each block stands for itself.
   */
  readonly #cipher = createCipheriv('aes-128-ecb', randomBytes(16), null).setAutoPadding(false);
  readonly #block = Buffer.alloc(16);
  readonly #routes: ReadonlyMap<string, Readonly<Record<string, Handler>>>;

  constructor({ tx, runtime, log = true }: AppOptions) {
    this.#tx = tx;
    this.#runtime = runtime;
    this.#log = log;
    const syncTask: Handler = (exchange) => this.#enqueue(exchange, tasks.syncTask('foo'));
    const asyncTask: Handler = (exchange) => this.#enqueue(exchange, tasks.asyncTask('bar'));
    const hello: Handler = ({ response }) => sendText(response, 200, 'Hello, world!');
    const healthz: Handler = ({ response }) => sendHealth(response, !runtime.failing);
    const readyz: Handler = ({ response }) => sendHealth(response, runtime.ready);
    const status: Handler = (exchange) => this.#status(exchange);
    this.#routes = new Map([
      ['/', { GET: hello, HEAD: hello }],
      ['/start_sync_task', { GET: syncTask, POST: syncTask }],
      ['/start_async_task', { GET: asyncTask, POST: asyncTask }],
      ['/count_words', { POST: (exchange: Exchange) => this.#countWords(exchange) }],
      ['/tasks/', { GET: status, HEAD: status, DELETE: (exchange: Exchange) => this.#cancel(exchange) }],
      ['/healthz', { GET: healthz, HEAD: healthz }],
      ['/readyz', { GET: readyz, HEAD: readyz }],
    ]);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#runtime.ending) response.setHeader('connection', 'close');
    try {
      await this.#route(request, response);
    } catch (error) {
      sendProblem(response, problemOf(error));
    } finally {
      request.resume(); // a body that nobody wanted is in the way of the next request
    }
  }

  #route(request: IncomingMessage, response: ServerResponse): void | Promise<void> {
    if (request.httpVersion === '1.1' && request.headers.host === undefined) {
      throw new Problem(400, 'Expected a Host header', { connection: 'close' });
    }
    // A target may be given in absolute form (RFC 9112, 3.2.2).
    const target = request.url?.replace(/^https?:\/\/[^/?]*/i, '') ?? '';
    const path = target.split('?', 1)[0] || '/';
    const isTask = path.startsWith('/tasks/');
    const methods = this.#routes.get(isTask ? '/tasks/' : path);
    if (methods === undefined) throw new Problem(404, `There is nothing at ${path}`);
    const handler = Object.hasOwn(methods, request.method ?? '') ? methods[request.method ?? ''] : undefined;
    if (handler === undefined) {
      const allow = Object.keys(methods).join(', ');
      throw new Problem(405, `Expected ${allow}, got ${request.method}`, { allow });
    }
    return handler({ request, response, key: isTask ? path.slice('/tasks/'.length) : '' });
  }

  // ── Endpoints ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Puts the task into the queue, then answers. A client that goes away while it waits for room queues nothing. */
  async #enqueue({ request, response }: Exchange, task: Task): Promise<void> {
    const handle = tryRunTask(task, this.#tx) ?? (await this.#waitForRoom(request, task));
    if (this.#log) console.log('task sent');
    response.setHeader('location', `/tasks/${this.#keyOf(handle.id)}`);
    sendText(response, 202, 'task started');
  }

  #waitForRoom(request: IncomingMessage, task: Task): Promise<TaskHandle> {
    return runTask(task, this.#tx, { timeout: ENQUEUE_MS, signal: goneSignal(request.socket) });
  }

  async #countWords(exchange: Exchange): Promise<void> {
    const body = await readBody(exchange);
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    } catch {
      throw new Problem(400, 'Expected the body to be text in UTF-8');
    }
    await this.#enqueue(exchange, tasks.countWords(text));
  }

  #status({ response, key }: Exchange): void {
    const record = this.#find(key);
    const open = record.state === 'queued' || record.state === 'running';
    if (open) response.setHeader('retry-after', '1');
    sendJson(response, 200, this.#view(key, record));
  }

  #cancel({ response, key }: Exchange): void {
    const state = this.#runtime.ledger.cancel(this.#find(key).id);
    if (state !== 'queued' && state !== 'running')
      throw new Problem(409, `The task has already ${state ?? 'ended'}`);
    sendJson(response, state === 'queued' ? 200 : 202, this.#view(key, this.#find(key)));
  }

  // ── Task URLs ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** `<id>-<code>`: 128 bits that follow from the id and a secret, so no task's URL tells another's. */
  #keyOf(id: number): string {
    this.#block.writeDoubleLE(id);
    return `${id}-${this.#cipher.update(this.#block).toString('base64url')}`;
  }

  /** The record behind a URL. A wrong code, an unknown id and an expired record all look the same. */
  #find(key: string): TaskRecord {
    const id = Number.parseInt(key, 10);
    const expected = Buffer.from(this.#keyOf(id));
    const got = Buffer.from(key);
    const right = got.length === expected.length && timingSafeEqual(got, expected);
    const record = right ? this.#runtime.ledger.read(id) : undefined;
    if (record === undefined) throw new Problem(404, 'There is no such task, or it ended long ago');
    return record;
  }

  #view(key: string, record: TaskRecord): Record<string, unknown> {
    const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
    const view = {
      id: key,
      task: this.#runtime.nameOf(record),
      kind: record.kind,
      state: record.state,
      cancelRequested: record.cancelRequested,
      progress: record.progress ?? null,
      enqueued: time(record.enqueued),
      started: time(record.started),
      finished: time(record.finished),
    };
    if (record.omittedBytes !== undefined) return { ...view, omittedBytes: record.omittedBytes };
    if (record.state === 'succeeded') return { ...view, result: record.outcome ?? null };
    if (record.outcome !== undefined) return { ...view, error: publicError(record.outcome) };
    return view;
  }
}

/** What a client may know of an error: no stack. */
function publicError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, cause } = error;
  const code = 'code' in error ? { code: error.code } : {};
  return { name, message, ...code, ...(cause === undefined ? {} : { cause: publicError(cause) }) };
}

/** JSON has no word for some results that cross threads. */
function toJson(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}

// ── Bodies ─────────────────────────────────────────────────────────────────────────────────────────────────────────

async function readBody({ request, response }: Exchange): Promise<Buffer> {
  const tooLarge = () => new Problem(413, `Expected a body of at most ${MAX_BODY_BYTES} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  if (request.headers.expect !== undefined && request.httpVersion === '1.1') response.writeContinue();
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) reject(tooLarge());
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

// ── Answers ────────────────────────────────────────────────────────────────────────────────────────────────────────

function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.headersSent || response.destroyed) return;
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-type', type);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.statusCode = status;
  response.end(body);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', text);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', JSON.stringify(value, toJson));
}

function sendHealth(response: ServerResponse, good: boolean): void {
  if (!good) throw new Problem(503, 'Draining, or the worker thread keeps dying', { 'retry-after': '1' });
  sendText(response, 200, 'ok');
}

function sendProblem(response: ServerResponse, problem: Problem): void {
  for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
  send(response, problem.status, 'application/problem+json', problemBody(problem.status, problem.message));
}

function problemBody(status: number, detail: string): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail });
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const later = { 'retry-after': '1' };
  if (error instanceof SendTimeoutError) return new Problem(503, 'The queue is full', later);
  if (error instanceof ChannelClosedError) return new Problem(503, 'The server is going down', later);
  if (error instanceof TaskTooLargeError) return new Problem(413, error.message);
  if (isGone(error)) return new Problem(400, 'The client went away');
  console.error(error);
  return new Problem(500, 'Something went wrong; the log says what');
}

const gone = new WeakMap<Socket, AbortSignal>();

/** Aborts when the client closes the connection: one signal for all that it has asked on it. */
function goneSignal(socket: Socket): AbortSignal {
  let signal = gone.get(socket);
  if (signal === undefined) {
    const controller = new AbortController();
    if (socket.destroyed) controller.abort();
    else socket.once('close', () => controller.abort());
    signal = controller.signal;
    gone.set(socket, signal);
  }
  return signal;
}

/** The client closed the connection: while the body was read, or while the task waited for room. */
function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'AbortError' || ('code' in error && error.code === 'ECONNRESET');
}

/** What is not HTTP never becomes a request. It is answered on the bare socket. */
function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const statuses: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };
  const status = statuses[error.code ?? ''] ?? 400;
  const body = problemBody(status, 'Expected an HTTP/1.1 request within the limits');
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon(); // the parser watches this socket no more, so it must not stay half open
}
