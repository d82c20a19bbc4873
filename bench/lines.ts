/** Line charts: how a figure changes with one thing. */
import { digits } from './statistics.js';
import { type Chart, page, TOP, text, WIDTH } from './svg.js';

export interface Line {
  readonly label: string;
  /** One for each tick. */
  readonly values: readonly number[];
}

const LEFT = 48;
const RIGHT = 150; // for the labels
const HEIGHT = 280;
const BOTTOM = HEIGHT - 32;
const LABEL_GAP = 16;

/** Up to four lines over named ticks, from 0 up, each with its label at its end. */
export function lines(file: string, title: string, ticks: readonly string[], all: readonly Line[]): Chart {
  const largest = Math.max(...all.flatMap(({ values }) => values.filter(Number.isFinite)));
  const x = (tick: number) => LEFT + 16 + (tick / (ticks.length - 1)) * (WIDTH - LEFT - RIGHT - 32);
  const y = (value: number) => BOTTOM - (value / largest) * (BOTTOM - TOP);
  const grid = [0, largest / 2, largest].map((value) =>
    [
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}"/>`,
      text(LEFT - 6, y(value) + 4, value === 0 ? '0' : digits(value), 'text-anchor="end"'),
    ].join('\n'),
  );
  const marks = ticks.map((tick, i) => text(x(i), BOTTOM + 20, tick, 'text-anchor="middle"'));
  const drawn = all.map(({ values }, series) => {
    const points = values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    return `<polyline class="s${series}" points="${points}"/>`;
  });
  const ends = apart(all.map(({ label, values }) => ({ label, y: y(values.at(-1) ?? 0) })));
  const labels = ends.map(({ label, y }) => text(WIDTH - RIGHT + 2, y + 4, label));
  return { file, svg: page(title, HEIGHT, [...grid, ...marks, ...drawn, ...labels]) };
}

/** Moves labels down so that none covers another. */
function apart<L extends { readonly y: number }>(labels: readonly L[]): L[] {
  let above = Number.NEGATIVE_INFINITY;
  return [...labels]
    .sort((a, b) => a.y - b.y)
    .map((label) => {
      above = Math.max(label.y, above + LABEL_GAP);
      return { ...label, y: above };
    });
}
