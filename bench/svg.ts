/** What all charts share: an SVG page that reads on light and on dark. */

/** A chart, drawn. */
export interface Chart {
  /** Name of the file, without its ending. */
  readonly file: string;
  readonly svg: string;
}

export const WIDTH = 760;
/** Below the title. */
export const TOP = 40;

/** Mid tones: enough contrast on white and on near-black. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .bar { fill: #8c959f }
  .own { fill: #2f81f7 }
  .grid { stroke: #8c959f; stroke-opacity: 0.3 }
  polyline { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  .s0 { stroke: #2f81f7 } .s1 { stroke: #8250df } .s2 { stroke: #bf8700 } .s3 { stroke: #8c959f }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #6e7681 } }
`;

export function page(title: string, height: number, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    text(8, 22, title, 'class="title"'),
    ...content,
    '</svg>\n',
  ].join('\n');
}

export function text(x: number, y: number, label: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(label)}</text>`;
}

function escaped(label: string): string {
  return label.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
