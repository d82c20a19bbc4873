/** The whole path at full load while so many admin pages are open, each read by a client in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startAdmin } from '#admin';
import { channel, runTask, startRuntime, type Task } from '#index';
import { tasks } from './quiet-tasks.js';

export interface AdminSetup {
  readonly pages: number;
  readonly ms: number;
}

export interface AdminResult {
  readonly perSecond: number;
  /** Microseconds of processor time of this process, all its threads included, for each task. */
  readonly cpu: number;
}

/** Reads the events of so many pages, and says when all have had one. */
const CLIENT = `
const [, url, pages] = process.argv;
let waiting = Number(pages);
for (let n = waiting; n > 0; n--)
  require('node:http').get(url, (response) => {
    response.once('data', () => --waiting === 0 && console.log('open'));
    response.resume();
  });
`;

const { pages, ms } = JSON.parse(process.argv[2] ?? '{}') as AdminSetup;
const [tx, rx] = channel<Task>(32);
const runtime = await startRuntime(rx, { tasks: new URL('./quiet-tasks.js', import.meta.url), log: false });
const place = (await startAdmin({ tx, runtime }, { ADMIN_PORT: '0' })) ?? '';
const url = `${place.replace('admin page on ', '')}/events`;
if (pages > 0) {
  const client = spawn(process.execPath, ['-e', CLIENT, url, String(pages)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(client.stdout, 'data');
  process.once('exit', () => client.kill());
}

await load(Math.min(300, ms)); // until all is compiled
const used = process.cpuUsage();
const count = await load(ms);
const { user, system } = process.cpuUsage(used);
const result: AdminResult = { perSecond: (count * 1000) / ms, cpu: (user + system) / count };
console.log(JSON.stringify(result));
process.exit();

/** How many tasks are queued in that time. The event loop has its turns, as in a server. */
async function load(duration: number): Promise<number> {
  let count = 0;
  for (const end = performance.now() + duration; performance.now() < end; ) {
    for (let n = 0; n < 1000; n++) await runTask(tasks.nothing(), tx);
    count += 1000;
    await new Promise(setImmediate);
  }
  return count;
}
