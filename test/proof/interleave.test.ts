/**
 * The channel, the ring of ends and the table of runs as shipped, under a scheduler that decides before every `Atomics` call
 * which thread goes next. See README.md.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore } from './explore.js';
import { mutants } from './mutants.js';
import { Build } from './realm.js';
import { scenarios } from './scenarios.js';
import { type Scenario, World } from './world.js';

const builds = [false, true].map((looks) => new Build(looks)) as [Build, Build];

for (const scenario of scenarios) {
  test(`the promises hold in many orders: ${scenario.name}`, async (t) => {
    const own = builds[scenario.naps ? 1 : 0];
    for (const [build, preemptions, seconds] of [
      [own, 0, 0.1],
      [own, 1, 0.5],
      [builds[1], 0, 0.1],
    ] as const) {
      const { failure, schedules } = await explore(new World(scenario, build as Build), preemptions, seconds);
      if (failure !== undefined) assert.fail(failure);
      t.diagnostic(`${schedules} schedules with ${preemptions} preemptions`);
    }
  });
}

for (const { name, edits, scenario } of mutants) {
  test(`the scheduler finds ${name}`, async (t) => {
    const chosen = scenarios.find((known) => known.name === scenario) as Scenario;
    const build = new Build(chosen.naps, edits);
    let failure: string | undefined;
    for (let preemptions = 0; failure === undefined && preemptions <= 2; preemptions++)
      ({ failure } = await explore(new World(chosen, build), preemptions, 30));
    assert.ok(failure !== undefined, 'Expected a schedule that fails');
    t.diagnostic(failure.split('\n')[0] ?? '');
  });
}
