/** Questions: what does one enqueue cost the thread that does it, and how soon does the task start and end? */
import { type Bar, bars } from './bars.js';
import type { Form, Latency, LatencySetup } from './contestants/enqueue.js';
import type { StartResult, StartSetup } from './contestants/start.js';
import type { WakeSetup } from './contestants/wake.js';
import type { Plan } from './plan.js';
import { type Contestant, own, runOnce, rust } from './processes.js';
import { markdown, type Section } from './report.js';
import { digits, type Spread, show, spread } from './statistics.js';

const FORMS: readonly Form[] = ['trySend', 'send', 'blockingSend', 'runTask'];
const PERCENTILES = ['p50', 'p99', 'p999', 'max'] as const;
const HEAD = ['p50', 'p99', 'p99.9', 'max'];

type Figures = Readonly<Record<(typeof PERCENTILES)[number], Spread>>;

/** Microseconds: the median with its range, the rest as medians over the rounds. */
function cells(figures: Figures): string[] {
  return [
    show(figures.p50, 1000),
    ...[figures.p99, figures.p999, figures.max].map(({ median }) => digits(median / 1000)),
  ];
}

function over(rounds: readonly Latency[]): Figures {
  const figure = (key: (typeof PERCENTILES)[number]) => spread(rounds.map((latency) => latency[key]));
  return { p50: figure('p50'), p99: figure('p99'), p999: figure('p999'), max: figure('max') };
}

async function measure(contestant: Contestant, setup: object, plan: Plan): Promise<Figures | undefined> {
  if (contestant.missing !== undefined) return undefined;
  const rounds: Latency[] = [];
  for (let round = 0; round < plan.fewRounds; round++) {
    const latency = await runOnce<Latency>(contestant, setup);
    if (latency !== undefined) rounds.push(latency);
  }
  return over(rounds);
}

function medians(mode: string, data: Readonly<Record<string, Figures>>): Bar[] {
  return Object.entries(data)
    .filter(([name]) => name.startsWith(`${mode} `) && !name.includes('nothing'))
    .map(([name, { p50 }]) => {
      const label = name.slice(mode.length + 1).replaceAll('`', '');
      return { label: label.startsWith('Rust') ? label : `async-tasks: ${label}`, value: p50.median / 1000 };
    });
}

/** One enqueue, by form and by what the receiver does. */
export async function enqueueLatency(plan: Plan): Promise<Section> {
  const rows: string[][] = [];
  const data: Record<string, Figures> = {};
  const add = (mode: string, name: string, figures: Figures | undefined) => {
    if (figures === undefined) return;
    data[`${mode} ${name}`] = figures;
    rows.push([mode, name, ...cells(figures)]);
  };
  for (const mode of ['awake', 'paced', 'full'] as const) {
    if (mode === 'paced') {
      const setup: LatencySetup = { form: 'nothing', mode, ms: plan.ms };
      add(mode, 'nothing: the pacing alone', await measure(own('enqueue', 'enqueue'), setup, plan));
    }
    for (const form of FORMS) {
      if (mode === 'full' && form === 'trySend') continue; // it does not wait
      const setup: LatencySetup = { form, mode, ms: plan.ms };
      add(mode, `\`${form}\``, await measure(own('enqueue', 'enqueue'), setup, plan));
    }
    const setup = {
      count: mode === 'paced' ? 25_000 : 200_000,
      producers: 1,
      capacity: 32,
      payload: 'string',
    };
    if (mode === 'full') continue;
    for (const rival of ['tokio', 'crossbeam']) {
      const contestant = rust(rival, rival, mode === 'awake' ? 'hot' : 'paced');
      add(mode, `Rust: ${rival}`, await measure(contestant, setup, plan));
    }
  }
  const charts = (
    [
      ['awake', 'Microseconds for one enqueue, median: the receiver is awake'],
      ['paced', 'Microseconds for one enqueue, median: an arrival every 20 µs'],
    ] as const
  ).map(([mode, title]) => bars(`enqueue-${mode}`, title, medians(mode, data)));
  return { id: 'enqueue', text: markdown(['receiver', 'µs', ...HEAD], rows), data, charts };
}

const LOADS: readonly (readonly [StartSetup['load'], string])[] = [
  ['idle', 'idle, one each ms'],
  ['flow', 'a flow, one each 50 µs'],
  ['busy', 'busy, 8 in flight'],
];

/**
 * From the enqueue to the start of the task, and to `finished()`; and what two bare threads need for a word and back, and
 * to wake up.
 */
export async function startLatency(plan: Plan): Promise<Section> {
  const rows: string[][] = [];
  const data: Record<string, Figures> = {};
  const bare = await measure(own('roundtrip', 'roundtrip'), { ms: plan.ms }, plan);
  if (bare !== undefined) {
    data['bare round trip'] = bare;
    rows.push(['none: two threads that spin (the limit)', 'a word there and back', ...cells(bare)]);
  }
  for (const form of ['wait', 'waitAsync'] as const) {
    const setup: WakeSetup = { form, ms: plan.ms };
    const figures = await measure(own('wake', 'wake'), setup, plan);
    if (figures === undefined) continue;
    data[`wake-up from ${form}`] = figures;
    rows.push([`none: a thread in \`Atomics.${form}\`, one each ms`, 'a notify to awake', ...cells(figures)]);
  }
  for (const [load, state] of LOADS) {
    const rounds: StartResult[] = [];
    for (let round = 0; round < plan.fewRounds; round++) {
      const result = await runOnce<StartResult>(own('start', 'start'), { load, ms: plan.ms });
      if (result !== undefined) rounds.push(result);
    }
    for (const key of ['start', 'roundTrip'] as const) {
      if (load === 'flow' && key === 'roundTrip') continue; // nobody awaits it
      const figures = over(rounds.map((result) => result[key]));
      data[`${state}: ${key}`] = figures;
      rows.push([state, key === 'start' ? 'enqueue to start' : 'enqueue to `finished()`', ...cells(figures)]);
    }
  }
  return { id: 'start', text: markdown(['runtime', 'µs', ...HEAD], rows), data, charts: [] };
}
