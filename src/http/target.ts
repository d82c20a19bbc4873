/** From the target of a request to the path that routes are looked up by (RFC 9112, 3.2). */
import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.js';

/** Not about any one route. */
export const SERVER_WIDE = '*';

/** The path, normalised. {@link SERVER_WIDE} for `OPTIONS *`, or `OPTIONS` of a URL without path and query. */
export function pathOf({ url = '', method }: IncomingMessage): string {
  const rest = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]+/i, '');
  if (rest === '' && method === 'OPTIONS') return SERVER_WIDE;
  const query = rest.indexOf('?');
  return normalize((query < 0 ? rest : rest.slice(0, query)) || '/');
}

/**
 * Equivalent paths become one (RFC 3986, 6.2.2): what need not be percent-encoded is decoded, once, and what must be
 * stays so: `%2F` is no slash, `%252D` no hyphen.
 */
function normalize(path: string): string {
  if (!path.includes('%')) return path;
  try {
    decodeURIComponent(path);
  } catch {
    throw new Problem(400, `Expected a path in percent-encoded UTF-8, got ${path}`);
  }
  return path.replace(/%../g, (encoded) => {
    const char = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[\w.~-]/.test(char) ? char : encoded.toUpperCase();
  });
}
