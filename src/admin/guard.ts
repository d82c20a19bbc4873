/**
 * Who may ask: programs that call this address by its own name, and the admin page itself. No other site that is open in
 * the same browser, and no name of somebody else's that was made to point here (DNS rebinding).
 */
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { Problem } from '../http/index.js';

/** For `createHttpServer`. `name`: what the server was told to listen on. @throws Problem 403 */
export function refuseOthers(name: string): (request: IncomingMessage) => void {
  return ({ headers, socket }) => {
    const { host = '', origin, 'sec-fetch-site': site } = headers;
    const { localAddress = '', localPort = 0 } = socket;
    const address = localAddress.replace(/^::ffff:(?=\d+\.)/, ''); // IPv4, on a socket of IPv6
    const names = /^(127\.|::1$)/.test(address) ? [name, address, 'localhost'] : [name, address];
    const hosts = names.map((each) => (isIPv6(each) ? `[${each}]` : each).toLowerCase());
    const own = hosts.map((each) => `${each}:${localPort}`);
    if (localPort === 80) own.push(...hosts); // the port that need not be told
    if (!own.includes(host.toLowerCase())) throw new Problem(403, `Expected Host to be ${own[0]}`);
    const foreign = origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`;
    if (foreign || (site !== undefined && site !== 'same-origin' && site !== 'none'))
      throw new Problem(403, 'Expected no request from another site');
  };
}
