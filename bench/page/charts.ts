/** Bar charts of tasks a second, as SVG that reads on light and on dark. */
import { keyOf, type Question } from '../question.js';
import type { Results } from '../results.js';
import { digits, median } from '../statistics.js';
import { pick } from './tables.js';

const TITLES: Readonly<Record<string, string>> = {
  throughput: 'Million tasks per second: two cores, one producer, capacity 32',
  payload: 'Million tasks per second, by what a task captures',
  capacity: 'Million tasks per second, by capacity',
};
const WIDTH = 760;
const LABELS = 290;
const VALUES = 60;
const TOP = 40;
const ROW = 22;
/** Mid tones: enough contrast on white and on near-black. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .bar { fill: #8c959f }
  .own { fill: #2f81f7 }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #6e7681 } }
`;

/** If the question has a chart, and was measured. This project's own bars stand out. */
export function chartOf({ id, rows, settings }: Question, results: Results): string | undefined {
  const title = TITLES[id];
  if (title === undefined || results.figures[id] === undefined) return undefined;
  const rate = (key: string) => median(pick(id, 'perSecond', key, undefined, 1e6)(results) ?? []);
  const groups = settings.map(({ name: setting }) =>
    rows
      .map(({ name }) => ({ name, setting, value: rate(keyOf(name, setting)) }))
      .filter(({ value }) => Number.isFinite(value)),
  );
  const largest = Math.max(...groups.flat().map(({ value }) => value));
  let y = TOP;
  const drawn = groups.flatMap((group) => {
    const bars = group.map(({ name, setting, value }, i) => {
      const width = Math.max(1, (value / largest) * (WIDTH - LABELS - VALUES));
      const own = name.startsWith('async-tasks') ? 'own' : 'bar';
      const top = y + i * ROW;
      return [
        text(8, top + 14, i === 0 ? setting.replace(/.* /, '') : ''),
        text(LABELS - 8, top + 14, name, 'text-anchor="end"'),
        `<rect class="${own}" x="${LABELS}" y="${top + 2}" width="${width.toFixed(1)}" height="${ROW - 5}" rx="2"/>`,
        text(LABELS + width + 6, top + 14, digits(value)),
      ].join('\n');
    });
    y += (group.length + 0.5) * ROW;
    return bars;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="${title}">`,
    `<style>${STYLE}</style>`,
    text(8, 22, title, 'class="title"'),
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function text(x: number, y: number, label: string, attributes = ''): string {
  const plain = label.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${plain}</text>`;
}
