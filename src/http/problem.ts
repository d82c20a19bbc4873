/** Answers other than the wanted one: problem details (RFC 9457). */
import { STATUS_CODES } from 'node:http';
import type { Answer } from './answer.js';

/** Thrown by a handler, or below it. `message` is what the client reads. */
export class Problem extends Error {
  readonly status: number;
  readonly headers: Answer['headers'];

  constructor(status: number, detail: string, headers: Answer['headers'] = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

/** What a queue may throw, by its `code`. */
const KNOWN: ReadonlyMap<unknown, (message: string) => Problem> = new Map([
  ['ERR_SEND_TIMEOUT', () => new Problem(503, 'The queue is full', { 'retry-after': '1' })],
  ['ERR_CHANNEL_CLOSED', () => new Problem(503, 'The server is going down', { 'retry-after': '1' })],
  ['ERR_QUEUE_UNAVAILABLE', () => new Problem(503, 'The queue cannot be reached', { 'retry-after': '1' })],
  ['ERR_TASK_TOO_LARGE', (message: string) => new Problem(413, message)],
]);

/** What to answer when `error` was thrown. Only the log learns of one that was not expected. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Error && 'code' in error) {
    const known = KNOWN.get(error.code);
    if (known !== undefined) return known(error.message);
  }
  console.error(error);
  return new Problem(500, 'Something went wrong; the log says what');
}

export function problemAnswer({ status, message, headers }: Problem): Answer {
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail: message });
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body };
}
