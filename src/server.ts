/** The entry point: address, signals, wiring. */
import { once } from 'node:events';
import type { Task, TaskRecord } from './index.js';

process.setSourceMapsEnabled(true); // before the modules are loaded, so that the stacks of their errors show .ts lines
const { createApp, MAX_TASK_BYTES } = await import('./app.js');
const { channel, startRuntime } = await import('./index.js');

process.stdout.on('error', () => {}); // whoever read the log has gone; serving goes on

const host = process.env['HOST'] || '127.0.0.1';
const port = parsePort(process.env['PORT'] || '8000');

const [tx, rx] = channel<Task>(32, { maxBytes: MAX_TASK_BYTES });
const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
const server = createApp({ tx, runtime });

process.on('SIGTERM', stop);
process.on('SIGINT', stop);

server.listen(port, host);
try {
  await once(server, 'listening');
} catch (error) {
  fail(`Cannot listen on ${host}:${port}: ${error instanceof Error ? error.message : error}`);
}
const address = server.address();
if (typeof address === 'object' && address !== null) {
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  console.log(`listening on http://${name}:${address.port}`);
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  return fail(`Expected PORT to be a number from 0 to 65535, got ${JSON.stringify(text)}`);
}

function fail(line: string): never {
  console.error(line);
  process.exit(1);
}

/**
 * First signal: accept no more tasks, run what is queued, say what became of it. Requests are answered meanwhile, so
 * that `/readyz` tells and clients can still ask for their tasks. Second signal: leave at once.
 */
async function stop(signal: NodeJS.Signals): Promise<void> {
  if (runtime.ending) process.exit(1);
  console.log(`${signal}: draining`);
  const { finished, unfinished } = await runtime.drain();
  for (const record of finished) console.log(describe(record));
  for (const record of unfinished) console.error(`lost: ${describe(record)}`);
  server.close();
  server.closeAllConnections();
  process.exitCode = unfinished.length === 0 ? 0 : 1;
}

function describe(record: TaskRecord): string {
  return `task ${record.id} (${runtime.nameOf(record)}) ${record.state}`;
}
