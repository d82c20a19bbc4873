/** A bare HTTP/1.1 client: it sends any bytes at all, and reads one answer after the other from the same connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { STATUS_CODES } from 'node:http';
import { connect, type Socket } from 'node:net';

/** By lower-case name. */
export type Headers = Readonly<Record<string, string>>;
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: string };
type Content = { readonly headers?: Headers; readonly body?: string | Uint8Array | undefined };

export class Connection {
  readonly socket: Socket;
  /** Resolves when the server has closed its side, or the whole connection. */
  readonly closed: Promise<unknown>;
  #received = Buffer.alloc(0);

  /** Does not close its side when the server does: a server that relies on that keeps the socket. */
  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.socket.unref(); // a test that forgets it may end
    this.socket.setTimeout(20_000, () => this.socket.destroy()); // nobody waits longer for an answer
    this.socket.on('error', () => {}); // a reset; `close` follows
    this.socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    this.closed = new Promise((resolve) => this.socket.once('end', resolve).once('close', resolve));
  }

  /** A connection on which this has been sent. */
  static async open(port: number, bytes: string | Uint8Array = ''): Promise<Connection> {
    const connection = new Connection(port);
    await once(connection.socket, 'connect');
    await connection.send(bytes);
    return connection;
  }

  /** Resolves when the bytes have been handed to the system. Characters up to U+00FF are sent as one byte. */
  send(bytes: string | Uint8Array): Promise<void> {
    const chunk = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    return new Promise((resolve) => this.socket.write(chunk, () => resolve()));
  }

  /** The next answer on this connection. Rejects if the server closes without one. `bodyless`: to HEAD. */
  async answer(bodyless = false): Promise<Answer> {
    this.socket.ref();
    for (;;) {
      const taken = takeAnswer(this.#received, bodyless);
      if (taken !== undefined) {
        this.#received = this.#received.subarray(taken.length);
        this.socket.unref();
        return taken.answer;
      }
      if (this.socket.readableEnded || this.socket.destroyed)
        throw new Error(`Closed, having sent ${JSON.stringify(this.unread)}`);
      await Promise.race([once(this.socket, 'data'), this.closed]);
    }
  }

  /** Sends one request and resolves with its answer. */
  request(method: string, target: string, { headers, body }: Content = {}): Promise<Answer> {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const all = Object.entries({ host: 'localhost', ...length, ...headers });
    const lines = all.map(([name, value]) => `${name}: ${value}\r\n`);
    void this.send(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
    if (body !== undefined) void this.send(Buffer.from(body));
    return this.answer(method === 'HEAD');
  }

  /** What has come and is no answer yet. */
  get unread(): string {
    return this.#received.toString('latin1');
  }
}

/** One request on a connection of its own. */
export async function request(port: number, ...what: Parameters<Connection['request']>): Promise<Answer> {
  const connection = new Connection(port);
  try {
    return await connection.request(...what);
  } finally {
    connection.socket.destroy();
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
  const empty = status < 200 || status === 204 || bodyless;
  const length = start + (empty ? 0 : Number(headers['content-length']));
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
  const { location = '', 'retry-after': after } = answer.headers;
  assert.equal(after, '1');
  assert.match(location, /^\/tasks\/[\w-]{22,}$/);
  return location;
}
