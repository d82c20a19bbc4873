/**
 * Prints every step of a schedule:
 *
 *   node build/test/proof/replay.js '<scenario>' '<schedule>' ['<mutant>']
 */
import { pathToFileURL } from 'node:url';
import { BELL, CALLS, COMERS, Memory, OPEN, OPENINGS, TAIL } from '#channel/memory';
import type { Step } from './machine.js';
import { mutants } from './mutants.js';
import { buildFor } from './realm.js';
import { scenarios } from './scenarios.js';
import { replay } from './schedule.js';
import { World } from './world.js';

const PHASES = ['FREE', 'WRITING', 'READY', 'ABORTED'];
const NAMES = new Map([
  [TAIL, 'TAIL'],
  [BELL, 'BELL'],
  [CALLS, 'CALLS'],
  [COMERS, 'COMERS'],
  [OPEN, 'OPEN'],
]);

/** The name of a word, and its value in words. */
function describe(world: World, { thread, op, at, value }: Step): string {
  const layout = new Memory(world.channel);
  const cells = layout.cell(0);
  let [name, text] = [NAMES.get(at) ?? world.nameOf(at) ?? `word ${at}`, String(value)];
  if (at === TAIL)
    text = `${value >>> 2}${(value & 1) !== 0 ? ', WAITS' : ''}${(value & 2) !== 0 ? ', CLOSED' : ''}`;
  else if (at >= cells && at < cells + 16 * layout.capacity) {
    name = `cell ${(at - cells) / 16}`;
    text = `lap ${value >>> 7}, seat ${(value >>> 2) & 31}, ${PHASES[value & 3]}`;
  } else if (at >= OPENINGS && at < cells) name = `opening of seat ${at - OPENINGS}`;
  return `${thread}  ${op.padEnd(16)}${name.padEnd(26)}${text}`.trimEnd();
}

/** The steps of a schedule, and how it ended. */
export function tell(world: World, schedule: string): string {
  world.forget();
  world.machine.log = [];
  const failure = replay(world, schedule);
  const steps = world.machine.log.filter(({ at }) => !world.machine.isQuiet(at));
  const lines = steps.map((step) => describe(world, step));
  world.machine.log = undefined;
  world.forget();
  return [...lines, `taken: ${world.witness.state.taken.join(', ')}`, failure ?? 'nothing is wrong'].join(
    '\n',
  );
}

function main([name, schedule = '', mutant]: string[]): void {
  const scenario = scenarios.find((known) => known.name === name);
  const edits = mutant === undefined ? [] : mutants.find((known) => known.name === mutant)?.edits;
  if (scenario !== undefined && edits !== undefined) {
    console.log(tell(new World(scenario, buildFor(scenario, edits)), schedule));
    return;
  }
  console.error("Expected: node build/test/proof/replay.js '<scenario>' '<schedule>' ['<mutant>']");
  console.error(['Scenarios:', ...scenarios.map((known) => known.name)].join('\n  '));
  console.error(['Mutants:', ...mutants.map((known) => known.name)].join('\n  '));
  process.exitCode = 2;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2));
