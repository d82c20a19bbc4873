/** The body of a request: as large as its route allows, and in no encoding but those that are understood here. */
import type { IncomingMessage } from 'node:http';
import { CLIENT_GONE } from './gone.js';
import { Problem } from './problem.js';
import type { Exchange } from './router.js';

/** @throws Problem: 413 if it is larger than the route's `maxBody`, 415 if it is encoded, 501 if it travels encoded */
export async function readBody({ request, response, maxBody }: Exchange): Promise<Buffer> {
  expectNoCoding(request);
  const tooLarge = () => new Problem(413, `Expected a body of at most ${maxBody} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > maxBody) throw tooLarge();
  if (request.headers.expect !== undefined && request.httpVersion === '1.1') response.writeContinue();
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

/** A body of text, whatever its media type. @throws Problem as `readBody`; also 415 for another charset, 400 if it is not UTF-8 */
export async function readText(exchange: Exchange): Promise<string> {
  expectCharset(exchange.request);
  const body = await readBody(exchange);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new Problem(400, 'Expected the body to be text in UTF-8');
  }
}

function expectNoCoding({ headers }: IncomingMessage): void {
  const transfer = headers['transfer-encoding'] ?? '';
  // Node.js takes the chunks apart, whatever is in them. It refuses codings that do not end with `chunked`.
  if (transfer.includes(',')) {
    throw new Problem(501, `Expected no transfer coding but chunked, got ${transfer}`, {
      connection: 'close',
    });
  }
  const codings = headers['content-encoding'] ?? '';
  if (codings.split(',').every((coding) => ['', 'identity'].includes(coding.trim().toLowerCase()))) return;
  // The header tells the client that it was not the media type (RFC 9110, 12.5.3).
  const accepted = { 'accept-encoding': 'identity' };
  throw new Problem(415, `Expected a body that is not encoded, got ${codings}`, accepted);
}

/** ASCII is UTF-8, too. */
const CHARSETS = ['utf-8', 'utf8', 'us-ascii'];

/** A parameter of a media type: `; name=token`, or `; name="quoted, \" too"`. */
const PARAMETER = /;\s*([^\s;=]*)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;]*))?/g;

function expectCharset({ headersDistinct }: IncomingMessage): void {
  for (const type of headersDistinct['content-type'] ?? []) {
    for (const [, name = '', value = ''] of type.matchAll(PARAMETER)) {
      if (name.toLowerCase() !== 'charset') continue;
      const charset = value.replace(/^"(.*)"$/, '$1').replace(/\\(.)/g, '$1');
      if (!CHARSETS.includes(charset.toLowerCase())) {
        throw new Problem(415, `Expected text in UTF-8, got ${charset}`);
      }
    }
  }
}
