/**
 * As interleave.test.ts, at length: `node build/test/interleave.deep.js [minutes] [seed]`. All schedules without
 * preemptions of every scenario, then all with one, with two, … of those that were complete with fewer, and random ones of
 * each in the last quarter of the time. The shortest come first in each round: what they leave over is for the others.
 */
import { exploreAll, type Report } from './interleave/explore.js';
import { exploreRandom } from './interleave/random.js';
import { Build } from './interleave/realm.js';
import { tell } from './interleave/replay.js';
import { scenarios } from './interleave/scenarios.js';
import { type Scenario, World } from './interleave/world.js';
import { figure } from './support/figures.js';

const minutes = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
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

/** A scenario that is complete so far, and how long that took. */
interface Turn {
  readonly scenario: Scenario;
  readonly milliseconds: number;
}

/** All schedules with so many preemptions, of one scenario after the other, until then. Returns the complete ones. */
function round(turns: readonly Turn[], preemptions: number, until: number): Turn[] {
  const complete: Turn[] = [];
  for (const [index, { scenario }] of turns.entries()) {
    const begin = Date.now();
    const seconds = Math.max(until - begin, 0) / (turns.length - index) / 1000;
    const world = new World(scenario, builds[0]);
    const report = exploreAll(world, { preemptions, seconds });
    const milliseconds = Date.now() - begin;
    console.log(
      `${preemptions} preemptions, ${scenario.name}: ${add(world, report)}${report.complete ? ' (all)' : ''}, ${milliseconds} ms`,
    );
    if (report.complete) complete.push({ scenario, milliseconds });
  }
  return complete.sort((a, b) => a.milliseconds - b.milliseconds);
}

console.log(`${minutes} minutes, seed ${seed}`);
const begin = Date.now();
const total = minutes * 60_000;
let turns: Turn[] = scenarios.map((scenario) => ({ scenario, milliseconds: 0 }));
const complete: number[] = [];
// The first two rounds may take a quarter of the time each, the others what is left of three quarters.
for (const [preemptions, part] of [0.25, 0.5, 0.75, 0.75, 0.75].entries()) {
  turns = round(turns, preemptions, begin + part * total);
  complete.push(turns.length);
}
for (const [index, scenario] of scenarios.entries()) {
  const world = new World(scenario, builds[1]);
  const seconds = Math.max(begin + total - Date.now(), 0) / (scenarios.length - index) / 1000;
  console.log(`random, ${scenario.name}: ${add(world, exploreRandom(world, seed, { seconds }))}`);
}
console.log(`complete with 0, 1, 2, … preemptions: ${complete.join(', ')} of ${scenarios.length} scenarios`);
console.log(
  `${scenarios.length} scenarios, ${sum.schedules} schedules, ${sum.steps} steps, ${sum.kills} kills, ${sum.failures} failures`,
);
figure(`interleavings: ${sum.schedules} schedules explored, ${sum.kills} kills, ${sum.failures} failures`);
process.exitCode = sum.failures > 0 ? 1 : 0;
