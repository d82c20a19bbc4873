/** The server around a table of routes: its limits, and the way of a request. Node.js itself answers malformed requests. */
import * as http from 'node:http';
import { withFields } from '../log/index.js';
import { problemOf, send } from './answer.js';
import { requestIdOf } from './body.js';
import { type Routes, routerOf } from './router.js';

/** Short on purpose, for clients that dawdle. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
};

/** While the app is `ending`, connections are closed after each answer. A Problem that `guard` throws is the answer. */
export function createHttpServer<App extends { readonly ending: boolean }>(
  routes: Routes<App>,
  app: App,
  guard: (request: http.IncomingMessage) => void = () => {},
): http.Server {
  const route = routerOf(routes);
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    try {
      guard(request);
      send(response, await route(request, response, app), app.ending);
    } catch (error) {
      send(response, problemOf(error).answer, app.ending);
    } finally {
      request.resume(); // a body that nobody wanted is in the way of the next request
    }
  };
  return http.createServer(LIMITS, (request, response) =>
    withFields({ requestId: requestIdOf(request) }, () => answer(request, response)),
  );
}
