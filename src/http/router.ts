/** The table of routes: which handler answers a request, and what is answered if none does. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, Problem } from './answer.js';

/** A request's target is a path, or in absolute form. */
const BASE = 'http://host';

/** One request on the way through its handler. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What stands for the `*` of the route. */
  readonly rest: string;
}

/** `app` is what all handlers of a server work on. */
export type Handler<App> = (exchange: Exchange, app: App) => Answer | Promise<Answer>;
type Methods<App> = { readonly [method in 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE']?: Handler<App> };

/** `OPTIONS` is answered on each path, `HEAD` where `GET` is safe. */
export interface Route<App> extends Methods<App> {
  /** `false`: its `GET` starts or changes something, and is not answered to `HEAD`. Default `true`. */
  readonly safe?: boolean;
}

/** By path. One that ends with `*` is for all paths that begin like it. The first that matches is taken. */
export type Routes<App> = Readonly<Record<`/${string}`, Route<App>>>;

export function routerOf<App>(routes: Routes<App>) {
  const entries = Object.entries(routes).map(([key, route]) => entryOf(key, route));

  /** @throws Problem if there is no such route, or not with this method; and whatever the handler throws */
  return (request: IncomingMessage, response: ServerResponse, app: App): Answer | Promise<Answer> => {
    const { url = '', method = '' } = request;
    if (!URL.canParse(url, BASE)) throw new Problem(400, `Expected a path, got ${url}`);
    const { pathname } = new URL(url, BASE);
    const entry = entries.find(
      ({ path, isOpen }) => pathname === path || (isOpen && pathname.startsWith(path)),
    );
    if (entry === undefined) throw new Problem(404, `There is nothing at ${pathname}`);
    const { path, handlers, allow } = entry;
    const handler = handlers.get(method);
    if (handler !== undefined) return handler({ request, response, rest: pathname.slice(path.length) }, app);
    if (method === 'OPTIONS') return { status: 204, headers: { allow }, body: undefined };
    throw new Problem(405, `Expected ${allow}, got ${method}`, { allow });
  };
}

function entryOf<App>(key: string, { safe = true, ...methods }: Route<App>) {
  const handlers = new Map<string, Handler<App>>(Object.entries(methods));
  if (safe && methods.GET !== undefined) handlers.set('HEAD', methods.GET); // Node.js leaves the body out
  const allow = [...handlers.keys(), 'OPTIONS'].join(', ');
  return { path: encodeURI(key.replace(/\*$/, '')), isOpen: key.endsWith('*'), handlers, allow };
}
