/** Bar charts as SVG, readable on light and dark pages. */

export interface Chart {
  /** Name of the file, without its ending. */
  readonly file: string;
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly label: string;
  readonly value: number;
}

const WIDTH = 760;
const LABELS = 290;
const ROW = 24;
const TOP = 40;
/** Mid tones: enough contrast on white and on near-black. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .bar { fill: #8c959f }
  .own { fill: #2f81f7 }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #6e7681 } }
`;

/** Draws horizontal bars, longest scale to the largest value; this project's own stand out. */
export function draw({ title, bars }: Chart): string {
  const largest = Math.max(...bars.map(({ value }) => value));
  const height = TOP + bars.length * ROW + 8;
  const rows = bars.map(({ label, value }, row) => {
    const y = TOP + row * ROW;
    const width = Math.max(1, (value / largest) * (WIDTH - LABELS - 60));
    const kind = label.startsWith('async-tasks') ? 'own' : 'bar';
    const number = value >= 1 ? value.toFixed(2) : value.toPrecision(2);
    return [
      `<text x="${LABELS - 8}" y="${y + 15}" text-anchor="end">${escaped(label)}</text>`,
      `<rect class="${kind}" x="${LABELS}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 7}" rx="2"/>`,
      `<text x="${(LABELS + width + 6).toFixed(1)}" y="${y + 15}">${number}</text>`,
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="8" y="22">${escaped(title)}</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
