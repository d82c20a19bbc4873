/** README's "Bundle it": program, tasks and worker thread as entry points, by each of the bundlers that it names. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { inRoot, newFolder, newProject, node, noTools as skip, tool } from './project.js';
import { servesBoth } from './serves.js';

const WORKER = 'node_modules/async-tasks/dist/runtime/worker.js';
const ENTRIES = ['server.js', 'tasks.js', WORKER];
const ESBUILD =
  '--bundle --splitting --platform=node --format=esm --entry-names=[name] --log-level=warning'.split(' ');
// Vite cannot build in a folder with a # in its name.
const project = skip === false ? await newProject('a project') : '';

async function esbuild(cwd: string, entries: readonly string[], out: string): Promise<void> {
  await promisify(execFile)(tool('.bin', 'esbuild'), [...entries, ...ESBUILD, `--outdir=${out}`], { cwd });
}

async function vite(config: string): Promise<void> {
  await writeFile(join(project, 'vite.config.js'), `export default ${config}`);
  await node(project, tool('vite', 'bin', 'vite.js'), 'build', '--logLevel', 'error');
}

const ran = (out: string) => node(project, join(out, 'server.js'));

test('esbuild, with splitting', { skip }, async () => {
  await esbuild(project, ENTRIES, 'by-esbuild');
  assert.equal(await ran('by-esbuild'), 'words: 4\n');
});

test('rollup', { skip }, async () => {
  const plugin = tool('@rollup', 'plugin-node-resolve');
  await node(
    project,
    tool('rollup', 'dist', 'bin', 'rollup'),
    ...ENTRIES,
    '-p',
    plugin,
    '-d',
    'by-rollup',
    '--silent',
  );
  assert.equal(await ran('by-rollup'), 'words: 4\n');
});

test('Vite, as for a server, with its default names for chunks', { skip }, async () => {
  const input = JSON.stringify(ENTRIES);
  await vite(
    `{ build: { ssr: true, outDir: 'by-vite', rollupOptions: { input: ${input} } }, ssr: { noExternal: true } }`,
  );
  assert.equal(await ran('by-vite'), 'words: 4\n');
});

test('Vite, as a library, if it is told to leave the URL of the tasks alone', { skip }, async () => {
  const lib = `{ entry: ${JSON.stringify(ENTRIES)}, formats: ['es'] }`;
  await vite(`{ build: { lib: ${lib}, outDir: 'as-library', rollupOptions: { external: /^node:/ } } }`);
  assert.equal(await ran('as-library'), 'words: 4\n');
});

test('Without the worker thread as an entry point, the error says that it is missing', { skip }, async () => {
  await esbuild(project, ENTRIES.slice(0, 2), 'without');
  await assert.rejects(ran('without'), /Expected the worker thread's entry at file:.*without/);
});

test("The server's own bundle serves the admin page, which is copied beside it", { skip }, async (t) => {
  const folder = await newFolder();
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const entries = ['server.js', 'tasks.js', 'runtime/worker.js'];
  await esbuild(
    inRoot(),
    entries.map((name) => `dist/${name}`),
    folder,
  );
  await copyFile(inRoot('dist', 'admin', 'page.html'), join(folder, 'page.html'));
  await servesBoth(t, join(folder, 'server.js'));
});
