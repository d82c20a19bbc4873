/** The start of the admin server: `ADMIN_HOST` and `ADMIN_PORT`, and a failure to listen there. */
import { createHttpServer, hostFrom, integerFrom, listen, StartError } from '../http/index.js';
import { Events } from './events.js';
import { refuseOthers } from './guard.js';
import { routes } from './routes.js';
import { snapshot } from './snapshot.js';
import type { Watched } from './watched.js';

/**
 * Starts the admin server. Resolves with its place, as the startup line names it. Resolves with `undefined` if
 * `ADMIN_PORT` is empty, or if the address cannot be had: the log then has one line, and the application serves.
 *
 * @throws StartError if `ADMIN_PORT` is no port
 */
export async function startAdmin({ runtime }: Watched, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const port = env['ADMIN_PORT'] ?? '8001';
  if (port === '') return undefined;
  const address = { host: hostFrom(env['ADMIN_HOST']), port: integerFrom('ADMIN_PORT', port, 65_535) };
  const events = new Events(() => snapshot(runtime));
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
