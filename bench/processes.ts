/** Runs contestants, each in a fresh process, in rounds that alternate. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Spread, spread } from './statistics.js';

const ROOT = new URL('../../', import.meta.url);
const TIMEOUT_MS = 120_000;

/** Processes can be kept on one core. */
export const CAN_PIN: boolean = existsSync('/usr/bin/taskset');

/** A program that takes its setup as JSON in an argument and prints its result as JSON. */
export interface Contestant {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** An argument after the setup. */
  readonly mode?: string;
  /** Why it cannot run here, if it cannot. */
  readonly missing: string | undefined;
}

/** One of this folder's own programs. */
export function own(name: string, file: string): Contestant {
  return {
    name,
    command: process.execPath,
    args: [pathOf(`build/bench/contestants/${file}.js`)],
    missing: undefined,
  };
}

/** A rival from npm. */
export function peer(name: string, file: string): Contestant {
  const installed = existsSync(pathOf('bench/peers/node_modules'));
  const missing = installed ? undefined : 'run `npm ci --prefix bench/peers`';
  return { name, command: process.execPath, args: [pathOf(`bench/peers/${file}.mjs`)], missing };
}

/** A rival in Rust. `mode`: what it measures, if not throughput. */
export function rust(name: string, rival: string, mode?: 'hot' | 'paced' | 'fair'): Contestant {
  const command = pathOf('bench/rust/target/release/contestants');
  const missing = existsSync(command) ? undefined : 'run `sh bench/rust/build.sh`';
  return { name, command, args: [rival], missing, ...(mode === undefined ? {} : { mode }) };
}

/** The same, with all its threads on one core. */
export function onOneCore(contestant: Contestant): Contestant {
  const { command, args } = contestant;
  const missing = CAN_PIN ? contestant.missing : 'there is no `taskset` here';
  return { ...contestant, command: 'taskset', args: ['-c', '0', command, ...args], missing };
}

/** Runs one program with one setup. Throws if it fails; `undefined` if it says that it cannot run here. */
export async function runOnce<R>(contestant: Contestant, setup: object): Promise<R | undefined> {
  const { command, args, name, mode } = contestant;
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
  const child = spawn(command, [...args, JSON.stringify(setup), ...(mode === undefined ? [] : [mode])], {
    stdio,
    timeout: TIMEOUT_MS,
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = await once(child, 'close');
  if (code !== 0) throw new Error(`${name} ended with ${signal ?? code} for ${JSON.stringify(setup)}`);
  const line = output.split('\n').findLast((each) => each.startsWith('{')); // tasks may print, too
  const result = JSON.parse(line ?? '');
  return 'skipped' in result ? undefined : result;
}

/**
 * Runs every contestant once in each round, each round in another order, and takes one figure from each result. Those
 * that cannot run here are left out.
 */
export async function runRounds<R>(
  contestants: readonly Contestant[],
  setupOf: (contestant: Contestant) => object,
  figure: (result: R, contestant: Contestant) => number,
  rounds: number,
): Promise<Map<string, Spread>> {
  const figures = new Map<string, number[]>();
  const absent = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contestants : [...contestants].reverse();
    for (const contestant of order) {
      if (contestant.missing !== undefined || absent.has(contestant.name)) continue;
      const result = await runOnce<R>(contestant, setupOf(contestant));
      if (result === undefined) absent.add(contestant.name);
      else
        figures.set(contestant.name, [...(figures.get(contestant.name) ?? []), figure(result, contestant)]);
    }
  }
  return new Map([...figures].map(([name, values]) => [name, spread(values)]));
}

function pathOf(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}
