/** What is packed, what it needs, and where it may lie. */
import assert from 'node:assert/strict';
import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { inRoot, newFolder, newProject, node, noTools, servesBoth, tool } from './project.js';

const project = await newProject();
const library = join(project, 'node_modules', 'async-tasks');

test('The package holds the library and nothing of the example', async () => {
  const files = await readdir(library, { recursive: true });
  assert.ok(files.includes(join('dist', 'runtime', 'worker.js')));
  const example = /^(?:src|dist)\W(?:app|server|tasks)\b|^(?:test|bench|build|examples)\b/;
  assert.ok(!files.some((name) => example.test(name)));
});

test('A program that has installed it runs, and imports the parts for HTTP by async-tasks/http', async () => {
  assert.equal(await node(project, 'server.js'), 'words: 4\n');
  const program = "import * as http from 'async-tasks/http'; console.log(typeof http.serve)";
  assert.equal(await node(project, '--input-type=module', '--eval', program), 'function\n');
});

const CONSUMER = `
import { asyncTask, channel, currentTask, defineTasks, runTask, startRuntime, syncTask, type Task } from 'async-tasks';
import { createHttpServer, queueOf, type Routes, readText, serve, TaskResource, taskRoutes } from 'async-tasks/http';
const tasks = defineTasks({
  count: syncTask((text: string) => text.length),
  wait: asyncTask(async (ms: number) => currentTask().signal.aborted || ms),
});
const routes: Routes<TaskResource> = {
  '/count': {
    POST: async (exchange, app) => (await app.accept(exchange, tasks.count(await readText(exchange, 99)))).answer,
  },
  ...taskRoutes,
};
await serve(async () => {
  const [tx, rx] = channel<Task>(32);
  const runtime = await startRuntime(rx, { tasks: new URL('./tasks.js', import.meta.url) });
  const length: number = await (await runTask(tasks.count('text'), tx)).finished();
  // @ts-expect-error: a wrong argument does not compile
  tasks.count(length);
  const queue = queueOf(tx, runtime);
  return { queue, server: createHttpServer(routes, new TaskResource(queue)) };
});
`;

for (const [compiler, version, skip] of [
  [tool('typescript-oldest'), '5.2', noTools],
  [inRoot('node_modules', 'typescript'), 'of this project', false],
] as const) {
  test(`The types are checked in full by TypeScript ${version}`, { skip }, async () => {
    const compilerOptions = {
      ...{ module: 'nodenext', target: 'es2022', strict: true, noEmit: true, skipLibCheck: false },
      ...{ types: ['node'], typeRoots: [inRoot('node_modules', '@types')] },
    };
    await writeFile(join(project, 'consumer.ts'), CONSUMER);
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
    );
    assert.equal(await node(project, join(compiler, 'bin', 'tsc')), '');
  });
}

test('The server needs nothing but dist and package.json, in a folder of any name', async (t) => {
  const folder = await newFolder();
  for (const name of ['dist', 'package.json'])
    await cp(inRoot(name), join(folder, name), { recursive: true });
  await servesBoth(t, join(folder, 'dist', 'server.js'));
});
