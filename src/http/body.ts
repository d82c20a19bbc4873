/** What comes with a request: its body, at most as large as its route allows; its id; its client. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem } from './answer.js';
import type { Exchange } from './router.js';

/** @throws Problem: 413 if it is larger than the route's `maxBody`, 415 if it has a content coding */
export async function readBody({ request, maxBody }: Exchange): Promise<Buffer> {
  const { 'content-encoding': coding = 'identity', 'content-length': length = 0 } = request.headers;
  if (coding !== 'identity') throw new Problem(415, `Expected a body that is not encoded, got ${coding}`);
  const tooLarge = () => new Problem(413, `Expected a body of at most ${maxBody} bytes`);
  if (Number(length) > maxBody) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBody) reject(tooLarge());
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', () => reject(CLIENT_GONE));
  });
}

/** Text of any media type. @throws Problem as `readBody`; also 415 for another charset, 400 if it is not UTF-8 */
export async function readText(exchange: Exchange): Promise<string> {
  const type = exchange.request.headers['content-type'] ?? '';
  const charset = /;\s*charset="?([^";\s]*)/i.exec(type)?.[1] ?? 'utf-8';
  if (!/^(?:utf-?8|us-ascii)$/i.test(charset))
    throw new Problem(415, `Expected text in UTF-8, got ${charset}`);
  const body = await readBody(exchange);
  if (!isUtf8(body)) throw new Problem(400, 'Expected the body to be text in UTF-8');
  return body.toString();
}

/** JSON, as `check` returns it, or throws to refuse it. @throws Problem as `readText`; also 400 for what is no JSON, or is refused */
export async function readJson<T>(exchange: Exchange, check: (value: unknown) => T): Promise<T> {
  const body = await readText(exchange);
  try {
    return check(JSON.parse(body));
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new Problem(400, `Expected other JSON: ${reason}`);
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
