/**
 * The soak's server process: an application wired as in `src/server.ts`, with books of what it has accepted, and a
 * sample of itself now and then. Whoever forked it is told by messages.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  createHttpServer,
  maxTaskBytes,
  queueOf,
  type Routes,
  readText,
  TaskResource,
  taskRoutes,
} from '#http';
import { channel, type Runtime, type Sender, startRuntime, type Task } from '#index';
import { sharedWords } from '../fixtures/gates.js';
import { Count, tasks } from './tasks.js';
import type { Sample } from './verdict.js';

/** What has become of all tasks, once the queue is drained. */
export interface Books {
  readonly accepted: number;
  /** Of them, cancelled before they were started: these never ran. */
  readonly dropped: number;
  readonly begun: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Still queued or running, or given up by the drain: must be none. */
  readonly open: number;
}

export type ServerMessage =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'sample'; readonly sample: Sample }
  | { readonly type: 'drained'; readonly books: Books };

const routes: Routes<TaskResource> = {
  '/sync': { POST: (exchange, resource) => resource.accept(exchange, tasks.sync('foo')) },
  '/async': { POST: (exchange, resource) => resource.accept(exchange, tasks.async('bar')) },
  '/text': {
    POST: async (exchange, resource) => resource.accept(exchange, tasks.text(await readText(exchange))),
    maxBody: 65_536,
  },
  ...taskRoutes,
};

const sampleMs = Number(process.argv[2] ?? 5000);
const words = sharedWords();
let workers = 0;
process.on('worker', () => {
  workers += 1;
});
process.once('disconnect', () => process.exit(1)); // whoever forked it has gone

const [tx, rx] = channel<Task>(32, { maxBytes: maxTaskBytes(routes) });
const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
const accepted = countAccepted(tx);
const dropped = countDropped(runtime);
const server = createHttpServer(routes, new TaskResource(queueOf(tx, runtime)));
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
const sampling = setInterval(() => server.getConnections((_error, sockets) => sample(sockets)), sampleMs);
process.once('message', () => void drain());
tell({ type: 'listening', port: (server.address() as AddressInfo).port });

function tell(message: ServerMessage): void {
  process.send?.(message);
}

function sample(sockets: number): void {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const [p50, p99, max] = [delay.percentile(50), delay.percentile(99), delay.max].map((ns) => ns / 1e6);
  delay.reset();
  const handles = process.getActiveResourcesInfo().length;
  const memory = { rss, heap: heapUsed + external + arrayBuffers };
  const loop = { p50: p50 ?? 0, p99: p99 ?? 0, max: max ?? 0 };
  tell({ type: 'sample', sample: { ...memory, handles, sockets, loop, restarts: workers - 1 } });
}

/** Counts where the application puts tasks into the queue, whether or not its client lives to hear of it. */
function countAccepted(sender: Sender<Task>): () => number {
  let count = 0;
  const { send, trySend } = sender;
  sender.trySend = (task, claimant) => {
    const sent = trySend.call(sender, task, claimant);
    if (sent) count += 1;
    return sent;
  };
  sender.send = async (task, options, claimant) => {
    await send.call(sender, task, options, claimant);
    count += 1;
  };
  return () => count;
}

function countDropped({ ledger }: Runtime): () => number {
  let count = 0;
  const { cancel } = ledger;
  ledger.cancel = (id) => {
    const state = cancel.call(ledger, id);
    if (state === 'queued') count += 1;
    return state;
  };
  return () => count;
}

async function drain(): Promise<void> {
  clearInterval(sampling);
  const { unfinished } = await runtime.drain();
  server.close();
  server.closeAllConnections();
  const [begun = 0, succeeded = 0, failed = 0, cancelled = 0] = [
    Count.BEGUN,
    Count.SUCCEEDED,
    Count.FAILED,
    Count.CANCELLED,
  ].map((word) => Atomics.load(words, word));
  const ran = { begun, succeeded, failed, cancelled: cancelled + dropped() };
  const open = unfinished.length + runtime.ledger.open().length;
  tell({ type: 'drained', books: { accepted: accepted(), dropped: dropped(), ...ran, open } });
}
