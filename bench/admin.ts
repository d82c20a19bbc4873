/** Question: what do ten open admin pages cost at full load? */
import type { AdminResult, AdminSetup } from './contestants/admin.js';
import type { Plan } from './plan.js';
import { own, runOnce } from './processes.js';
import { markdown, type Section } from './report.js';
import { ratio, show, spread } from './statistics.js';

const PAGES = [0, 1, 10];

export async function admin(plan: Plan): Promise<Section> {
  const contestant = own('admin', 'admin');
  const results = new Map<number, number[]>(PAGES.map((pages) => [pages, []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const pages of round % 2 === 0 ? PAGES : PAGES.toReversed()) {
      const setup: AdminSetup = { pages, ms: Math.max(1000, plan.ms * 10) };
      const result = await runOnce<AdminResult>(contestant, { ...setup });
      if (result !== undefined) results.get(pages)?.push(result.perSecond);
    }
  }
  const none = spread(results.get(0) ?? []);
  const rows = [...results].map(([pages, rounds]) => {
    const rate = spread(rounds);
    return [String(pages), show(rate, 1e6), show(ratio(rate, none))];
  });
  const text = markdown(['pages open', 'million tasks/s', '× none'], rows);
  return { id: 'admin', text, data: Object.fromEntries(results), charts: [] };
}
