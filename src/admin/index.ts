/**
 * The admin address: a live page, metrics, and every task, for the person who runs the server. It is a server of its own
 * on an address of its own. Only `server.ts` imports it: without this folder and those lines, everything else works. To be
 * read in this order: routes.ts, snapshot.ts, events.ts, metrics.ts, page.ts, guard.ts.
 */
import { createHttpServer, integerFrom, listen, StartError } from '../http/index.js';
import { eventsOf } from './events.js';
import { refuseOthers } from './guard.js';
import { routes } from './routes.js';
import { snapshot, type Watched } from './snapshot.js';

export type { Watched };

/**
 * Starts the admin server. Resolves with its place, as the startup line names it. Resolves with `undefined` if
 * `ADMIN_PORT` is empty, or if the address cannot be had: the log then has one line, and the application serves.
 *
 * @throws StartError if `ADMIN_PORT` is no port
 */
export async function startAdmin({ runtime }: Watched, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const port = env['ADMIN_PORT'] ?? '8001';
  if (port === '') return undefined;
  const address = { host: env['ADMIN_HOST'] || '127.0.0.1', port: integerFrom('ADMIN_PORT', port, 65_535) };
  const events = eventsOf(() => snapshot(runtime));
  const server = createHttpServer(routes, { runtime, events, ending: false }, refuseOthers(address.host));
  server.unref(); // the admin server alone keeps no process alive
  try {
    return `admin page on ${await listen(server, address)}`;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(`no admin page: ${error.message}`);
    return undefined;
  }
}
