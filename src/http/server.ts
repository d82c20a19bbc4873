/** The server around a table of routes: its limits, and what is answered outside of any route. */
import * as http from 'node:http';
import type { Duplex } from 'node:stream';
import { withFields } from '../log/index.js';
import { Problem, problemOf, send } from './answer.js';
import { requestIdOf } from './body.js';
import { type Routes, routerOf } from './router.js';

/** Short on purpose, for clients that dawdle. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000, // longer than a proxy keeps a connection, so that no request meets a closed one
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
  requireHostHeader: false, // `expectHost` has an answer like the others
};
/** A host and a port, as they may stand in a URL. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i;

/** While the app is `ending`, connections are closed after each answer. A Problem that `guard` throws is the answer. */
export function createHttpServer<App extends { readonly ending: boolean }>(
  routes: Routes<App>,
  app: App,
  guard: (request: http.IncomingMessage) => void = () => {},
): http.Server {
  const router = routerOf(routes);
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    try {
      expectHost(request);
      if (!/^100-continue$/i.test(request.headers.expect ?? '100-continue'))
        throw new Problem(417, 'Expected no expectation but 100-continue');
      guard(request);
      send(response, await router.answer(request, response, app), app.ending);
    } catch (error) {
      send(response, problemOf(error).answer, app.ending);
    } finally {
      request.resume(); // a body that nobody wanted is in the way of the next request
    }
  };
  const server = http.createServer(LIMITS);
  for (const event of ['request', 'checkContinue', 'checkExpectation']) // refused, if it is, before the body is sent
    server.on(event, (request: http.IncomingMessage, response: http.ServerResponse) =>
      withFields({ requestId: requestIdOf(request) }, () => answer(request, response)),
    );
  const noTunnel = new Problem(405, `Expected ${router.allow}, got CONNECT`, { allow: router.allow });
  server.on('connect', (_request, socket) => refuse(socket, noTunnel));
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    const statuses: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };
    const status = statuses[error.code ?? ''] ?? 400;
    if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else refuse(socket, new Problem(status, 'Expected an HTTP/1.1 request within the limits'));
  });
  return server;
}

function expectHost({ headersDistinct, httpVersion }: http.IncomingMessage): void {
  const hosts = headersDistinct['host'] ?? (httpVersion === '1.0' ? [''] : []);
  if (hosts.length === 1 && HOST.test(hosts[0] ?? '')) return;
  throw new Problem(400, 'Expected one Host header, with a host in it', { connection: 'close' });
}

/** Answers on the bare socket: after the answers to what came before, unless those still wait for something. */
function refuse(socket: Duplex & { destroySoon?(): void }, { answer }: Problem): void {
  if (socket.listenerCount('error') === 0) socket.on('error', () => {}); // a reset: no parser listens any more
  setImmediate(() => {
    if (!socket.writable) return; // refused already
    const { status, headers, body = '' } = answer;
    const all = {
      'cache-control': 'no-store',
      ...headers,
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    };
    const lines = Object.entries(all).map(([name, value]) => `\r\n${name}: ${value}`);
    socket.write(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}${lines.join('')}\r\n\r\n${body}`);
    socket.destroySoon?.(); // no parser watches this socket, so it must not stay half open
  });
}
