/** What the compiler says of tasks that cannot be: the message names the path, or what to use instead. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TSC = join(ROOT, 'node_modules', '.bin', 'tsc');
const FLAGS =
  '--ignoreConfig --noEmit --strict --target es2023 --module nodenext --types node --pretty false';

const CASES: readonly (readonly [code: string, message: RegExp])[] = [
  ['syncTask((text: string, log: () => void) => {})', /to type '"args\[1\] is a function"'/],
  ['syncTask((order: { user: { save?(): void } }) => {})', /args\[0\]\.user\.save is a function/],
  ['asyncTask(async (later: Promise<number>[]) => {})', /args\[0\]\[number\] is a promise/],
  ['syncTask(() => ({ close() {} }))', /result\.close is a function/],
  ['move({ db: { query() {} } }, () => {})', /captures\.db\.query is a function/],
  ['syncTask(async () => 1)', /to type '"result is a promise"'/],
];

test('Each compile error says what is wrong, and where', async (t) => {
  const folder = await mkdtemp(join(ROOT, 'build', 'messages-'));
  t.after(() => rm(folder, { recursive: true }));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const head = `import { asyncTask, defineTasks, move, syncTask } from '${join(ROOT, 'dist', 'index.js')}';\n`;
  const files = CASES.map((_, n) => `case${n}.mts`);
  for (const [n, [code]] of CASES.entries()) await writeFile(join(folder, `case${n}.mts`), head + code);
  const printed = await new Promise<string>((resolve) => {
    execFile(TSC, [...FLAGS.split(' '), ...files], { cwd: folder }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
  for (const [n, [code, expected]] of CASES.entries()) {
    const parts = printed.split(/^(?=\S*case\d+\.mts)/m);
    const message = parts.filter((part) => part.includes(`case${n}.mts`)).join('');
    assert.match(message, expected, `${code}\n${message || printed.slice(0, 2000)}`);
  }
});
