/** Question: how many tasks per second reach the other side of the queue and are run there? */
import { bars } from './bars.js';
import type { Payload, Result, Setup, Shares } from './contestants/contract.js';
import type { TurnsResult } from './contestants/turns.js';
import { lines } from './lines.js';
import type { Plan } from './plan.js';
import { type Contestant, onOneCore, own, peer, runOnce, runRounds, rust } from './processes.js';
import { markdown, type Section } from './report.js';
import { digits, ratio, type Spread, show, spread } from './statistics.js';
import type { Chart } from './svg.js';

/** Who takes part, and how many tasks each gets, so that a process runs for about half a second. */
const FIELD: readonly (readonly [Contestant, number])[] = [
  [own('bare ring of integers (the limit)', 'ring'), 4e6],
  [own('async-tasks: channel alone', 'channel'), 1.5e6],
  [own('async-tasks: `await runTask`', 'runtask'), 1e6],
  [own('async-tasks: `blockingRunTask`', 'runtask'), 1e6],
  [rust('Rust: crossbeam `bounded(32)`', 'crossbeam'), 6e5],
  [rust('Rust: std `sync_channel(32)`', 'std'), 5e5],
  [rust('Rust: tokio `mpsc(32)`, `blocking_send`', 'tokio'), 3e5],
  [rust('Rust: the template as written', 'template'), 6e4],
  [peer('fastq (same thread)', 'fastq'), 1e6],
  [own('`postMessage` with an answer', 'postmessage'), 1.5e5],
  [peer('p-queue (same thread)', 'p-queue'), 1e5],
  [peer('multithreading', 'multithreading'), 3e4],
  [peer('poolifier', 'poolifier'), 3e4],
  [peer('piscina', 'piscina'), 3e4],
  [peer('tinypool', 'tinypool'), 3e4],
  [peer('workerpool', 'workerpool'), 1e4],
];
const BLOCKING = 'async-tasks: `blockingRunTask`';
const RING = 'bare ring of integers (the limit)';
/** What the others are measured against. */
const BASELINE = '`postMessage` with an answer';

const perSecond = ({ tasks, ms }: Result) => (tasks / ms) * 1000;

/** One producer, capacity 32, a short string: everybody. */
export async function headline(plan: Plan): Promise<Section> {
  const setupOf = ({ name }: Contestant): Setup => ({
    count: Math.round((FIELD.find(([each]) => each.name === name)?.[1] ?? 1e5) * plan.scale),
    producers: 1,
    capacity: 32,
    payload: name === RING ? 'number' : 'string',
    blocking: name === BLOCKING,
  });
  const contestants = FIELD.map(([contestant]) => contestant);
  const rates = await runRounds<Result>(contestants, setupOf, perSecond, plan.rounds);
  const baseline = rates.get(BASELINE);
  const rows = contestants.map(({ name, missing }) => {
    const rate = rates.get(name);
    if (rate === undefined)
      return [name, '–', `left out: ${missing ?? 'it says that it cannot run here'}`, ''];
    const own = rates.get('async-tasks: `await runTask`') ?? rate;
    return [name, show(rate, 1e6), show(ratio(rate, baseline ?? rate)), show(ratio(own, rate))];
  });
  const head = ['', 'million tasks/s', `× ${BASELINE}`, '`await runTask` is × this'];
  const title = 'Million tasks per second: 1 producer, capacity 32, a short string';
  const chart = bars(
    'throughput',
    title,
    [...rates].map(([label, { median }]) => ({ label: label.replaceAll('`', ''), value: median / 1e6 })),
  );
  return {
    id: 'throughput',
    text: markdown(head, rows),
    data: Object.fromEntries(rates),
    charts: [chart],
  };
}

/** The whole path against the same tasks without ids, ledger and times. */
export async function accounting(plan: Plan): Promise<Section> {
  const contestants = [
    own('channel and a bare loop', 'bare'),
    own('`blockingRunTask`: the whole path', 'runtask'),
  ];
  const count = Math.round(1e6 * plan.scale);
  const setup: Setup = { count, producers: 1, capacity: 32, payload: 'string', blocking: true };
  const rates = await runRounds<Result>(contestants, () => setup, perSecond, plan.rounds);
  const [bare] = [...rates.values()];
  const rows = [...rates].map(([name, rate]) => [name, show(rate, 1e6), show(ratio(rate, bare ?? rate))]);
  const text = markdown(['', 'million tasks/s', '× the bare loop'], rows);
  return { id: 'accounting', text, data: Object.fromEntries(rates), charts: [] };
}

/** The same two, each side alone. */
export async function sides(plan: Plan): Promise<Section> {
  const turns = Math.round(4e4 * Math.min(plan.scale, 1));
  const all = [false, true].flatMap((parks) =>
    ['channel and a bare loop', 'the whole path'].map((name) => {
      const contestant = parks ? onOneCore(own(`one core: ${name}`, 'turns')) : own(name, 'turns');
      const setup = { accounted: name === 'the whole path', parks, turns };
      return { contestant, setup, results: [] as TurnsResult[] };
    }),
  );
  const ways = all.filter(({ contestant }) => contestant.missing === undefined);
  for (let round = 0; round < plan.rounds; round++) {
    for (const { contestant, setup, results } of round % 2 === 0 ? ways : ways.toReversed()) {
      const result = await runOnce<TurnsResult>(contestant, setup);
      if (result !== undefined) results.push(result);
    }
  }
  const rows: string[][] = [];
  const data: Record<string, Spread> = {};
  for (const { contestant, results } of ways) {
    const { name } = contestant;
    const enqueue = spread(results.map((result) => result.enqueue));
    const consume = spread(results.map((result) => result.consume));
    Object.assign(data, { [`${name}: enqueue`]: enqueue, [`${name}: consume`]: consume });
    rows.push([name, show(enqueue), show(consume)]);
  }
  const text = markdown(['ns for each task', 'enqueue', 'take and run'], rows);
  return { id: 'sides', text, data, charts: [] };
}

/** One thing changed at a time. */
const SWEEPS: readonly {
  readonly file: string;
  readonly title: string;
  readonly changes: readonly (readonly [label: string, Partial<Setup>])[];
}[] = [
  {
    file: 'producers',
    title: 'producers',
    changes: [1, 2, 4, 8].map((producers) => [`${producers}`, { producers }]),
  },
  {
    file: 'capacity',
    title: 'capacity',
    changes: [1, 4, 32, 256, 4096].map((capacity) => [`${capacity}`, { capacity }]),
  },
  {
    file: 'payload',
    title: 'what a task captures',
    changes: (['number', 'string', 'object', '1KiB', '32KiB'] as Payload[]).map((payload) => [
      payload,
      { payload },
    ]),
  },
];

/** Away from one producer, capacity 32, a short string: one thing changed at a time. */
export async function sweeps(plan: Plan): Promise<Section> {
  const contestants = [
    own('channel', 'channel'),
    own('blockingRunTask', 'runtask'),
    rust('crossbeam', 'crossbeam'),
    rust('tokio', 'tokio'),
  ];
  const rows: string[][] = [];
  const data: Record<string, Record<string, Spread>> = {};
  const charts: Chart[] = [];
  for (const { file, title, changes } of SWEEPS) {
    const series = contestants.map(({ name }) => ({ label: name, values: [] as number[] }));
    for (const [label, change] of changes) {
      const rates = await measure(contestants, change, plan);
      data[`${title}: ${label}`] = Object.fromEntries(rates);
      for (const { label, values } of series) values.push((rates.get(label)?.median ?? Number.NaN) / 1e6);
      rows.push([`${title}: ${label}`, ...series.map(({ values }) => digits(values.at(-1) ?? Number.NaN))]);
    }
    const present = series.filter(({ values }) => values.every(Number.isFinite));
    const labels = changes.map(([label]) => label);
    charts.push(lines(file, `Million tasks per second, by ${title}`, labels, present));
  }
  const head = ['million tasks/s', ...contestants.map(({ name }) => name)];
  return { id: 'sweeps', text: markdown(head, rows), data, charts };
}

function measure(
  contestants: readonly Contestant[],
  change: Partial<Setup>,
  plan: Plan,
): Promise<Map<string, Spread>> {
  const setup = { producers: 1, capacity: 32, payload: 'string' as Payload, blocking: true, ...change };
  const slow = setup.payload === '32KiB' ? 0.05 : setup.capacity === 1 ? 0.1 : 1;
  const count = Math.round((4e5 * slow * Math.min(plan.scale, 1)) / setup.producers);
  return runRounds<Result>(contestants, () => ({ ...setup, count }), perSecond, plan.fewRounds);
}

/** How much of four blocked producers is taken in a second: least served to most served. */
export async function fairness(plan: Plan): Promise<Section> {
  const least = ({ shares }: Shares) => Math.min(...shares) / Math.max(...shares);
  const contestants = [
    own('async-tasks', 'fairness'),
    rust('crossbeam', 'crossbeam', 'fair'),
    rust('tokio', 'tokio', 'fair'),
    rust('std', 'std', 'fair'),
  ];
  const setup: Setup = { count: 0, producers: 4, capacity: 32, payload: 'number' };
  const shares = await runRounds<Shares>(contestants, () => setup, least, plan.rounds);
  const rows = contestants.map(({ name }) => {
    const share = shares.get(name);
    return [name, share === undefined ? '–' : show(share)];
  });
  const head = ['4 producers', 'least served / most served'];
  return { id: 'fairness', text: markdown(head, rows), data: Object.fromEntries(shares), charts: [] };
}
