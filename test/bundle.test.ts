/** The one documented way to bundle a program that uses the library, tried with esbuild: `npm ci --prefix test/bundle`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const esbuild = fileURLToPath(new URL('../../test/bundle/node_modules/.bin/esbuild', import.meta.url));
const skip = existsSync(esbuild) ? false : 'esbuild is not installed: npm ci --prefix test/bundle';

const program = fileURLToPath(new URL('./fixtures/process.js', import.meta.url));
const tasks = fileURLToPath(new URL('./fixtures/runtime-tasks.js', import.meta.url));
const worker = fileURLToPath(import.meta.resolve('#runtime/worker'));
const FLAGS = ['--bundle', '--platform=node', '--format=esm', '--entry-names=[name]', '--log-level=warning'];

test('Bundled with splitting, program, tasks and worker thread as entry points, it runs', {
  skip,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'async-tasks-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await run(esbuild, [program, tasks, worker, '--splitting', `--outdir=${folder}`, ...FLAGS]);
  const files = await readdir(folder);
  for (const name of ['process', 'runtime-tasks', 'worker'])
    assert.ok(files.includes(`${name}.js`), files.join());
  const { stdout } = await run(process.execPath, [join(folder, 'process.js'), 'drain']);
  assert.equal(stdout.trim(), '"late"');
});
