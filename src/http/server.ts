/** The server around a table of routes: its limits, and what is answered outside of any route. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import { withFields } from '../runtime/index.js';
import { send } from './answer.js';
import { giveUp } from './gone.js';
import { Problem, problemAnswer, problemOf } from './problem.js';
import { requestIdOf } from './requestid.js';
import { Router, type Routes } from './router.js';

/** On purpose shorter than Node's: a client that dawdles holds a socket, nothing else, and not for long. */
const LIMITS = {
  headersTimeout: 10_000, // for all headers to arrive
  requestTimeout: 30_000, // for the whole request
  keepAliveTimeout: 5_000, // between two requests
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
  requireHostHeader: false, // checked in `answer`, for an answer like the others
} as const;

/** What the handlers work on. While it is `ending`, connections are closed after each answer. */
interface Ending {
  readonly ending: boolean;
}

/** May throw a Problem: then that is the answer, whatever was asked. */
type Guard = (request: IncomingMessage) => void;

/** Call `listen` on what it returns. */
export function createHttpServer<App extends Ending>(
  routes: Routes<App>,
  app: App,
  guard: Guard = () => {},
): Server {
  const router = new Router(routes);
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void withFields({ requestId: requestIdOf(request) }, () => answer(router, app, guard, request, response));
  const server = createServer(LIMITS, listener);
  // A client that asks before it sends gets its refusal instead of "100 Continue".
  server.on('checkContinue', listener);
  server.on('checkExpectation', (request, response) => {
    send(response, problemAnswer(new Problem(417, 'Expected no expectation but 100-continue')));
    request.resume();
  });
  server.on('clientError', refuseMalformed);
  return server;
}

async function answer<App extends Ending>(
  router: Router<App>,
  app: App,
  guard: Guard,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (app.ending) response.setHeader('connection', 'close');
  try {
    if (request.httpVersion === '1.1' && request.headers.host === undefined) {
      throw new Problem(400, 'Expected a Host header', { connection: 'close' });
    }
    guard(request);
    send(response, await router.answer(request, response, app));
  } catch (error) {
    send(response, problemAnswer(problemOf(error)));
  } finally {
    request.resume(); // a body that nobody wanted is in the way of the next request
  }
}

/**
 * What is not HTTP never becomes a request. It is answered on the bare socket: after the answers to what came before it,
 * unless they still wait for something.
 */
function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const statuses: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };
  setImmediate(refuse, socket, statuses[error.code ?? ''] ?? 400);
}

function refuse(socket: Socket, status: number): void {
  if (!socket.writable) return; // refused already
  giveUp(socket); // what still waits, before the client reads that it was refused
  const problem = new Problem(status, 'Expected an HTTP/1.1 request within the limits');
  const { headers, body = '' } = problemAnswer(problem);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${headers['content-type']}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon(); // the parser watches this socket no more, so it must not stay half open
}
