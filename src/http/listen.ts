/** Where a server is: what the environment says of that, checked, and what can go wrong in one line. */
import { once } from 'node:events';
import { isIPv6, type Server } from 'node:net';
import { expectBasePath } from './taskurl.js';

/** As `server.listen` takes it: a TCP port, or a Unix socket. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

/** The system's limit for the path of a Unix socket. Node.js would cut it, and listen somewhere else. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** The server cannot start as it is told to. The message is one line, for whoever started it. */
export class StartError extends Error {}

/**
 * `PORT` is a number, or the path of a Unix socket (with a slash); `HOST` a name or an address, IPv6 with or without
 * brackets.
 *
 * @throws StartError
 */
export function addressFrom(env: NodeJS.ProcessEnv): Address {
  const port = env['PORT'] || '8000';
  if (port.includes('/')) return { path: expectPath(port) };
  return {
    host: hostFrom(env['HOST']),
    port: integerFrom('PORT', port, 65_535, ', or a path with a slash'),
  };
}

/** The loopback address if there is none. An address of IPv6 may stand in brackets. */
export function hostFrom(text: string | undefined): string {
  const host = text || '127.0.0.1';
  const inner = /^\[(.*)\]$/.exec(host)?.[1] ?? '';
  return isIPv6(inner) ? inner : host;
}

function expectPath(path: string): string {
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path;
  throw new StartError(
    `Expected PORT to be a path of at most ${MAX_PATH_BYTES} bytes, got ${JSON.stringify(path)}`,
  );
}

/** @throws StartError unless the text is an integer from 0 to `max` */
export function integerFrom(name: string, text: string, max: number, orElse = ''): number {
  if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text);
  throw new StartError(
    `Expected ${name} to be a number from 0 to ${max}${orElse}, got ${JSON.stringify(text)}`,
  );
}

/**
 * `LOG_FORMAT`: `json`, or plain lines.
 *
 * @throws StartError
 */
export function logIsJson(env: NodeJS.ProcessEnv): boolean {
  const format = env['LOG_FORMAT'] || 'plain';
  if (format === 'json' || format === 'plain') return format === 'json';
  throw new StartError(`Expected LOG_FORMAT to be json or plain, got ${JSON.stringify(format)}`);
}

/**
 * `BASE_PATH`: see {@link expectBasePath}.
 *
 * @throws StartError
 */
export function basePathFrom(env: NodeJS.ProcessEnv): string {
  const text = env['BASE_PATH'] ?? '';
  try {
    return expectBasePath(text);
  } catch {
    throw new StartError(`Expected BASE_PATH to be a path such as /api, got ${JSON.stringify(text)}`);
  }
}

/**
 * Resolves with the place as a person would write it, once the server listens.
 *
 * @throws StartError
 */
export async function listen(server: Server, address: Address): Promise<string> {
  server.listen(address);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new StartError(`Cannot listen on ${show(address)}: ${reasonOf(error, address)}`);
  }
  const place = server.address();
  if (typeof place !== 'object' || place === null) return show(address);
  return `http://${show({ host: place.address, port: place.port })}`; // port 0 has become another
}

function show(address: Address): string {
  if ('path' in address) return address.path;
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

function reasonOf(error: unknown, address: Address): string {
  if (!(error instanceof Error)) return String(error);
  const exists = 'path' in address && 'code' in error && error.code === 'EADDRINUSE';
  return exists ? `${error.message}. If no server uses this file any more, remove it` : error.message;
}
