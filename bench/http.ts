/** Questions: what does enqueueing cost a request, and what does a blocking send on the main thread do to all others? */
import { existsSync } from 'node:fs';
import type { HttpResult, HttpSetup } from './contestants/http.js';
import type { Plan } from './plan.js';
import { CAN_PIN, type Contestant, onOneCore, own, runOnce } from './processes.js';
import { markdown, type Section } from './report.js';
import { digits, ratio, show, spread } from './statistics.js';

const SERVER: Contestant = own('http', 'http');
const PINNED = CAN_PIN ? [onOneCore(SERVER)] : [];
/** Each against the plain route under the same conditions. */
const CASES: readonly (Omit<HttpSetup, 'ms'> & { readonly name: string; readonly on: Contestant })[] = [
  { name: '`GET /`', route: 'hello', on: SERVER },
  { name: '`GET /start_sync_task`: enqueues', route: 'enqueue', on: SERVER },
  { name: '`GET /`, with a blocking send of 50 ms each 100 ms', route: 'hello', blocking: true, on: SERVER },
  ...PINNED.flatMap((on) => [
    { name: 'one core: `GET /`', route: 'hello' as const, on },
    { name: 'one core: `GET /start_sync_task`', route: 'enqueue' as const, on },
  ]),
];

export async function http(plan: Plan): Promise<Section> {
  if (!existsSync(new URL('../../bench/peers/node_modules/autocannon', import.meta.url))) {
    return { id: 'http', text: 'Left out: run `npm ci --prefix bench/peers`.', data: {}, charts: [] };
  }
  const results = new Map<string, HttpResult[]>(CASES.map(({ name }) => [name, []]));
  for (let round = 0; round < plan.fewRounds; round++) {
    for (const { name, on, ...setup } of round % 2 === 0 ? CASES : [...CASES].reverse()) {
      const result = await runOnce<HttpResult>(on, { ...setup, ms: Math.max(1000, plan.ms * 4) });
      if (result !== undefined) results.get(name)?.push(result);
    }
  }
  const rates = new Map(
    [...results].map(([name, each]) => [name, spread(each.map(({ perSecond }) => perSecond))]),
  );
  const rows = CASES.map(({ name, on }) => {
    const each = results.get(name) ?? [];
    const rate = rates.get(name) ?? spread([]);
    const hello = rates.get(CASES.find((other) => other.on === on)?.name ?? '');
    const figure = (key: 'p50' | 'p99' | 'max' | 'cpu') =>
      digits(spread(each.map((result) => result[key])).median);
    const failed = each.reduce((sum, result) => sum + result.failed, 0);
    return [
      name,
      show(rate, 1000),
      show(ratio(rate, hello ?? rate)),
      figure('p50'),
      figure('p99'),
      figure('max'),
      `${failed}`,
      figure('cpu'),
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
    'µs processor time/request',
  ];
  return { id: 'http', text: markdown(head, rows), data: Object.fromEntries(results), charts: [] };
}
