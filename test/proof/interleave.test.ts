/**
 * The channel, the ring of ends and the table of runs as shipped, under a scheduler that decides before every `Atomics` call
 * which thread goes next. See README.md. `SEED=n` chooses other random schedules.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exploreAll, type Report } from './explore.js';
import { instrumentedCalls, shippedCalls } from './faithful.js';
import { hunt } from './hunt.js';
import { Thread } from './loop.js';
import { mutants } from './mutants.js';
import { exploreRandom } from './random.js';
import { Build, buildFor } from './realm.js';
import { tell } from './replay.js';
import { scenarios } from './scenarios.js';
import { type Scenario, World } from './world.js';

const SEED = Number(process.env['SEED'] ?? 1);

function expectNoFailure(world: World, report: Report): void {
  if (report.failure === undefined) return;
  const { what, schedule } = report.failure;
  assert.fail(`${what}\n${tell(world, schedule)}\nreplay: '${world.scenario.name}' '${schedule}'`);
}

test('the instrumented modules make the same Atomics calls as the shipped ones', async () => {
  const shipped = await shippedCalls();
  assert.ok(shipped.length > 500);
  const instrumented = instrumentedCalls();
  const other = shipped.findIndex((call, n) => call !== instrumented[n]);
  assert.equal(instrumented[other], shipped[other], `call ${other}`);
  assert.equal(instrumented.length, shipped.length);
});

const looking = new Build([], 'some');

for (const scenario of scenarios) {
  test(`the promises hold in many orders: ${scenario.name}`, (t) => {
    const world = new World(scenario, buildFor(scenario));
    const none = exploreAll(world, { preemptions: 0, seconds: 0.1 });
    expectNoFailure(world, none);
    const one = exploreAll(world, { preemptions: 1, seconds: 0.2 });
    expectNoFailure(world, one);
    const looks = new World(scenario, looking);
    const random = exploreRandom(looks, SEED, { schedules: 100, seconds: 0.1 });
    expectNoFailure(looks, random);
    t.diagnostic(`${none.schedules}, ${one.schedules} and ${random.schedules} schedules`);
  });
}

/** All that there is to know at the end of a run; not by its hash. */
function endOf({ machine: { words, threads }, witness, audit }: World): string {
  const told = (_: string, value: unknown): unknown => {
    if (value instanceof Thread) return value.name;
    if (value instanceof Map || Array.isArray(value))
      return [...value].map((part) => JSON.stringify(part, told)).sort();
    return value;
  };
  const pasts = threads.map(({ past: { at } }) => `${at.hash1} ${at.hash2}`);
  return [words, pasts, JSON.stringify([witness.state, audit.state], told)].join();
}

// Runs end where they come to a known state. No outcome may be lost by that.
for (const [name, preemptions] of [
  ['late wake-ups', 1],
  ['a sender for another thread', 0],
  ['the receiver discards what is left while senders write', 0],
  ['the worker is killed while it reports', 0],
  ['tasks, and their worker is killed anywhere', 0],
] as const) {
  test(`what follows a known state has been run: ${name}`, () => {
    const scenario = scenarios.find((known) => known.name === name) as Scenario;
    const [all, some] = [true, false].map((forgetful) => {
      const ends = new Set<string>();
      const world = new World(scenario, buildFor(scenario));
      const atEnd = (): unknown => ends.add(endOf(world));
      const { complete } = exploreAll(world, { preemptions, forgetful, atEnd });
      assert.ok(complete);
      return ends;
    });
    assert.ok((all?.size ?? 0) > 1);
    assert.deepEqual(some, all);
  });
}

for (const { name, edits, scenario } of mutants.filter(({ deep }) => !deep)) {
  test(`the scheduler finds ${name}`, (t) => {
    const chosen = scenarios.find((known) => known.name === scenario) as Scenario;
    const failure = hunt(new World(chosen, buildFor(chosen, edits)), 30);
    assert.ok(failure !== undefined, 'Expected a schedule that fails');
    t.diagnostic(`${failure.schedule}: ${failure.what}`);
  });
}
