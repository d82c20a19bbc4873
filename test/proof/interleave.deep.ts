/**
 * All schedules of every scenario: `node build/test/proof/interleave.deep.js [preemptions] [part of a name] [seconds for each]`.
 * As many processes as there are processors, each with its own share: a scenario is explored by one of them.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { exploreAll } from './explore.js';
import { exploreRandom } from './random.js';
import { buildFor } from './realm.js';
import { tell } from './replay.js';
import { scenarios } from './scenarios.js';
import { type Scenario, World } from './world.js';

const [most = '2', part = '', seconds = '600'] = process.argv.slice(2);

/** Explores one scenario; `false`: a schedule failed, or not all were run. */
function explore(scenario: Scenario): boolean {
  for (let preemptions = 0; preemptions <= Number(most); preemptions++) {
    const world = new World(scenario, buildFor(scenario));
    const begin = process.cpuUsage();
    const report = exploreAll(world, { preemptions, seconds: Number(seconds) });
    const { user } = process.cpuUsage(begin);
    const { schedules, states, kills, complete, failure } = report;
    console.log(
      `${scenario.name}, ${preemptions} preemptions: ${schedules} schedules, ${states} states, ${kills} kills${complete ? ' (all)' : ''}, ${Math.round(user / 1000)} ms`,
    );
    if (failure !== undefined) {
      console.log(`FAILED: ${failure.what}\n${tell(world, failure.schedule)}`);
      console.log(`replay: '${scenario.name}' '${failure.schedule}'`);
    }
    if (!complete) return false;
  }
  const looking = new World(scenario, buildFor({ naps: true }));
  const { failure } = exploreRandom(looking, Date.now() % 1_000_000, { schedules: 1000, seconds: 5 });
  if (failure !== undefined)
    console.log(`FAILED, with looks: ${failure.what}\n${tell(looking, failure.schedule)}`);
  return failure === undefined;
}

if (process.send !== undefined) {
  process.on('message', (name: string) => {
    const scenario = scenarios.find((known) => known.name === name);
    process.send?.(scenario !== undefined && explore(scenario));
  });
} else {
  const queue = scenarios.map(({ name }) => name).filter((name) => name.includes(part));
  const failed: string[] = [];
  const crew = Array.from({ length: Math.min(availableParallelism(), queue.length) }, async () => {
    const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2));
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      child.send(name);
      const [isWell] = await once(child, 'message');
      if (!isWell) failed.push(name);
    }
    child.disconnect();
  });
  await Promise.all(crew);
  console.log(failed.length === 0 ? 'all is well' : `not well, or not complete: ${failed.join('; ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
