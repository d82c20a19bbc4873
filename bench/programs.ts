/** The programs that take part. Each gets its setup as JSON in its last argument, and prints its figures as JSON. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Condition } from './conditions.js';

export interface Program {
  readonly command: readonly string[];
  /** Why it cannot run here, if it cannot. */
  readonly missing?: string | undefined;
}

const TIMEOUT_MS = 120_000;

/** One of this folder's own. */
export function own(file: string): Program {
  return { command: [process.execPath, pathOf(`build/bench/contestants/${file}.js`)] };
}

/** A rival from npm. */
export function peer(file: string, ...args: readonly string[]): Program {
  return { command: [process.execPath, pathOf(`bench/peers/${file}.mjs`), ...args], missing: PEERS_MISSING };
}

/** A rival in Rust. */
export function rust(rival: string): Program {
  const path = pathOf('bench/rust/target/release/contestants');
  return { command: [path, rival], missing: existsSync(path) ? undefined : 'run `sh bench/rust/build.sh`' };
}

export const PEERS_MISSING: string | undefined = existsSync(pathOf('bench/peers/node_modules'))
  ? undefined
  : 'run `npm ci --prefix bench/peers`';

/** Runs it once, in a fresh process. Throws if it fails; `undefined` if it says that it cannot run here. */
export async function run(
  { command }: Program,
  setup: object,
  { wrap = [], neighbours }: Condition = {},
): Promise<Readonly<Record<string, number>> | undefined> {
  const beside = neighbours?.() ?? [];
  const [file = '', ...args] = [...wrap, ...command, JSON.stringify(setup)];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: TIMEOUT_MS });
  try {
    const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (code !== 0) throw new Error(`${[file, ...args].join(' ')} ended with ${signal ?? code}`);
    const figures = JSON.parse(output);
    return 'skipped' in figures ? undefined : figures;
  } finally {
    for (const neighbour of beside) neighbour.kill('SIGKILL');
  }
}

function pathOf(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
