/** A bare HTTP/1.1 client: it sends any bytes at all, and reads one answer after the other from the same connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { STATUS_CODES } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How long to wait for an answer, or for the server to close. */
const PATIENCE_MS = 10_000;

export class Connection {
  readonly socket: Socket;
  /** Resolves when the server has closed its side, or the whole connection. */
  readonly closed: Promise<void>;
  #received = Buffer.alloc(0);
  #over = false;
  #changed = () => {};

  /** Does not close its side when the server does: a server that relies on that keeps the socket. */
  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.socket.on('error', () => {}); // a reset; `close` follows
    this.socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#changed();
    });
    this.closed = new Promise((resolve) => {
      const over = () => {
        this.#over = true;
        this.#changed();
        resolve();
      };
      this.socket.once('end', over).once('close', over);
    });
  }

  static async open(port: number): Promise<Connection> {
    const connection = new Connection(port);
    await once(connection.socket, 'connect');
    return connection;
  }

  /** Resolves when the bytes have been handed to the system. Characters up to U+00FF are sent as one byte. */
  send(bytes: string | Uint8Array): Promise<void> {
    const chunk = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    return new Promise((resolve) => this.socket.write(chunk, () => resolve()));
  }

  /** The next answer on this connection. Rejects if the server closes without one. `bodyless`: to HEAD. */
  async answer({ bodyless = false } = {}): Promise<Answer> {
    for (;;) {
      const taken = takeAnswer(this.#received, bodyless);
      if (taken !== undefined) {
        this.#received = this.#received.subarray(taken.length);
        return taken.answer;
      }
      if (this.#over) throw new Error(`Closed, having answered ${JSON.stringify(this.unread)}`);
      await this.#change();
    }
  }

  /** Sends one request and resolves with its answer. */
  async request(method: string, target: string, options: RequestOptions = {}): Promise<Answer> {
    void this.send(requestBytes(method, target, options));
    return this.answer({ bodyless: method === 'HEAD' });
  }

  /** What has come and is no answer yet. */
  get unread(): string {
    return this.#received.toString('latin1');
  }

  /** Drops the connection without a word. */
  drop(): void {
    this.socket.destroy();
  }

  async #change(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#changed = resolve;
      timer = setTimeout(
        () => reject(new Error(`No answer, but ${JSON.stringify(this.unread)}`)),
        PATIENCE_MS,
      );
    });
    clearTimeout(timer);
  }
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export function requestBytes(method: string, target: string, options: RequestOptions = {}): Buffer {
  const { headers = {}, body } = options;
  const content = typeof body === 'string' ? Buffer.from(body) : (body ?? Buffer.alloc(0));
  const all: Record<string, string> = { host: 'localhost', ...headers };
  if (body !== undefined) all['content-length'] ??= String(content.length);
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'),
    content,
  ]);
}

/** One request on a connection of its own. */
export async function request(
  port: number,
  method: string,
  target: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const connection = new Connection(port);
  try {
    return await connection.request(method, target, options);
  } finally {
    connection.drop();
  }
}

function takeAnswer(bytes: Buffer, bodyless: boolean): { answer: Answer; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  assert.ok(status >= 100, `Expected a status line, got ${JSON.stringify(statusLine)}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    assert.ok(!(name in headers), `Expected ${name} once`);
    headers[name] = line.slice(colon + 1).trim();
  }
  const start = headEnd + 4;
  if (status < 200 || status === 204 || bodyless)
    return { answer: { status, headers, body: '' }, length: start };
  if (headers['transfer-encoding'] !== undefined) {
    // Node's own answers, which have no content.
    if (bytes.toString('latin1', start, start + 5) !== '0\r\n\r\n') return undefined;
    return { answer: { status, headers, body: '' }, length: start + 5 };
  }
  const length = start + Number(headers['content-length']);
  if (bytes.length < length) return undefined;
  return { answer: { status, headers, body: bytes.toString('utf8', start, length) }, length };
}

/** Asserts that the answer is a problem in the sense of RFC 9457, with this status. Returns its detail. */
export function problem(answer: Answer, status: number): string {
  assert.equal(answer.status, status, answer.body);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const { detail, ...rest } = JSON.parse(answer.body);
  assert.deepEqual(rest, { type: 'about:blank', title: STATUS_CODES[status], status });
  assert.equal(typeof detail, 'string');
  assert.ok(detail.length > 0);
  return detail;
}

/** Asserts that the answer is text, with this status and body. */
export function text(answer: Answer, status: number, body: string): void {
  assert.deepEqual([answer.status, answer.body], [status, body]);
  assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(answer.headers['content-length'], String(Buffer.byteLength(body)));
  assert.equal(answer.headers['cache-control'], 'no-store');
}

/** The URL of the task that the answer says was accepted. */
export function acceptedAt(answer: Answer): string {
  text(answer, 202, 'task started');
  const location = answer.headers['location'] ?? '';
  assert.equal(answer.headers['retry-after'], '1');
  assert.match(location, /^\/tasks\/[\w-]{22,}$/);
  return location;
}
