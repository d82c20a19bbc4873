/**
 * `npm run bench [-- --quick | --full] [--only ID,…] [--json FILE] [--write] [--against DIR]`
 *
 * Everything against a capacity of 32, each contestant in a fresh process, in rounds that alternate. It takes at most
 * two minutes, and ends with ten lines: how fast, against what, on this machine. `--json` keeps every round; `--write`
 * keeps them in `bench/results`, and writes BENCHMARKS.md from all that is there. `--against` compares with another
 * checkout, built, instead.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { comparison } from './compare.js';
import { publish } from './page/page.js';
import { summaryLines } from './page/summary.js';
import { cell, tableOf } from './page/tables.js';
import { PLANS, type Plan } from './plan.js';
import { chosen } from './questions/index.js';
import { describe, here, leftOut, type Results, readAll, save, toText } from './results.js';
import { askAll } from './rounds.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
    against: { type: 'string' },
  },
});
const { against } = values;
const plan: Plan = values.quick ? PLANS.quick : values.full ? PLANS.full : PLANS.normal;
const questions = against === undefined ? chosen(values.only) : comparison(against);
const results: Results = { ...here(), ...(await askAll(questions, plan)) };

if (values.json !== undefined) writeFileSync(values.json, toText(results));
if (values.write && against === undefined) {
  save(results);
  publish(readAll());
}
const column = { title: `Node.js ${results.node}`, results: [results] };
for (const question of questions) console.log(`\n${question.id}\n\n${tableOf(question, [column], cell)}`);
for (const line of leftOut(results)) console.log(`\n${line}`);
console.log(`\n${describe(results)}`);
if (against === undefined) console.log(summaryLines(column));
