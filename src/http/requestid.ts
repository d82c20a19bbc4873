/** Which request it is, as whoever is in front of the server, or asks it, says. */
import type { IncomingMessage } from 'node:http';

/** `X-Request-Id`; or the trace of `traceparent` (W3C Trace Context). `undefined`: neither, or not as it should be. */
export function requestIdOf({ headers }: IncomingMessage): string | undefined {
  const own = headers['x-request-id'];
  if (typeof own === 'string' && /^[\x21-\x7e]{1,64}$/.test(own)) return own;
  if (headers['traceparent'] === undefined) return undefined;
  const trace = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}/.exec(String(headers['traceparent']));
  return trace?.[1];
}
