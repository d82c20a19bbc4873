/** Question: how many tasks per second reach the worker thread and are run there? */
import type { Result, Setup } from './contestants/contract.js';
import type { Plan } from './plan.js';
import { type Contestant, own, runRounds } from './processes.js';
import { ratio, type Spread, show } from './statistics.js';

/** Tasks per process, so that each takes about a second. */
const COUNTS: Readonly<Record<string, number>> = { ring: 5e6, channel: 2e6, runTask: 2e6, postMessage: 3e5 };
const BASELINE = 'postMessage';

const CONTESTANTS: readonly Contestant[] = [
  own('ring', 'ring'),
  own('channel', 'channel'),
  own('runTask', 'runtask'),
  own('postMessage', 'postmessage'),
];

export interface ThroughputRow {
  readonly name: string;
  /** Tasks per second. */
  readonly rate: Spread;
  /** Times the baseline, round by round. */
  readonly ratio: Spread;
}

/** Measures one producer, capacity 32, a short string, and prints a table. */
export async function throughput(plan: Plan): Promise<ThroughputRow[]> {
  const setupOf = ({ name }: Contestant): Setup => ({
    count: Math.round((COUNTS[name] ?? 1e6) * plan.scale),
    producers: 1,
    capacity: 32,
    payload: name === 'ring' ? 'number' : 'string',
  });
  const perSecond = ({ tasks, ms }: Result) => (tasks / ms) * 1000;
  const rates = await runRounds<Result>(CONTESTANTS, setupOf, perSecond, plan.rounds);
  console.log('## Throughput: one producer, capacity 32, a short string captured\n');
  console.log(`| | million tasks/s | × ${BASELINE} |\n| --- | --- | --- |`);
  const baseline = rates.get(BASELINE);
  const rows: ThroughputRow[] = [];
  for (const [name, rate] of rates) {
    const row = { name, rate, ratio: ratio(rate, baseline ?? rate) };
    rows.push(row);
    console.log(`| ${name} | ${show(rate, 1e6)} | ${show(row.ratio)} |`);
  }
  console.log();
  return rows;
}
