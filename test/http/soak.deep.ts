/**
 * The server under full load for minutes: `node build/test/http/soak.deep.js 10 2>/dev/null` (some tasks fail, which the
 * log tells). Each accepted task must be counted as ended, once, and the memory of the process, clients included, must
 * stay where it is after the first third.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from '#http';
import { Connection } from '../support/connection.js';
import { Application } from './support/application.js';

const CONNECTIONS = 32;
const SAMPLE_MS = 1000;
const MB = 2 ** 20;
/** Most tasks do little; some fail. */
const PATHS = [...new Array<string>(40).fill('/run/give/x'), '/run/fail/error', '/run/fail/text'];

const app = await Application.make();
await listen(app.server, { host: '127.0.0.1', port: 0 });
const end = performance.now() + Number(process.argv[2] ?? 1) * 60_000;
const count = { accepted: 0, refused: 0 };

async function ask(): Promise<void> {
  const connection = await Connection.open(app.port);
  while (performance.now() < end) {
    const path = PATHS[Math.floor(Math.random() * PATHS.length)] ?? '/';
    const { status } = await connection.request('POST', path);
    count[status === 202 ? 'accepted' : 'refused'] += 1;
  }
}

const load = Promise.all(Array.from({ length: CONNECTIONS }, ask));
const samples: number[] = [];
for (; performance.now() < end; await sleep(SAMPLE_MS)) samples.push(process.memoryUsage.rss() / MB);
await load;
while (app.open.length > 0) await sleep(10);
const counts = [...app.runtime.stats().ended.values()];
const ended = counts.reduce((sum, each) => sum + each.succeeded + each.failed + each.cancelled, 0);
const third = Math.floor(samples.length / 3);
const [middle = 0, late = 0] = [samples.slice(third, 2 * third), samples.slice(2 * third)].map(
  (part) => part.toSorted((a, b) => a - b)[part.length >> 1],
);
const memory = `resident memory ${middle.toFixed(0)} MB, then ${late.toFixed(0)} MB`;
console.log(`${count.accepted} tasks accepted, ${count.refused} refused, ${ended} ended; ${memory}`);
process.exit(ended === count.accepted && late < 1.2 * middle + 10 ? 0 : 1);
