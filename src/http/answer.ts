/** Answers as values: a handler returns one or throws a `Problem`, and only `send` touches the response. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { toJson } from './json.js';

/** By lower-case name. */
type Headers = Readonly<Record<string, string>>;

/** Without a body, as of a 204: `undefined`. */
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string | undefined;
};

export function text(status: number, body: string, headers?: Headers): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

/** Any value that crosses threads: see `json.ts`. */
export function json(status: number, value: unknown, headers?: Headers): Answer {
  const body = JSON.stringify(toJson(value));
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** An answer other than the wanted one, as problem details (RFC 9457). The client reads `detail`. */
export class Problem extends Error {
  readonly answer: Answer;

  constructor(status: number, detail: string, headers: Headers = {}) {
    super(detail);
    const body = { type: 'about:blank', title: STATUS_CODES[status], status, detail };
    this.answer = json(status, body, { 'content-type': 'application/problem+json', ...headers });
  }
}

/** When to ask again. */
export const LATER: Headers = { 'retry-after': '1' };

/** The problem behind a thrown value. Only the log learns of one that was not expected. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const { code, message }: { code?: unknown; message?: unknown } = thrown instanceof Error ? thrown : {};
  if (code === 'ERR_SEND_TIMEOUT') return new Problem(503, 'The queue is full', LATER);
  if (code === 'ERR_CHANNEL_CLOSED') return new Problem(503, 'The server is going down', LATER);
  if (code === 'ERR_QUEUE_UNAVAILABLE') return new Problem(503, 'The queue cannot be reached', LATER);
  if (code === 'ERR_TASK_TOO_LARGE') return new Problem(413, String(message));
  console.error(thrown);
  return new Problem(500, 'Something went wrong; the log says what');
}

/** Does nothing if the response has begun, or if the client has gone. `isLast`: the connection is closed afterwards. */
export function send(response: ServerResponse, { status, headers, body }: Answer, isLast: boolean): void {
  if (response.headersSent || response.destroyed) return;
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const last = isLast ? { connection: 'close' } : {};
  response.writeHead(status, { 'cache-control': 'no-store', ...headers, ...length, ...last }).end(body);
}
