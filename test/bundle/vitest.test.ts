/** Test runners load a module in their own way. The worker thread loads the same file in Node's: names make it the same. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { newProject, node, noTools as skip, tool } from './project.js';

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

for (const [how, options] of [
  ['', {}],
  [', also if it loads the library in its own way', { server: { deps: { inline: true } } }],
] as const) {
  test(`vitest runs a program and its tasks${how}`, { skip }, async () => {
    const project = await newProject('a project');
    await writeFile(join(project, 'words.test.js'), TEST);
    const config = { test: { globals: true, ...options } };
    await writeFile(join(project, 'vitest.config.js'), `export default ${JSON.stringify(config)}`);
    assert.match(await node(project, tool('vitest', 'vitest.mjs'), 'run'), /1 passed/);
  });
}
