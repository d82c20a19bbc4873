/**
 * Prints every step of a schedule:
 *
 *   node build/test/interleave/replay.js '<scenario>' '<schedule>' ['<mutant>']
 */
import { pathToFileURL } from 'node:url';
import type { Step } from './machine.js';
import { mutants } from './mutants.js';
import { Build } from './realm.js';
import { scenarios } from './scenarios.js';
import { replay } from './schedule.js';
import { World } from './world.js';

const PHASES = ['?', 'WRITING', 'READY', 'ABORTED', '?', '?', '?', '?'];

const LABEL_NAMES = ['?', 'WRITING', 'QUEUED', 'WITHDRAWN', '?', '?', '?', '?'];
const STATES = ['none', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'DROPPED', 'OVERDUE', '?'];

/** The name of a word, and its value in words. */
function describe(world: World, { thread, op, at, value }: Step): string {
  const { SENDERS = 0, LINE_WORDS = 0, STRIDE = 1, FIRST_CELL = 0, CELL_WORDS = 1 } = world.layout;
  if (at >= world.machine.words.length) return describeRecord(world, { thread, op, at, value });
  let [name, text] = [`word ${at}`, String(value)];
  if (at >= FIRST_CELL) {
    name = `cell ${(at - FIRST_CELL) / CELL_WORDS}`;
    text = `lap ${value >>> 8}, sender ${(value >>> 3) & 31}, ${PHASES[value & 7]}`;
  } else if (at >= SENDERS && at < LINE_WORDS) {
    const part = ['bell', 'turn', 'life'][(at - SENDERS) % STRIDE];
    name = `${part} of sender ${Math.floor((at - SENDERS) / STRIDE)}`;
  } else {
    const known = ['TAIL', 'HEAD', 'BELL', 'GATE', 'OPEN', 'NEXT_TURN', 'RECEIVER_THREAD'];
    name = known.find((word) => world.layout[word] === at) ?? name;
  }
  return line(thread, op, name, text);
}

/** The same for the ledger's words. */
function describeRecord(world: World, { thread, op, at, value }: Step): string {
  if (op === 'plain') return line(thread, op, 'some plain words', '');
  const { records, words } = world.machine;
  const {
    CONTROL,
    LEASE,
    WATCHERS = 0,
    LABELS = 0,
    LABEL_WORDS = 1,
    RUN_WORDS = 1,
    STRIDE = 1,
  } = world.records;
  const index = at - words.length;
  const runs = LABELS + (records[0] ?? 0) * LABEL_WORDS;
  if (index >= runs) {
    const part = ['RUN', 'CANCEL', 'WATCH'][(index - runs) % RUN_WORDS];
    const text = part === 'WATCH' ? value.toString(2) : `lap ${value >>> 3}, ${STATES[value & 7]}`;
    return line(thread, op, `${part} of record ${Math.floor((index - runs) / RUN_WORDS)}`, text);
  }
  if (index >= LABELS) {
    const text = `lap ${value >>> 3}, ${LABEL_NAMES[value & 7]}`;
    return line(thread, op, `LABEL of record ${(index - LABELS) / LABEL_WORDS}`, text);
  }
  if (index >= WATCHERS)
    return line(thread, op, `watcher bell of sender ${(index - WATCHERS) / STRIDE}`, String(value));
  const name = index === CONTROL ? 'CONTROL' : index === LEASE ? 'LEASE' : `word ${index}`;
  return line(thread, op, name, String(value));
}

function line(thread: string, op: string, name: string, text: string): string {
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
  return [
    ...lines,
    `received: ${world.witness.state.delivered.join(', ')}`,
    failure ?? 'nothing is wrong',
  ].join('\n');
}

function main([name, schedule = '', mutant]: string[]): void {
  const scenario = scenarios.find((known) => known.name === name);
  const edits = mutant === undefined ? [] : mutants.find((known) => known.name === mutant)?.edits;
  if (scenario !== undefined && edits !== undefined) {
    console.log(tell(new World(scenario, new Build(edits)), schedule));
    return;
  }
  console.error("Expected: node build/test/interleave/replay.js '<scenario>' '<schedule>' ['<mutant>']");
  console.error(['Scenarios:', ...scenarios.map((known) => known.name)].join('\n  '));
  console.error(['Mutants:', ...mutants.map((known) => known.name)].join('\n  '));
  process.exitCode = 2;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2));
