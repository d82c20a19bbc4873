/** What comes with a request: its body, up to a size in bytes; its id; its client. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem } from './answer.js';
import type { Exchange } from './router.js';

/** @throws Problem: 413 if it is larger than `maxBytes`, 415 if it has a content coding */
export async function readBody({ request }: Exchange, maxBytes: number): Promise<Buffer> {
  const { 'content-encoding': coding = 'identity', 'content-length': length = 0 } = request.headers;
  if (coding !== 'identity') throw new Problem(415, `Expected a body that is not encoded, got ${coding}`);
  const tooLarge = () => new Problem(413, `Expected a body of at most ${maxBytes} bytes`);
  if (Number(length) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) reject(tooLarge());
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', () => reject(CLIENT_GONE));
  });
}

/** Text of any media type. @throws Problem as `readBody`; also 415 for another charset, 400 if it is not UTF-8 */
export async function readText(exchange: Exchange, maxBytes: number): Promise<string> {
  const type = exchange.request.headers['content-type'] ?? '';
  const charset = /;\s*charset="?([^";\s]*)/i.exec(type)?.[1] ?? 'utf-8';
  if (!/^(?:utf-?8|us-ascii)$/i.test(charset))
    throw new Problem(415, `Expected text in UTF-8, got ${charset}`);
  const body = await readBody(exchange, maxBytes);
  if (!isUtf8(body)) throw new Problem(400, 'Expected the body to be text in UTF-8');
  return body.toString();
}

/** @throws Problem as `readText`; also 400 if it is no JSON */
export async function readJson(exchange: Exchange, maxBytes: number): Promise<unknown> {
  const body = await readText(exchange, maxBytes);
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new Problem(400, `Expected JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** `X-Request-Id`, or the trace of `traceparent` (W3C Trace Context). `undefined`: neither, or not well formed. */
export function requestIdOf({ headers }: IncomingMessage): string | undefined {
  const own = headers['x-request-id'];
  if (typeof own === 'string' && /^[\x21-\x7e]{1,64}$/.test(own)) return own;
  return /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}/.exec(String(headers['traceparent']))?.[1];
}

const CLIENT_GONE = new Problem(400, 'The client went away'); // nobody will read it
const signals = new WeakMap<Duplex, AbortSignal>();

/** Aborts when the connection closes: one signal for all requests on it, also those whose turn to answer has not come. */
export function goneSignal(socket: Duplex): AbortSignal {
  if (socket.destroyed) return AbortSignal.abort(CLIENT_GONE);
  const known = signals.get(socket);
  if (known !== undefined) return known;
  const controller = new AbortController();
  socket.once('close', () => controller.abort(CLIENT_GONE));
  signals.set(socket, controller.signal);
  return controller.signal;
}
