/**
 * The server under full load for minutes: `node build/test/http/soak.deep.js 10 2>/dev/null` (some tasks fail, which the
 * log tells). Each accepted task must be counted as ended, once, and the memory of the process, clients included, must
 * stay where it is after the first third.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from '#http';
import { Connection } from '../support/connection.js';
import { Application } from './support/application.js';

const app = await Application.make();
await listen(app.server, { host: '127.0.0.1', port: 0 });
const end = performance.now() + Number(process.argv[2] ?? 1) * 60_000;
const count = { accepted: 0, refused: 0 };

async function ask(): Promise<void> {
  const connection = await Connection.open(app.port);
  while (performance.now() < end) {
    const path = Math.random() < 0.95 ? '/run/give/x' : '/run/fail';
    const { status } = await connection.request('POST', path);
    count[status === 202 ? 'accepted' : 'refused'] += 1;
  }
}

const load = Promise.all(Array.from({ length: 32 }, ask));
const samples: number[] = [];
for (; performance.now() < end; await sleep(1000)) samples.push(process.memoryUsage.rss() / 2 ** 20);
await load;
while (app.open.length > 0) await sleep(10);
const counts = [...app.runtime.stats().ended.values()];
const ended = counts.reduce((sum, each) => sum + each.succeeded + each.failed + each.cancelled, 0);
const third = Math.floor(samples.length / 3);
const median = (part: number[]) => part.sort((a, b) => a - b)[part.length >> 1] ?? 0;
const [middle, late] = [median(samples.slice(third, 2 * third)), median(samples.slice(2 * third))];
const memory = `resident memory ${middle.toFixed(0)} MB, then ${late.toFixed(0)} MB`;
console.log(`${count.accepted} tasks accepted, ${count.refused} refused, ${ended} ended; ${memory}`);
process.exit(ended === count.accepted && late < 1.2 * middle + 10 ? 0 : 1);
