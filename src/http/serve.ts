/**
 * A server as a process: its log, its signals, its end.
 *
 *   starting ─ listening ─► serving ─ signal ─► draining ─► closing ─► gone
 *
 * Draining: `/readyz` is 503 at once. Tasks are accepted for `DRAIN_DELAY_MS` more, for load balancers that have not
 * looked yet; what is queued then runs. Closing: no more connections, and the requests in flight get their answers. A
 * second signal, or the deadline, cuts both short. What was not run is named.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { printDirectly, printJson, type TaskRecord } from '../runtime/index.js';
import { addressFrom, integerFrom, listen, logIsJson, StartError } from './listen.js';
import type { Queue } from './queue.js';

export interface Service {
  readonly server: Server;
  readonly queue: Queue;
  /** What else listens, and where, for the line that says so. */
  readonly also?: string | undefined;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** A terminal, npm and a watcher may each deliver one Ctrl-C: what comes this soon is the same signal. */
const SAME_SIGNAL_MS = 1000;
/** From the signal to the end, whatever holds it. Below the 30 s after which Kubernetes kills. */
const DRAIN_MS = 25_000;
const MAX_DELAY_MS = 20_000;
/** How long a thread may take to end when it is told to. */
const STUCK_MS = 1000;
const SWEEP_MS = 50;

/**
 * Runs a service until a signal ends the process. `start` makes it; `serve` listens. `HOST`, `PORT`, `LOG_FORMAT` and
 * `DRAIN_DELAY_MS` come from the environment. A signal during the start ends the process: nothing has been accepted yet.
 */
export async function serve(start: () => Promise<Service>): Promise<void> {
  printDirectly();
  let shutdown: Shutdown | undefined;
  const stop = (signal: NodeJS.Signals) =>
    shutdown === undefined ? process.exit() : shutdown.signal(signal);
  for (const name of SIGNALS) process.on(name, stop);
  try {
    if (logIsJson(process.env)) printJson();
    const address = addressFrom(process.env);
    const delay = integerFrom('DRAIN_DELAY_MS', process.env['DRAIN_DELAY_MS'] || '0', MAX_DELAY_MS);
    const service = await start();
    const ending = new Shutdown(service, delay);
    const place = await listen(service.server, address);
    shutdown = ending;
    console.log(`listening on ${place}${service.also === undefined ? '' : `, ${service.also}`}`);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** How a service ends. */
class Shutdown {
  readonly #service: Service;
  readonly #delay: number;
  readonly #connections = new Set<Socket>();
  #since: number | undefined;
  #cut = false;

  constructor(service: Service, delay: number) {
    this.#service = service;
    this.#delay = delay;
    service.server.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#since === undefined) {
      this.#since = performance.now();
      void this.#run(signal);
    } else if (performance.now() - this.#since > SAME_SIGNAL_MS) {
      process.exitCode = 1;
      this.#cutShort();
    }
  }

  async #run(signal: NodeJS.Signals): Promise<void> {
    console.log(`${signal}: draining`);
    setTimeout(() => this.#cutShort(), DRAIN_MS);
    const { queue } = this.#service;
    const { finished, unfinished } = await queue.drain({ timeout: DRAIN_MS, delay: this.#delay });
    for (const record of finished) console.log(this.#describe(record));
    this.#tellLost(unfinished);
    await this.#close();
    process.exit();
  }

  /** Resolves when the requests in flight have been answered, or cut off. */
  async #close(): Promise<void> {
    const { server } = this.#service;
    const closed = once(server, 'close');
    server.close();
    if (this.#cut) server.closeAllConnections();
    // Node takes a connection on which nothing has been asked yet for one with a request.
    for (const socket of this.#connections) if (socket.bytesRead === 0) socket.destroy();
    // A request that came before the signal was not told that its connection would close: it is idle afterwards.
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
    await closed;
    clearInterval(sweep);
  }

  /** Ends what runs and what is in flight. */
  #cutShort(): void {
    if (this.#cut) return;
    this.#cut = true;
    const { server, queue } = this.#service;
    void queue.close();
    server.closeAllConnections();
    setTimeout(() => this.#leave(), STUCK_MS);
  }

  /** A thread inside a system call (a task that waits for another program) cannot be ended, and `exit` waits for it. */
  #leave(): void {
    this.#tellLost(this.#service.queue.atStake());
    process.kill(process.pid, 'SIGKILL');
    process.abort(); // process 1 of a container is deaf to its own SIGKILL
  }

  #tellLost(records: readonly TaskRecord[]): void {
    for (const record of records) console.error(`lost: ${this.#describe(record)}`);
    if (records.length > 0) process.exitCode = 1;
  }

  #describe(record: TaskRecord): string {
    return `task ${record.id} (${this.#service.queue.nameOf(record)}) ${record.state}`;
  }
}
