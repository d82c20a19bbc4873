/** What runs found, in `bench/results`: a file for each kind of machine and version of Node.js. */
import { execSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import type { Rounds } from './statistics.js';

const PLACE = new URL('../../bench/results/', import.meta.url);

export interface Results {
  readonly machine: string;
  readonly node: string;
  /** Versions, and the day. */
  readonly also: string;
  /** By question, by case, by figure. */
  readonly figures: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Rounds>>>>>>;
  /** Why a case was left out. By question, by case. */
  readonly missing: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export function here(): Pick<Results, 'machine' | 'node' | 'also'> {
  const versions = [firstLine('rustc --version'), `commit ${firstLine('git rev-parse --short HEAD')}`];
  return {
    machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores`,
    node: process.versions.node,
    also: [`${type()} ${release()}`, ...versions, new Date().toISOString().slice(0, 10)].join(' · '),
  };
}

export function describe({ machine, node, also }: Results): string {
  return `${machine} · Node.js ${node} · ${also}`;
}

export function majorOf({ node }: Results): number {
  return Number.parseInt(node, 10);
}

/** What was left out, a line for each reason. */
export function leftOut({ missing, node }: Results): string[] {
  const all = Object.values(missing).flatMap((cases) => Object.entries(cases));
  return [...new Set(all.map(([, why]) => why))].map((why) => {
    const cases = new Set(all.filter((each) => each[1] === why).map(([name]) => name));
    return `left out, Node.js ${node}: ${[...cases].join('; ')}: ${why}`;
  });
}

export function readAll(): Results[] {
  if (!existsSync(PLACE)) return [];
  const files = readdirSync(PLACE).filter((name) => name.endsWith('.json'));
  return files.sort().map((name) => JSON.parse(readFileSync(new URL(name, PLACE), 'utf8')));
}

/** Replaces what this run has asked, and keeps the rest of the same machine and version. */
export function save(results: Results): void {
  const words = `${results.machine} node${majorOf(results)}`.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  const place = new URL(`${words.join('-')}.json`, PLACE);
  const former: Partial<Results> = existsSync(place) ? JSON.parse(readFileSync(place, 'utf8')) : {};
  const figures = { ...former.figures, ...results.figures };
  mkdirSync(PLACE, { recursive: true });
  writeFileSync(place, toText({ ...results, figures, missing: { ...former.missing, ...results.missing } }));
}

/** A line for each figure, as the formatter has it. */
export function toText(results: Results): string {
  const round = (_: string, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(5)) : value;
  const text = JSON.stringify(results, round, 2);
  return `${text.replaceAll(/\[\s+([\d.,\s]*?)\s+\]/g, (_, list) => `[${list.replaceAll(/\s+/g, ' ')}]`)}\n`;
}

function firstLine(command: string): string {
  try {
    return execSync(command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).replace(
      /( \(.*)?\n/,
      '',
    );
  } catch {
    return `no ${command.split(' ')[0]}`;
  }
}
