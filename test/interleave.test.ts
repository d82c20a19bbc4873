/**
 * The channel and the ledger as shipped, under a scheduler that decides before every `Atomics` call which thread goes next. See
 * README.md. `SEED=n` chooses other random schedules.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { exploreAll, type Report } from './interleave/explore.js';
import { instrumentedCalls, shippedCalls } from './interleave/faithful.js';
import { hunt } from './interleave/hunt.js';
import { Thread } from './interleave/loop.js';
import { mutants } from './interleave/mutants.js';
import { exploreRandom } from './interleave/random.js';
import { Build } from './interleave/realm.js';
import { tell } from './interleave/replay.js';
import { scenarios } from './interleave/scenarios.js';
import { type Scenario, World } from './interleave/world.js';
import { figure } from './support/figures.js';

const SEED = Number(process.env['SEED'] ?? 1);
const total = { schedules: 0, steps: 0, kills: 0, caught: 0 };

function expectNoFailure(world: World, report: Report): void {
  total.schedules += report.schedules;
  total.steps += report.steps;
  total.kills += report.kills;
  if (report.failure === undefined) return;
  const { what, schedule } = report.failure;
  assert.fail(`${what}\n${tell(world, schedule)}\nreplay: '${world.scenario.name}' '${schedule}'`);
}

test('the instrumented modules make the same Atomics calls as the shipped ones', async () => {
  const shipped = await shippedCalls();
  assert.ok(shipped.length > 1000);
  const instrumented = instrumentedCalls();
  const other = shipped.findIndex((call, n) => call !== instrumented[n]);
  assert.equal(instrumented[other], shipped[other], `call ${other}`);
  assert.equal(instrumented.length, shipped.length);
});

const build = new Build();
const buildThatLooks = new Build([], 1);

for (const scenario of scenarios) {
  test(`the promises hold in many orders: ${scenario.name}`, (t) => {
    const world = new World(scenario, build);
    const none = exploreAll(world, { preemptions: 0, seconds: 0.5 });
    expectNoFailure(world, none);
    const one = exploreAll(world, { preemptions: 1, seconds: 0.5 });
    expectNoFailure(world, one);
    const looking = new World(scenario, buildThatLooks);
    const random = exploreRandom(looking, SEED, { schedules: 200, seconds: 0.3 });
    expectNoFailure(looking, random);
    const all = one.complete ? 'all' : 'some';
    t.diagnostic(
      `${none.schedules} schedules without preemptions${none.complete ? ' (all)' : ''}, ` +
        `${one.schedules} with one (${all}), ${random.schedules} random ones from seed ${SEED}`,
    );
  });
}

/** All that there is to know at the end of a run; not by its hash. */
function endOf({ machine: { words, records, threads }, witness, audit }: World): string {
  const told = (_: string, value: unknown): unknown => {
    if (value instanceof Thread) return value.name;
    if (value instanceof Map || Array.isArray(value))
      return [...value].map((part) => JSON.stringify(part, told)).sort();
    return value;
  };
  const pasts = threads.map(({ past: { at } }) => `${at.hash1} ${at.hash2}`);
  return [words, records, pasts, JSON.stringify([witness.state, audit.state], told)].join();
}

// Runs end where they come to a known state. No outcome may be lost by that.
for (const [name, preemptions] of [
  ['trySend while there is always room', 1],
  ['an abort against room', 0],
  ['two threads bury one sender', 0],
  ['the receiver discards what is left while senders write', 0],
  ['of two tasks, the one that is awaited last ends first', 1],
  ['a sender stops during the whole drain, and is killed', 0],
] as const) {
  test(`what follows a known state has been run: ${name}`, () => {
    const scenario = scenarios.find((known) => known.name === name) as Scenario;
    const [all, some] = [true, false].map((forgetful) => {
      const ends = new Set<string>();
      const world = new World(scenario, build);
      const atEnd = (): unknown => ends.add(endOf(world));
      const { complete } = exploreAll(world, { preemptions, forgetful, atEnd });
      assert.ok(complete);
      return ends;
    });
    assert.ok((all?.size ?? 0) > 1);
    assert.deepEqual(some, all);
  });
}

for (const { name, edits, scenario } of mutants) {
  test(`the scheduler finds ${name}`, (t) => {
    const build = new Build(edits);
    const chosen = scenarios.find((known) => known.name === scenario) as Scenario;
    const failure = hunt(new World(chosen, build), 30);
    assert.ok(failure !== undefined, 'Expected a schedule that fails');
    total.caught += 1;
    t.diagnostic(`${failure.schedule}: ${failure.what}`);
  });
}

after(() => {
  const { schedules, steps, kills, caught } = total;
  console.log(
    `${schedules} schedules, ${steps} steps, ${kills} kills, ${caught} of ${mutants.length} mutants caught`,
  );
  figure(`interleavings: ${caught} of ${mutants.length} mutants caught`);
});
