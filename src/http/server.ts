/** The server around a table of routes: its limits, and what is answered outside of any route. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { withFields } from '../log/index.js';
import { type Answer, Problem, problemOf, send } from './answer.js';
import { giveUp, requestIdOf } from './body.js';
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
  guard: (request: IncomingMessage) => void = () => {},
): Server {
  const router = routerOf(routes);
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const reply = (given: Answer) => send(response, given, app.ending);
    try {
      expectHost(request);
      if (!/^100-continue$/i.test(request.headers.expect ?? '100-continue'))
        throw new Problem(417, 'Expected no expectation but 100-continue');
      guard(request);
      reply(await router.answer(request, response, app));
    } catch (error) {
      reply(problemOf(error).answer);
    } finally {
      request.resume(); // a body that nobody wanted is in the way of the next request
    }
  };
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void withFields({ requestId: requestIdOf(request) }, () => answer(request, response));
  const server = createServer(LIMITS, listener);
  server.on('checkContinue', listener); // a client that asks before it sends is refused before it sends
  server.on('checkExpectation', listener);
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

function expectHost({ headersDistinct, httpVersion }: IncomingMessage): void {
  const hosts = headersDistinct['host'] ?? (httpVersion === '1.0' ? [''] : []);
  if (hosts.length === 1 && HOST.test(hosts[0] ?? '')) return;
  throw new Problem(400, 'Expected one Host header, with a host in it', { connection: 'close' });
}

/** Answers on the bare socket: after the answers to what came before, unless those still wait for something. */
function refuse(socket: Duplex & { destroySoon?(): void }, { answer }: Problem): void {
  if (socket.listenerCount('error') === 0) socket.on('error', () => {}); // a reset: no parser listens any more
  setImmediate(() => {
    if (!socket.writable) return; // refused already
    giveUp(socket); // what still waits, before the client reads that it was refused
    const { status, headers, body = '' } = answer;
    const all = { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const start = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncache-control: no-store\r\n`;
    socket.write(`${start}${lines.join('')}\r\n${body}`);
    socket.destroySoon?.(); // no parser watches this socket, so it must not stay half open
  });
}
