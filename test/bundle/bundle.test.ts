/** README's "Bundle it": program, tasks and worker thread as entry points, by each of the bundlers; and a test runner. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { inRoot, newFolder, newProject, node, servesBoth, noTools as skip, tool } from './project.js';

const WORKER = 'node_modules/async-tasks/dist/runtime/worker.js';
const ENTRIES = ['server.js', 'tasks.js', WORKER];
const ESBUILD =
  '--bundle --splitting --platform=node --format=esm --entry-names=[name] --log-level=warning'.split(' ');
// Vite cannot build in a folder with a # in its name.
const project = skip === false ? await newProject('a project') : '';

async function esbuild(cwd: string, entries: readonly string[], out: string): Promise<void> {
  await promisify(execFile)(tool('.bin', 'esbuild'), [...entries, ...ESBUILD, `--outdir=${out}`], { cwd });
}

async function rollup(): Promise<void> {
  const args = [...ENTRIES, '-p', tool('@rollup', 'plugin-node-resolve'), '-d', 'by-rollup', '--silent'];
  await node(project, tool('rollup', 'dist', 'bin', 'rollup'), ...args);
}

async function vite(build: string): Promise<void> {
  await writeFile(
    join(project, 'vite.config.js'),
    `export default { build: ${build}, ssr: { noExternal: true } }`,
  );
  await node(project, tool('vite', 'bin', 'vite.js'), 'build', '--logLevel', 'error');
}

const ran = (out: string) => node(project, join(out, 'server.js'));
const list = JSON.stringify(ENTRIES);
const forServer = `{ ssr: true, outDir: 'by-vite', rollupOptions: { input: ${list} } }`;
const library = `lib: { entry: ${list}, formats: ['es'] }, rollupOptions: { external: /^node:/ }`;

for (const [title, out, build] of [
  ['esbuild, with splitting', 'by-esbuild', () => esbuild(project, ENTRIES, 'by-esbuild')],
  ['rollup', 'by-rollup', rollup],
  ['Vite, as for a server, with its default names for chunks', 'by-vite', () => vite(forServer)],
  ['Vite, as a library', 'as-library', () => vite(`{ ${library}, outDir: 'as-library' }`)],
] as const)
  test(title, { skip }, async () => {
    await build();
    assert.equal(await ran(out), 'words: 4\n');
  });

test('Without the worker thread as an entry point, the error says that it is missing', { skip }, async () => {
  await esbuild(project, ENTRIES.slice(0, 2), 'without');
  await assert.rejects(ran('without'), /Cannot find module '.*without.*worker\.js'/);
});

test("The server's own bundle serves the admin page, which is copied beside it", { skip }, async (t) => {
  const folder = await newFolder();
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await esbuild(inRoot(), ['dist/server.js', 'dist/tasks.js', 'dist/runtime/worker.js'], folder);
  await copyFile(inRoot('dist', 'admin', 'page.html'), join(folder, 'page.html'));
  await servesBoth(t, join(folder, 'server.js'));
});

/** Test runners load a module in their own way. The worker thread loads the same file in Node's: names make it the same. */
const TEST = `
import { channel, runTask, startRuntime } from 'async-tasks';
import { tasks } from './tasks.js';
test('counts words', async () => {
  const [tx, rx] = channel(32);
  const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
  expect(await (await runTask(tasks.countWords('to be or not'), tx)).finished()).toBe(4);
  await runtime.drain();
});
`;

test('vitest runs a program and its tasks, also if it loads the library in its own way', {
  skip,
}, async () => {
  await writeFile(join(project, 'words.test.js'), TEST);
  const config = { test: { globals: true, server: { deps: { inline: true } } } };
  await writeFile(join(project, 'vitest.config.js'), `export default ${JSON.stringify(config)}`);
  assert.match(await node(project, tool('vitest', 'vitest.mjs'), 'run'), /1 passed/);
});
