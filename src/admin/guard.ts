/**
 * The guard: it admits programs that call the admin address by its own name, and the admin page. It refuses other sites
 * that are open in the same browser, and foreign names that resolve to this address (DNS rebinding).
 */
import type { IncomingMessage } from 'node:http';
import { Problem } from '../http/index.js';

/** For `createHttpServer`. `name`: the host that the server was told to listen on. @throws Problem 403 */
export function refuseOthers(name: string): (request: IncomingMessage) => void {
  return ({ headers, socket: { localAddress = '' } }) => {
    const { host = '', origin = `http://${host}`, 'sec-fetch-site': site = 'none' } = headers;
    const address = localAddress.replace('::ffff:', ''); // an IPv4 address on an IPv6 socket
    const called = host
      .toLowerCase()
      .replace(/:\d+$/, '')
      .replace(/^\[(.*)\]$/, '$1');
    if (![name.toLowerCase(), address, 'localhost'].includes(called))
      throw new Problem(403, `Expected Host to be ${address}`);
    if (origin.toLowerCase() !== `http://${host.toLowerCase()}` || !['none', 'same-origin'].includes(site))
      throw new Problem(403, 'Expected no request from another site');
  };
}
