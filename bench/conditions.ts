/**
 * Question: what is left of the throughput where most containers live: all threads on one core, or on two cores with
 * other work beside them? The same contestants under both, and what each task costs the processor.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bars } from './bars.js';
import type { Result, Setup } from './contestants/contract.js';
import type { Plan } from './plan.js';
import { CAN_PIN, type Contestant, onOneCore, own, peer, runRounds, rust } from './processes.js';
import { markdown, type Section } from './report.js';
import { digits, ratio, type Spread, show, spread } from './statistics.js';

/** Who takes part, and how many tasks each gets. */
const FIELD: readonly (readonly [Contestant, number])[] = [
  [own('async-tasks: channel alone', 'channel'), 6e5],
  [own('async-tasks: `await runTask`', 'runtask'), 4e5],
  [own('async-tasks: `blockingRunTask`', 'runtask'), 4e5],
  [rust('Rust: crossbeam `bounded(32)`', 'crossbeam'), 6e5],
  [rust('Rust: std `sync_channel(32)`', 'std'), 5e5],
  [rust('Rust: tokio `mpsc(32)`, `blocking_send`', 'tokio'), 3e5],
  [own('`postMessage` with an answer', 'postmessage'), 1.5e5],
  [peer('piscina', 'piscina'), 2e4],
];
const BLOCKING = 'async-tasks: `blockingRunTask`';
const WHOLE = 'async-tasks: `await runTask`';
const BASELINE = '`postMessage` with an answer';

/** Everything on one core. */
export async function oneCore(plan: Plan): Promise<Section> {
  if (!CAN_PIN)
    return { id: 'one-core', text: 'Left out: there is no `taskset` here.', data: {}, charts: [] };
  const field = FIELD.map(([contestant]) => onOneCore(contestant));
  return table('one-core', 'Million tasks per second, all threads on one core', field, plan);
}

/** Two threads of other processes that always compute. */
export async function busy(plan: Plan): Promise<Section> {
  const neighbour = fileURLToPath(new URL('./contestants/neighbour.js', import.meta.url));
  const neighbours = [1, 2].map(() => spawn(process.execPath, [neighbour], { stdio: 'ignore' }));
  try {
    const field = FIELD.map(([contestant]) => contestant);
    return await table('busy', 'Million tasks per second, two busy neighbours', field, plan);
  } finally {
    for (const child of neighbours) child.kill();
  }
}

async function table(id: string, title: string, field: readonly Contestant[], plan: Plan): Promise<Section> {
  const setupOf = ({ name }: Contestant): Setup => ({
    count: Math.round((FIELD.find(([each]) => each.name === name)?.[1] ?? 1e5) * plan.scale),
    producers: 1,
    capacity: 32,
    payload: 'string',
    blocking: name === BLOCKING,
  });
  const costs = new Map<string, number[]>();
  const figure = ({ tasks, ms, cpu }: Result, { name }: Contestant) => {
    if (cpu !== undefined) costs.set(name, [...(costs.get(name) ?? []), (cpu * 1000) / tasks]);
    return (tasks / ms) * 1000;
  };
  const rates = await runRounds<Result>(field, setupOf, figure, plan.rounds);
  const rows = field.map(({ name, missing }) => row(name, missing, rates, costs.get(name)));
  const head = [
    '',
    'million tasks/s',
    `× ${BASELINE}`,
    '`await runTask` is × this',
    'µs processor time/task',
  ];
  const chart = bars(
    id,
    title,
    [...rates].map(([label, { median }]) => ({ label: label.replaceAll('`', ''), value: median / 1e6 })),
  );
  return { id, text: markdown(head, rows), data: Object.fromEntries(rates), charts: [chart] };
}

function row(
  name: string,
  missing: string | undefined,
  rates: ReadonlyMap<string, Spread>,
  costs: readonly number[] | undefined,
): string[] {
  const rate = rates.get(name);
  if (rate === undefined)
    return [name, '–', `left out: ${missing ?? 'it says that it cannot run here'}`, '', ''];
  const [baseline, whole] = [rates.get(BASELINE) ?? rate, rates.get(WHOLE) ?? rate];
  const cost = costs === undefined ? '–' : digits(spread(costs).median);
  return [name, show(rate, 1e6), show(ratio(rate, baseline)), show(ratio(whole, rate)), cost];
}
