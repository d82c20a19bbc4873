/** Question: how does cost grow with the number of tasks, and with the history that the ledger keeps? */
import type { GrowthPoint } from './contestants/growth.js';
import type { Plan } from './plan.js';
import { own, runOnce } from './processes.js';
import { markdown, type Section } from './report.js';
import { digits } from './statistics.js';

const MIB = 2 ** 20;

export async function growth(plan: Plan): Promise<Section> {
  const rows: string[][] = [];
  const data: Record<string, readonly GrowthPoint[]> = {};
  for (const history of [256, 1024, 65_536]) {
    const most = history === 1024 ? plan.longest : Math.min(plan.longest, 1e6);
    const result = await runOnce<{ points: GrowthPoint[] }>(own('growth', 'growth'), { upTo: most, history });
    const points = result?.points ?? [];
    data[`history ${history}`] = points;
    points.forEach(({ tasks, ms, rss }, index) => {
      const before = points[index - 1] ?? { tasks: 0, ms: 0 };
      const rate = (tasks - before.tasks) / (ms - before.ms) / 1000;
      rows.push([`${history}`, tasks.toLocaleString('en'), digits(rate), digits(rss / MIB)]);
    });
  }
  const head = ['history', 'tasks run so far', 'million tasks/s since the line before', 'resident MiB'];
  return { id: 'growth', text: markdown(head, rows), data, charts: [] };
}
