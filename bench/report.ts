/** What a question answers, and how it gets into BENCHMARKS.md: between markers, so that a run replaces the last one. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Chart } from './svg.js';

const ROOT = new URL('../../', import.meta.url);

export interface Section {
  /** Names the markers. */
  readonly id: string;
  /** Markdown. */
  readonly text: string;
  /** For the JSON file: every round. */
  readonly data: unknown;
  readonly charts: readonly Chart[];
}

/** A table, its columns padded. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(3, cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], filler = ' ') =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width, filler)).join(' | ')} |`;
  return [line(head), line([], '-'), ...rows.map((row) => line(row))].join('\n');
}

/** Replaces each section of BENCHMARKS.md, and its charts. */
export function publish(sections: readonly Section[]): void {
  const page = new URL('BENCHMARKS.md', ROOT);
  let text = readFileSync(page, 'utf8');
  for (const { id, text: section, charts } of sections) {
    const [begin, end] = [`<!-- begin ${id} -->`, `<!-- end ${id} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`Expected ${begin} and ${end} in BENCHMARKS.md`);
    text = `${text.slice(0, from + begin.length)}\n${section}\n${text.slice(to)}`;
    mkdirSync(new URL('bench/charts/', ROOT), { recursive: true });
    for (const chart of charts) writeFileSync(new URL(`bench/charts/${chart.file}.svg`, ROOT), chart.svg);
  }
  writeFileSync(page, text);
}
