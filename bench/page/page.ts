/** Puts tables and charts into BENCHMARKS.md: from a marker to the next empty line, from all that is in `bench/results`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { QUESTIONS } from '../questions/index.js';
import { describe, leftOut, type Results } from '../results.js';
import { chartOf } from './charts.js';
import { summaryTable } from './summary.js';
import { ABSENT, type Column, columnsOf, tableOf } from './tables.js';

const ROOT = new URL('../../../', import.meta.url);

export function publish(all: readonly Results[]): void {
  const columns = columnsOf(all);
  const machines = [...all.map(describe), ...all.flatMap(leftOut)];
  const blocks = {
    machines: machines.map((line) => `- ${line}`).join('\n') || ABSENT,
    summary: summaryTable(columns),
    ...Object.fromEntries(QUESTIONS.map((question) => [question.id, tableOf(question, columns)])),
    ...charts(columns),
  };
  const place = new URL('BENCHMARKS.md', ROOT);
  let text = readFileSync(place, 'utf8');
  for (const [id, block] of Object.entries(blocks))
    text = text.replace(new RegExp(`(<!-- ${id} -->\n).*?(?=\n\n)`, 's'), (_, marker) => marker + block);
  writeFileSync(place, text);
}

/** Draws them, from the last result of the newest version. Returns what the page says where each belongs. */
function charts(columns: readonly Column[]): Record<string, string> {
  const newest = columns.flatMap(({ results }) => results).at(-1);
  const blocks = QUESTIONS.map((question) => {
    const svg = newest && chartOf(question, newest);
    if (svg === undefined) return [`chart-${question.id}`, ABSENT];
    const path = `bench/charts/${question.id}.svg`;
    mkdirSync(new URL('bench/charts/', ROOT), { recursive: true });
    writeFileSync(new URL(path, ROOT), svg);
    return [`chart-${question.id}`, `![${question.id}](${path})`];
  });
  return Object.fromEntries(blocks);
}
