/**
 * A server as a process: its environment, its address, its signals, its end.
 *
 * A signal begins the drain: `/readyz` is 503, and the open tasks are named, in case the process is killed. Tasks are
 * accepted for `DRAIN_DELAY_MS` more, for load balancers that have not looked yet; then what is queued runs. All the while
 * each answer closes its connection. At last no more connections are accepted, idle ones are closed, and the requests in
 * flight get their answers. A second signal, or the deadline (`DRAIN_TIMEOUT_MS`), cuts this short. What is lost is named.
 */
import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { isIPv6, type ListenOptions, type Server as NetServer, type Socket } from 'node:net';
import { printDirectly, printJson } from '../log/index.js';
import type { TaskRecord } from '../runtime/index.js';
import type { Queue } from './queue.js';

/** For so long, at the end, a connection is waited for on which a part of a request has come. */
const PART_MS = 3000;

/** `also`: what else listens, and where, for the line that says so. */
export type Service = { readonly server: Server; readonly queue: Queue; readonly also?: string | undefined };

/** The server cannot start as it is told to. The message is one line, for the person who has started it. */
export class StartError extends Error {}

/** Runs a service until a signal ends the process. `start` makes the service; `serve` listens, as the environment says. */
export async function serve(start: () => Promise<Service>): Promise<void> {
  printDirectly();
  let stop: (signal: NodeJS.Signals) => void = () => process.exit(); // nothing has been accepted yet
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, (signal) => stop(signal));
  try {
    if (process.env['LOG_FORMAT'] === 'json') printJson();
    const settings = settingsFrom(process.env);
    const service = await start();
    service.server.keepAliveTimeout = Math.max(1, settings.keepAlive); // 0 would be for ever
    stop = shutdownOf(service, settings);
    const place = await listen(service.server, settings.address);
    console.log(`listening on ${place}${service.also === undefined ? '' : `, ${service.also}`}`);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** What `serve` reads in the environment, in milliseconds. @throws StartError */
export function settingsFrom(env: NodeJS.ProcessEnv) {
  const ms = (name: string, usual: string, max = 3_600_000) => integerFrom(name, env[name] || usual, max);
  const format = env['LOG_FORMAT'] || 'plain';
  if (format !== 'plain' && format !== 'json') throw expected('LOG_FORMAT', 'json or plain', format);
  const timeout = ms('DRAIN_TIMEOUT_MS', '25000'); // below the 30 s after which Kubernetes kills
  const delay = ms('DRAIN_DELAY_MS', '0', timeout);
  const [host, port] = [env['HOST'] || '127.0.0.1', env['PORT'] || '8000'];
  const address = port.includes('/') ? { path: port } : { host, port: integerFrom('PORT', port, 65_535) };
  return { address, timeout, delay, keepAlive: ms('KEEP_ALIVE_MS', '65000') }; // proxies keep connections for less
}

/** @throws StartError unless the text is an integer from 0 to `max` */
export function integerFrom(name: string, text: string, max: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text);
  throw expected(name, `a number from 0 to ${max}`, text);
}

/** From `BASE_PATH`: '' or, for example, `/api` behind a proxy that strips it. @throws StartError */
export function basePathFrom({ BASE_PATH: path = '' }: NodeJS.ProcessEnv): string {
  if (/^(?:\/[\w.~%-]+)*$/.test(path)) return path;
  throw expected('BASE_PATH', 'a path such as /api', path);
}

function expected(name: string, what: string, got: string): StartError {
  return new StartError(`Expected ${name} to be ${what}, got ${JSON.stringify(got)}`);
}

/** Resolves with the place as a person would write it, once the server listens on a port or path. @throws StartError */
export async function listen(server: NetServer, address: ListenOptions): Promise<string> {
  try {
    await once(server.listen(address), 'listening');
  } catch (error) {
    throw new StartError(`Cannot listen: ${error instanceof Error ? error.message : error}`);
  }
  const place = server.address(); // port 0 has become another
  if (!(place instanceof Object)) return String(place);
  return `http://${isIPv6(place.address) ? `[${place.address}]` : place.address}:${place.port}`;
}

/** Returns what a signal is to do. */
function shutdownOf({ server, queue }: Service, { timeout, delay }: ReturnType<typeof settingsFrom>) {
  /** Each connection, with the answer to its last request. */
  const connections = new Map<Socket, ServerResponse | undefined>();
  let since: number | undefined;
  server.on('connection', (socket) => {
    connections.set(socket, undefined);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', ({ socket }, response) => connections.set(socket, response));

  async function drain(): Promise<void> {
    for (const record of queue.atStake()) console.log(`pending: ${shown(record)}`);
    setTimeout(cutShort, timeout);
    const { finished, unfinished } = await queue.drain({ timeout, delay });
    for (const record of finished) console.log(shown(record));
    if (unfinished.length > 0) process.exitCode = 1; // the runtime has named them
    server.close(() => process.exit()); // once the requests in flight have been answered, or cut off
    // Before Node.js 26, a connection on which nothing has been asked yet is taken for one with a request.
    for (const socket of connections.keys()) if (socket.bytesRead === 0) socket.destroy();
    setTimeout(closeUnasked, PART_MS);
  }

  /** After `close` Node.js sets no limit to a request that does not come in full. */
  function closeUnasked(): void {
    for (const [socket, last] of connections) if (last?.writableFinished !== false) socket.destroy();
  }

  /** Ends what runs and what is in flight. */
  function cutShort(): void {
    void queue.close();
    server.closeAllConnections();
    setTimeout(() => {
      // A thread inside a system call (a task that waits for another program) cannot be ended, and `exit` waits for it.
      for (const record of queue.atStake()) console.error(`lost: ${shown(record)}`);
      process.kill(process.pid, 'SIGKILL');
      process.abort(); // process 1 of a container is deaf to its own SIGKILL
    }, 1000);
  }

  return (signal: NodeJS.Signals): void => {
    if (since === undefined) {
      since = performance.now();
      console.log(`${signal}: draining`);
      void drain();
    } else if (performance.now() - since > 1000) {
      // A terminal, npm and a watcher may each deliver one Ctrl-C: what comes sooner is the same signal.
      process.exitCode = 1;
      cutShort();
    }
  };
}

const shown = ({ id, name, state }: TaskRecord) => `task ${id} (${name}) ${state}`;
