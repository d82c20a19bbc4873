/** Answers as values: a handler returns one, and only `send` touches the response. */
import type { ServerResponse } from 'node:http';
import { toJson } from './json.js';

export interface Answer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** `undefined`: none, as of a 204. */
  readonly body: string | undefined;
}

type Headers = Answer['headers'];

export function text(status: number, body: string, headers?: Headers): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

/** Any value that crosses threads: see `json.ts`. */
export function json(status: number, value: unknown, headers?: Headers): Answer {
  const body = JSON.stringify(toJson(value));
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** Does nothing if the response is begun already, or nobody waits for it any more. */
export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  response.setHeader('cache-control', 'no-store');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body !== undefined) response.setHeader('content-length', Buffer.byteLength(body));
  response.statusCode = status;
  response.end(body);
}
