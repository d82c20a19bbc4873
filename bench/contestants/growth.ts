/** What a long run costs: resident memory and speed after 10⁴, 10⁵, … tasks in one process, with a given history. */
import { channel, runTask, startRuntime, type Task } from '#index';
import { tasks } from './tasks.js';

export interface GrowthPoint {
  readonly tasks: number;
  readonly ms: number;
  /** Bytes. */
  readonly rss: number;
}

const { upTo, history } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly upTo: number;
  readonly history: number;
};
const [tx, rx] = channel<Task>(32);
await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url), log: false, history });
const points: GrowthPoint[] = [];
const begin = performance.now();
let sent = 0;
for (let goal = 10_000; goal <= upTo; goal *= 10) {
  for (; sent < goal; sent++) await runTask(tasks.add('foo bar baz'), tx);
  points.push({ tasks: sent, ms: performance.now() - begin, rss: process.memoryUsage.rss() });
}
process.stdout.write(`${JSON.stringify({ points })}\n`);
process.exit(0);
