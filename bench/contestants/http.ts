/**
 * An application on `src/http` in this process, and what a request costs it, asked by autocannon in a process of its own
 * (`bench/peers`). `route`: GET / or an enqueueing POST. `blocking`: the main thread also does a blocking send on a full
 * queue every 100 ms, as a server should not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { channel } from '#channel';
import { createHttpServer, queueOf, type Routes, TaskResource, text } from '#http';
import { startRuntime } from '#runtime';
import type { Task } from '#runtime/task';
import { tasks } from './quiet-tasks.js';

export interface HttpSetup {
  readonly route: 'hello' | 'enqueue';
  readonly ms: number;
  readonly blocking?: boolean;
}

export interface HttpResult {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly failed: number;
  /** Microseconds of processor time of this process, its worker thread included, for each request. */
  readonly cpu: number;
}

const STALL_MS = 50;

const routes: Routes<TaskResource> = {
  '/': { GET: () => text(200, 'Hello, world!') },
  '/start_sync_task': { GET: (exchange, resource) => resource.accept(exchange, tasks.nothing()) },
};

const { route, ms, blocking } = JSON.parse(process.argv[2] ?? '{}') as HttpSetup;
const [tx, rx] = channel<Task>(32);
const runtime = await startRuntime(rx, { tasks: new URL('./quiet-tasks.js', import.meta.url), log: false });
const app = createHttpServer(routes, new TaskResource(queueOf(tx, runtime)));
app.listen(0, '127.0.0.1');
await once(app, 'listening');
const address = app.address();
if (typeof address !== 'object' || address === null) throw new Error('Expected a port');
if (blocking === true) setInterval(stall, 100);

const url = `http://127.0.0.1:${address.port}${route === 'hello' ? '/' : '/start_sync_task'}`;
await load(ms / 1000); // the code is compiled meanwhile
const used = process.cpuUsage();
const result = await load(ms / 1000);
const { user, system } = process.cpuUsage(used);
const cpu = (user + system) / (result.perSecond * (ms / 1000));
process.stdout.write(`${JSON.stringify({ ...result, cpu } satisfies HttpResult)}\n`);
process.exit(0);

/** Asks for so many seconds. */
async function load(duration: number): Promise<Omit<HttpResult, 'cpu'>> {
  const program = fileURLToPath(new URL('../../../bench/peers/load.mjs', import.meta.url));
  const options = JSON.stringify({ url, connections: 32, duration });
  const client = spawn(process.execPath, [program, options], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  client.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(client, 'close');
  if (code !== 0) process.exit(1);
  return JSON.parse(output);
}

/** A blocking send into a full queue of its own, with nobody to make room. */
function stall(): void {
  const [full, receiver] = channel<number>(1);
  receiver.share();
  full.trySend(1);
  try {
    full.blockingSend(2, { timeout: STALL_MS });
  } catch {
    // it timed out, as meant
  }
  full.close();
}
