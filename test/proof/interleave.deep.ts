/**
 * All schedules of every scenario: `node build/test/proof/interleave.deep.js [preemptions] [part of a name] [seconds for each]`.
 * With looks and naps, which make more of them, without preemptions.
 */
import { explore } from './explore.js';
import { Build } from './realm.js';
import { scenarios } from './scenarios.js';
import { World } from './world.js';

const [most = '2', part = '', seconds = '600'] = process.argv.slice(2);
for (const scenario of scenarios.filter(({ name }) => name.includes(part))) {
  for (let preemptions = -1; preemptions <= Number(most); preemptions++) {
    const looks = preemptions < 0;
    const world = new World(scenario, new Build(looks || scenario.naps));
    const { user } = process.cpuUsage();
    const report = await explore(world, Math.max(0, preemptions), Number(seconds));
    const { schedules, states, complete, failure } = report;
    console.log(
      `${scenario.name}, ${looks ? 'looks' : `${preemptions} preemptions`}: ${schedules} schedules, ${states} states${complete ? ' (all)' : ''}, ${Math.round((process.cpuUsage().user - user) / 1000)} ms`,
    );
    if (failure !== undefined) console.log(`FAILED: ${failure}`);
    if (!complete) process.exitCode = 1;
  }
}
