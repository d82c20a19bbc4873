/** Questions: what does enqueueing cost a request, and what does a blocking send on the main thread do to all others? */
import { existsSync } from 'node:fs';
import type { HttpResult, HttpSetup } from './contestants/http.js';
import type { Plan } from './plan.js';
import { type Contestant, own, runOnce } from './processes.js';
import { markdown, type Section } from './report.js';
import { digits, ratio, show, spread } from './statistics.js';

const CASES: readonly (Omit<HttpSetup, 'ms'> & { readonly name: string })[] = [
  { name: '`GET /`', route: 'hello' },
  { name: '`GET /start_sync_task`: enqueues', route: 'enqueue' },
  { name: '`GET /`, with a blocking send of 50 ms each 100 ms', route: 'hello', blocking: true },
];

export async function http(plan: Plan): Promise<Section> {
  if (!existsSync(new URL('../../bench/peers/node_modules/autocannon', import.meta.url))) {
    return { id: 'http', text: 'Left out: run `npm ci --prefix bench/peers`.', data: {}, charts: [] };
  }
  const contestant: Contestant = own('http', 'http');
  const results = new Map<string, HttpResult[]>(CASES.map(({ name }) => [name, []]));
  for (let round = 0; round < plan.fewRounds; round++) {
    for (const { name, ...setup } of round % 2 === 0 ? CASES : [...CASES].reverse()) {
      const result = await runOnce<HttpResult>(contestant, { ...setup, ms: Math.max(1000, plan.ms * 4) });
      if (result !== undefined) results.get(name)?.push(result);
    }
  }
  const rates = new Map(
    [...results].map(([name, each]) => [name, spread(each.map(({ perSecond }) => perSecond))]),
  );
  const hello = rates.get(CASES[0]?.name ?? '');
  const rows = [...results].map(([name, each]) => {
    const rate = rates.get(name) ?? spread([]);
    const latency = (key: 'p50' | 'p99' | 'max') => digits(spread(each.map((result) => result[key])).median);
    const failed = each.reduce((sum, result) => sum + result.failed, 0);
    return [
      name,
      show(rate, 1000),
      show(ratio(rate, hello ?? rate)),
      latency('p50'),
      latency('p99'),
      latency('max'),
      `${failed}`,
    ];
  });
  const head = [
    '32 connections',
    'thousand requests/s',
    '× `GET /`',
    'p50 ms',
    'p99 ms',
    'max ms',
    'not 2xx',
  ];
  return { id: 'http', text: markdown(head, rows), data: Object.fromEntries(results), charts: [] };
}
