/** The table of routes: which handler answers a request, and what is answered if none does. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.js';
import { Problem } from './problem.js';
import { pathOf, SERVER_WIDE } from './target.js';

/** One request on the way through its handler. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What stands for the `*` of the route. */
  readonly rest: string;
  /** The route's. */
  readonly maxBody: number;
}

/** `app` is what all handlers of a server work on. */
export type Handler<App> = (exchange: Exchange, app: App) => Answer | Promise<Answer>;

/** Methods by name. `HEAD` is answered where `GET` is, `OPTIONS` everywhere. */
export interface Route<App> {
  readonly GET?: Handler<App>;
  readonly POST?: Handler<App>;
  readonly PUT?: Handler<App>;
  readonly PATCH?: Handler<App>;
  readonly DELETE?: Handler<App>;
  /** The largest body that its handlers read, in bytes. Default 0. */
  readonly maxBody?: number;
}

/** By path. One that ends with `*` is for all paths that begin like it, unless another one matches in full. */
export type Routes<App> = Readonly<Record<string, Route<App>>>;

/** A route, ready to be looked up. */
interface Entry<App> {
  readonly handlers: ReadonlyMap<string, Handler<App>>;
  readonly allow: string;
  readonly maxBody: number;
}

export class Router<App> {
  readonly #exact = new Map<string, Entry<App>>();
  readonly #prefixes: [prefix: string, entry: Entry<App>][] = [];
  /** The methods of all routes. */
  readonly #allow: string;

  constructor(routes: Routes<App>) {
    const all = new Set<string>();
    for (const [key, route] of Object.entries(routes)) {
      if (!key.startsWith('/'))
        throw new TypeError(`Expected the path of a route to begin with /, got ${key}`);
      const entry = entryOf(route);
      for (const method of entry.allow.split(', ')) all.add(method);
      const path = encodeURI(key);
      if (path.endsWith('*')) this.#prefixes.push([path.slice(0, -1), entry]);
      else this.#exact.set(path, entry);
    }
    this.#allow = [...all].join(', ');
  }

  /** @throws Problem if there is no such route, or not with this method; and whatever the handler throws */
  answer(request: IncomingMessage, response: ServerResponse, app: App): Answer | Promise<Answer> {
    const { method = '' } = request;
    const path = pathOf(request);
    if (path === SERVER_WIDE && method === 'OPTIONS') return allowed(this.#allow);
    const [{ handlers, allow, maxBody }, rest] = this.#find(path);
    const handler = handlers.get(method);
    if (handler !== undefined) return handler({ request, response, rest, maxBody }, app);
    if (method === 'OPTIONS') return allowed(allow);
    throw new Problem(405, `Expected ${allow}, got ${method}`, { allow });
  }

  #find(path: string): [entry: Entry<App>, rest: string] {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return [exact, ''];
    for (const [prefix, entry] of this.#prefixes) {
      if (path.startsWith(prefix)) return [entry, path.slice(prefix.length)];
    }
    throw new Problem(404, `There is nothing at ${path}`);
  }
}

function entryOf<App>({ maxBody = 0, ...methods }: Route<App>): Entry<App> {
  const handlers = new Map<string, Handler<App>>();
  for (const [method, handler] of Object.entries(methods)) {
    handlers.set(method, handler);
    if (method === 'GET') handlers.set('HEAD', handler); // Node.js leaves the body out
  }
  return { handlers, allow: [...handlers.keys(), 'OPTIONS'].join(', '), maxBody };
}

function allowed(allow: string): Answer {
  return { status: 204, headers: { allow }, body: undefined };
}
