/** Where the admin server listens: `ADMIN_HOST` and `ADMIN_PORT`, and what happens if it cannot. */
import { type Address, createHttpServer, hostFrom, integerFrom, listen, StartError } from '../http/index.js';
import { Events } from './events.js';
import { refuseOthers } from './guard.js';
import { WorkerLife } from './life.js';
import { Metrics } from './metrics.js';
import { type Admin, routes } from './routes.js';
import { View, type Watched } from './view.js';

/**
 * Starts the admin server. Resolves with its place, as the startup line names it; or with `undefined`, if it is switched
 * off, or its address cannot be had: that is one line in the log, and no reason not to serve.
 *
 * @throws StartError if `ADMIN_PORT` is no port
 */
export async function startAdmin(watched: Watched, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const address = adminAddress(env);
  if (address === undefined) return undefined;
  const life = new WorkerLife();
  const view = new View(watched, life);
  const admin: Admin = {
    ...watched,
    view,
    events: new Events(view),
    metrics: new Metrics(watched, life),
    ending: false,
  };
  const server = createHttpServer(routes, admin, refuseOthers(address.host));
  server.unref(); // it does not keep a process that has nothing else to do
  try {
    return `admin page on ${await listen(server, address)}`;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(`no admin page: ${error.message}`);
    return undefined;
  }
}

function adminAddress(env: NodeJS.ProcessEnv): (Address & { readonly host: string }) | undefined {
  const port = env['ADMIN_PORT'] ?? '8001';
  if (port === '') return undefined;
  return { host: hostFrom(env['ADMIN_HOST']), port: integerFrom('ADMIN_PORT', port, 65_535) };
}
