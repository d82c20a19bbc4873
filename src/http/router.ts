/** The table of routes: which handler answers a request, and what is answered if none does. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, Problem } from './answer.js';

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

/** By path. One that ends with `*` is for all paths that begin like it, unless another one matches in full. */
export type Routes<App> = Readonly<Record<`/${string}`, Route<App>>>;

export function routerOf<App>(routes: Routes<App>) {
  const entries = Object.entries(routes).map(([key, route]) => entryOf(key, route));
  const exact = new Map(entries.filter(({ open }) => !open).map((entry) => [entry.path, entry]));

  /** @throws Problem if there is no such route, or not with this method; and whatever the handler throws */
  return (request: IncomingMessage, response: ServerResponse, app: App): Answer | Promise<Answer> => {
    const { method = '' } = request;
    const path = pathOf(request);
    const entry = exact.get(path) ?? entries.find((each) => each.open && path.startsWith(each.path));
    if (entry === undefined) throw new Problem(404, `There is nothing at ${path}`);
    const [handler, rest] = [entry.handlers.get(method), path.slice(entry.path.length)];
    if (handler !== undefined) return handler({ request, response, rest }, app);
    const { allow } = entry;
    if (method === 'OPTIONS') return { status: 204, headers: { allow }, body: undefined };
    throw new Problem(405, `Expected ${allow}, got ${method}`, { allow });
  };
}

function entryOf<App>(key: string, { safe = true, ...methods }: Route<App>) {
  const handlers = new Map<string, Handler<App>>();
  for (const [method, handler] of Object.entries(methods)) {
    handlers.set(method, handler);
    if (method === 'GET' && safe) handlers.set('HEAD', handler); // Node.js leaves the body out
  }
  const [path, open] = [encodeURI(key.replace(/\*$/, '')), key.endsWith('*')];
  return { path, open, handlers, allow: [...handlers.keys(), 'OPTIONS'].join(', ') };
}

/** As `URL` takes the target apart, also one in absolute form. */
function pathOf({ url = '' }: IncomingMessage): string {
  try {
    return new URL(url, 'http://host').pathname;
  } catch {
    throw new Problem(400, `Expected a path, got ${url}`);
  }
}
