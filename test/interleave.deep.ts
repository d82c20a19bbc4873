/**
 * As interleave.test.ts, at length: `node build/test/interleave.deep.js [minutes] [seed]`. Every scenario gets the same
 * time: all schedules with 0, 1, 2, … preemptions, as far as two thirds of it go, then random ones.
 */
import { exploreAll, type Report } from './interleave/explore.js';
import { exploreRandom } from './interleave/random.js';
import { Build } from './interleave/realm.js';
import { tell } from './interleave/replay.js';
import { scenarios } from './interleave/scenarios.js';
import { World } from './interleave/world.js';
import { figure } from './support/figures.js';

const minutes = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const share = (minutes * 60) / scenarios.length;
const builds = [new Build(), new Build([], 1)] as const;
const sum = { schedules: 0, steps: 0, kills: 0, failures: 0 };

/** Adds a run's figures, and puts them in words. */
function add(world: World, report: Report): string {
  sum.schedules += report.schedules;
  sum.steps += report.steps;
  sum.kills += report.kills;
  const figures = `${report.schedules} schedules, ${report.kills} kills`;
  if (report.failure === undefined) return figures;
  const { what, schedule } = report.failure;
  sum.failures += 1;
  console.log(`FAILED: ${what}\n${tell(world, schedule)}\nreplay: '${world.scenario.name}' '${schedule}'`);
  return `${figures}, FAILED`;
}

console.log(`${minutes} minutes, seed ${seed}`);
for (const scenario of scenarios) {
  const until = Date.now() + share * 667;
  const parts: string[] = [];
  for (let preemptions = 0; preemptions < 6 && Date.now() < until; preemptions++) {
    const world = new World(scenario, builds[0]);
    const report = exploreAll(world, { preemptions, seconds: (until - Date.now()) / 1000 });
    parts.push(`${preemptions} preemptions: ${add(world, report)}${report.complete ? ' (all)' : ''}`);
    if (!report.complete) break;
  }
  const world = new World(scenario, builds[1]);
  const random = exploreRandom(world, seed, { seconds: share / 3 });
  parts.push(`random: ${add(world, random)}`);
  console.log(`${scenario.name}: ${parts.join('; ')}`);
}
console.log(
  `${scenarios.length} scenarios, ${sum.schedules} schedules, ${sum.steps} steps, ${sum.kills} kills, ${sum.failures} failures`,
);
figure(`interleavings: ${sum.schedules} schedules explored, ${sum.kills} kills, ${sum.failures} failures`);
process.exitCode = sum.failures > 0 ? 1 : 0;
