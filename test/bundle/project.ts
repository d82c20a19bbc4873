/** A user's project: a folder with a program, its tasks, and the packed library as npm installs it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { acceptedAt, request } from '../support/connection.js';
import { ServerProcess, temporaryFolder } from '../support/server-process.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TOOLS = join(ROOT, 'test', 'bundle', 'node_modules');

/** Why a test that needs the tools is skipped. */
export const noTools: string | false = !existsSync(TOOLS) && 'not installed: npm ci --prefix test/bundle';

/** A path below the root of this project. */
export const inRoot = (...names: readonly string[]): string => join(ROOT, ...names);
/** A path below the tools' `node_modules`. */
export const tool = (...names: readonly string[]): string => join(TOOLS, ...names);

/** Runs a script by Node.js in a folder. Resolves with what it prints. Rejects with it if the script fails. */
export async function node(cwd: string, ...args: readonly string[]): Promise<string> {
  const { NODE_V8_COVERAGE: _coverage, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const ran = promisify(execFile)(process.execPath, args, { cwd, env: { ...env, NO_COLOR: '1' } });
  const { stdout } = await ran.catch((error) => {
    throw new Error(`${args.join(' ')}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout;
}

/** Runs npm in a folder. */
async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const { npm_execpath: script } = process.env;
  if (script !== undefined) return node(cwd, script, ...args);
  return (await promisify(execFile)('npm', args, { cwd })).stdout;
}

/** A new folder, which is gone when the tests of the file have run. Its path has what file URLs must encode. */
export async function newFolder(name = 'mein Ordner ü #1 a%20b'): Promise<string> {
  const folder = join(temporaryFolder({ after }), name);
  await mkdir(folder);
  return folder;
}

const TASKS = `
import { defineTasks, syncTask } from 'async-tasks';
export const tasks = defineTasks({ countWords: syncTask((text) => text.match(/\\S+/g)?.length ?? 0) });
`;

const PROGRAM = `
import { channel, runTask, startRuntime } from 'async-tasks';
import { tasks } from './tasks.js';
const [tx, rx] = channel(32);
const runtime = await startRuntime(rx, {
  tasks: new URL(/* @vite-ignore */ './tasks.js', import.meta.url),
  log: false,
});
const handle = await runTask(tasks.countWords('to be or not'), tx);
console.log('words:', await handle.finished());
await runtime.drain();
`;

/** Makes a project: `server.js`, which prints `words: 4`, `tasks.js`, and the library in `node_modules`. */
export async function newProject(name?: string): Promise<string> {
  const folder = await newFolder(name);
  await writeFile(join(folder, 'package.json'), '{ "name": "program", "private": true, "type": "module" }');
  await writeFile(join(folder, 'tasks.js'), TASKS);
  await writeFile(join(folder, 'server.js'), PROGRAM);
  // Without scripts: `prepare` would build anew, and clean the folder that the tests run from.
  const pack = await npm(ROOT, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder);
  const [{ filename }] = JSON.parse(pack);
  await npm(folder, 'install', '--offline', '--no-audit', '--no-fund', join(folder, filename));
  return folder;
}

/** The server with this entry runs a task, serves the admin page, and drains. */
export async function servesBoth(t: TestContext, entry: string): Promise<void> {
  const server = await ServerProcess.start(t, { ADMIN_PORT: '0' }, entry);
  acceptedAt(await request(server.port, 'POST', '/count_words', { body: 'to be' }));
  const admin = /admin page on (\S+)/.exec(await server.out.seen(/listening on/))?.[1];
  assert.match(await (await fetch(`${admin}/`)).text(), /<title>/);
  server.child.kill('SIGTERM');
  assert.equal(await server.exited, 0, server.err.all.join('\n'));
}
