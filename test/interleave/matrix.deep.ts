/**
 * Which scenario catches which mutant: `node build/test/interleave/matrix.deep.js [seconds]`, so long at most for each way
 * to look for it (hunt.ts), and longer for those that nothing catches in that time. Fails if a scenario catches none that no
 * other one catches: it would not be needed. Scenarios with two deaths in a run are for what nobody has thought of. Mutants of the ledger are tried on the scenarios with tasks, those of the
 * channel on the others.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { hunt } from './hunt.js';
import { ledgerMutants } from './ledgermutants.js';
import type { Mutant } from './mutant.js';
import { mutants } from './mutants.js';
import { Build } from './realm.js';
import { scenarios } from './scenarios.js';
import { World } from './world.js';

if (isMainThread) await main(Number(process.argv[2] ?? 0.5));
else
  for (const name of workerData.mutants) parentPort?.postMessage([name, catchers(name, workerData.seconds)]);

/** The names of the scenarios that catch this mutant. If none does in that time, all get more of it. */
function catchers(name: string, seconds: number): string[] {
  const mutant = mutants.find((each) => each.name === name) as Mutant;
  const build = new Build(mutant.edits);
  const ofLedger = ledgerMutants.includes(mutant);
  const suited = scenarios.filter(({ tasks }) => (tasks !== undefined) === ofLedger);
  const by = suited.filter((scenario) => hunt(new World(scenario, build), seconds) !== undefined);
  return by.length === 0 && seconds < 10 ? catchers(name, 4 * seconds) : by.map((scenario) => scenario.name);
}

async function main(seconds: number): Promise<void> {
  const caught = new Map<string, string[]>();
  const names = mutants.map(({ name }) => name);
  const crew = Array.from({ length: availableParallelism() }, async (_, n, of = availableParallelism()) => {
    const workerData = { seconds, mutants: names.filter((_, index) => index % of === n) };
    const worker = new Worker(new URL(import.meta.url), { workerData });
    worker.on('message', ([name, by]: [string, string[]]) => caught.set(name, by));
    await once(worker, 'exit');
  });
  await Promise.all(crew);
  for (const { name, kills = 1 } of scenarios) {
    const all = names.filter((mutant) => caught.get(mutant)?.includes(name));
    const alone = all.filter((mutant) => caught.get(mutant)?.length === 1);
    console.log(
      `${name}: ${all.length} mutants, alone:${alone.map((mutant) => `\n  ${mutant}`).join('') || ' none'}`,
    );
    if (alone.length === 0 && kills < 2) process.exitCode = 1;
  }
  for (const name of names)
    if ((caught.get(name)?.length ?? 0) === 0) console.log(`not caught in that time: ${name}`);
}
