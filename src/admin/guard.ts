/**
 * The guard: it admits programs that call the admin address by its own name, and the admin page. It refuses other sites
 * that are open in the same browser, and foreign names that resolve to this address (DNS rebinding).
 */
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { Problem } from '../http/index.js';

/** For `createHttpServer`. `name`: the host that the server was told to listen on. @throws Problem 403 */
export function refuseOthers(name: string): (request: IncomingMessage) => void {
  return ({ headers, socket }) => {
    const { host = '', origin, 'sec-fetch-site': site } = headers;
    const { localAddress = '', localPort = 0 } = socket;
    const address = localAddress.replace(/^::ffff:(?=\d+\.)/, ''); // an IPv4 address on an IPv6 socket
    const names = /^(127\.|::1$)/.test(address) ? [name, address, 'localhost'] : [name, address];
    const hosts = names.map((each) => (isIPv6(each) ? `[${each}]` : each).toLowerCase());
    const own = hosts.map((each) => `${each}:${localPort}`);
    if (localPort === 80) own.push(...hosts); // browsers leave port 80 out
    if (!own.includes(host.toLowerCase())) throw new Problem(403, `Expected Host to be ${own[0]}`);
    const foreign = origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`;
    if (foreign || (site !== undefined && site !== 'same-origin' && site !== 'none'))
      throw new Problem(403, 'Expected no request from another site');
  };
}
