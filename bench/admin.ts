/** Question: what do ten open admin pages cost at full load? */
import type { AdminResult, AdminSetup } from './contestants/admin.js';
import type { Plan } from './plan.js';
import { own, runOnce } from './processes.js';
import { markdown, type Section } from './report.js';
import { ratio, show, spread } from './statistics.js';

const PAGES = [0, 1, 10];

export async function admin(plan: Plan): Promise<Section> {
  const contestant = own('admin', 'admin');
  const results = new Map<number, AdminResult[]>(PAGES.map((pages) => [pages, []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const pages of round % 2 === 0 ? PAGES : PAGES.toReversed()) {
      const setup: AdminSetup = { pages, ms: Math.max(1000, plan.ms * 10) };
      const result = await runOnce<AdminResult>(contestant, { ...setup });
      if (result !== undefined) results.get(pages)?.push(result);
    }
  }
  const figure = (pages: number, key: keyof AdminResult) =>
    spread((results.get(pages) ?? []).map((result) => result[key]));
  const rows = PAGES.map((pages) => [
    String(pages),
    show(figure(pages, 'perSecond'), 1e6),
    show(ratio(figure(pages, 'perSecond'), figure(0, 'perSecond'))),
    show(figure(pages, 'cpu')),
    show(ratio(figure(pages, 'cpu'), figure(0, 'cpu'))),
  ]);
  const head = ['pages open', 'million tasks/s', '× none', 'µs processor time/task', '× none'];
  const text = markdown(head, rows);
  return { id: 'admin', text, data: Object.fromEntries(results), charts: [] };
}
