/** Question: what does one enqueue cost the thread that does it? */
import type { Form, Latency, LatencySetup } from './contestants/enqueue.js';
import type { Plan } from './plan.js';
import { own, runOnce } from './processes.js';
import { digits, type Spread, show, spread } from './statistics.js';

const FORMS: readonly Form[] = ['trySend', 'send', 'blockingSend', 'runTask'];
const PERCENTILES = ['p50', 'p99', 'p999', 'max'] as const;

export interface LatencyRow {
  readonly form: Form;
  readonly mode: LatencySetup['mode'];
  /** Nanoseconds, over the rounds. */
  readonly figures: Readonly<Record<(typeof PERCENTILES)[number], Spread>>;
}

/** Measures and prints a table. */
export async function enqueueLatency(plan: Plan): Promise<LatencyRow[]> {
  const rows: LatencyRow[] = [];
  console.log('## One enqueue, in microseconds: median of the rounds, and their range\n');
  console.log('| receiver | form | p50 | p99 | p99.9 | max |\n| --- | --- | --- | --- | --- | --- |');
  for (const mode of ['awake', 'paced', 'full'] as const) {
    for (const form of FORMS) {
      if (mode === 'full' && form === 'trySend') continue; // it does not wait
      const rounds: Latency[] = [];
      for (let round = 0; round < plan.rounds; round++) {
        const latency = await runOnce<Latency>(own('enqueue', 'enqueue'), { form, mode, ms: plan.ms });
        if (latency !== undefined) rounds.push(latency);
      }
      const over = (key: (typeof PERCENTILES)[number]) => spread(rounds.map((latency) => latency[key]));
      const row = {
        form,
        mode,
        figures: { p50: over('p50'), p99: over('p99'), p999: over('p999'), max: over('max') },
      };
      rows.push(row);
      const [p50, ...rest] = PERCENTILES.map((key) => row.figures[key]);
      const cells = rest.map(({ median }) => digits(median / 1000));
      console.log(`| ${mode} | \`${form}\` | ${p50 ? show(p50, 1000) : ''} | ${cells.join(' | ')} |`);
    }
  }
  console.log();
  return rows;
}
