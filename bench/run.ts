/**
 * `npm run bench [-- --quick | --full] [--json FILE]`
 *
 * Everything against a capacity of 32, each contestant in a fresh process, the order alternating from round to round.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { enqueueLatency } from './latency.js';
import { PLANS } from './plan.js';
import { throughput } from './throughput.js';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, full: { type: 'boolean' }, json: { type: 'string' } },
});
const plan = values.quick ? PLANS.quick : values.full ? PLANS.full : PLANS.normal;
const machine = `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node.js ${process.versions.node}`;
const date = new Date().toISOString();

console.log(`${machine}, ${date.slice(0, 10)}\n`);
const results = {
  machine,
  date,
  plan,
  throughput: await throughput(plan),
  latency: await enqueueLatency(plan),
};
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
