/** Bar charts: one figure of each contestant. */
import { digits } from './statistics.js';
import { type Chart, page, TOP, text, WIDTH } from './svg.js';

export interface Bar {
  readonly label: string;
  readonly value: number;
}

const LABELS = 290;
const ROW = 24;

/** Horizontal bars, the longest for the largest value; this project's own stand out. */
export function bars(file: string, title: string, all: readonly Bar[]): Chart {
  const largest = Math.max(...all.map(({ value }) => value));
  const rows = all.map(({ label, value }, row) => {
    const y = TOP + row * ROW;
    const width = Math.max(1, (value / largest) * (WIDTH - LABELS - 60));
    const kind = label.startsWith('async-tasks') ? 'own' : 'bar';
    return [
      text(LABELS - 8, y + 15, label, 'text-anchor="end"'),
      `<rect class="${kind}" x="${LABELS}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 7}" rx="2"/>`,
      text(LABELS + width + 6, y + 15, digits(value)),
    ].join('\n');
  });
  return { file, svg: page(title, TOP + all.length * ROW + 8, rows) };
}
