/**
 * `npm run bench [-- --quick | --full] [--only ID,…] [--write [--as NAME]] [--json FILE]`
 *
 * Everything against a capacity of 32, each contestant in a fresh process, the order alternating from round to round.
 * `--write` puts the tables and charts into BENCHMARKS.md; with `--as node26`, only the tables, into the places with that
 * name, such as `throughput-node26`. `--json` keeps every round.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { parseArgs } from 'node:util';
import { admin } from './admin.js';
import { busy, oneCore } from './conditions.js';
import { growth } from './growth.js';
import { http } from './http.js';
import { enqueueLatency, startLatency } from './latency.js';
import { PLANS, type Plan } from './plan.js';
import { publish, type Section } from './report.js';
import { accounting, fairness, headline, sides, sweeps } from './throughput.js';

const QUESTIONS: Readonly<Record<string, (plan: Plan) => Promise<Section>>> = {
  throughput: headline,
  'one-core': oneCore,
  busy,
  accounting,
  sides,
  enqueue: enqueueLatency,
  start: startLatency,
  http,
  fairness,
  sweeps,
  growth,
  admin,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string' },
    as: { type: 'string' },
    json: { type: 'string' },
  },
});
const plan = values.quick ? PLANS.quick : values.full ? PLANS.full : PLANS.normal;
const wanted = values.only?.split(',') ?? Object.keys(QUESTIONS);

const machine = describeMachine();
console.log(machine);
const sections: Section[] = [{ id: 'machine', text: machine, data: machine, charts: [] }];
for (const id of wanted) {
  const question = QUESTIONS[id];
  if (question === undefined)
    throw new Error(`Expected one of ${Object.keys(QUESTIONS).join(', ')}, got ${id}`);
  const section = await question(plan);
  sections.push(section);
  console.log(`\n## ${id}\n\n${section.text}`);
}
if (values.write) publish(values.as === undefined ? sections : sections.map(renamed));
if (values.json !== undefined) {
  const data = Object.fromEntries(sections.map(({ id, data }) => [id, data]));
  writeFileSync(values.json, `${JSON.stringify({ plan, ...data }, undefined, 2)}\n`);
}

function renamed(section: Section): Section {
  return { ...section, id: `${section.id}-${values.as}`, charts: [] };
}

function describeMachine(): string {
  const commit = output('git', ['rev-parse', '--short', 'HEAD']);
  const rustc = output('rustc', ['--version'])?.replace(/ \(.*/, '');
  return [
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores`,
    `${type()} ${release()}`,
    `Node.js ${process.versions.node}`,
    ...(rustc === undefined ? [] : [rustc]),
    ...(commit === undefined ? [] : [`commit ${commit}`]),
    new Date().toISOString().slice(0, 10),
    `\`npm run bench${process.argv.slice(2).length > 0 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}\``,
  ].join(' · ');
}

function output(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined; // not there
  }
}
