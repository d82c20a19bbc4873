/** What the compiler says of tasks that cannot be: the message names the parameter and the path, or what to use instead. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules', '.bin', 'tsc');

const CASES: readonly (readonly [string, string, RegExp])[] = [
  ['a function', 'syncTask((text: string, log: () => void) => {})', /args\[1\] is a function/],
  [
    'the parameter by its name',
    'syncTask((text: string, log: () => void) => {})',
    /parameters 'log' and 'log'/,
  ],
  ['an optional method', 'syncTask((hooks: { done?: () => void }) => {})', /args\[0\]\.done is a function/],
  [
    'a method deep inside',
    'syncTask((order: { user: { save(): void } }) => {})',
    /args\[0\]\.user\.save is a function/,
  ],
  ['a promise', 'asyncTask(async (later: Promise<number>) => {})', /args\[0\] is a promise/],
  ['a symbol', 'syncTask((key: symbol) => {})', /args\[0\] is a symbol/],
  ['a constructor', 'syncTask((make: new () => Date) => {})', /args\[0\] is a function/],
  ['shared memory', 'syncTask((memory: SharedArrayBuffer) => {})', /args\[0\] is shared memory/],
  [
    'a view on shared memory',
    'syncTask((view: Int32Array<SharedArrayBuffer>) => {})',
    /args\[0\] is shared memory/,
  ],
  [
    'an instance with methods',
    'class Account { name = ""; save(): void {} } syncTask((account: Account) => {})',
    /args\[0\]\.save is a function/,
  ],
  ['shared memory as a result', 'asyncTask(async () => new SharedArrayBuffer(4))', /result is shared memory/],
  ['an element', 'syncTask((list: (() => void)[]) => {})', /args\[0\]\[number\] is a function/],
  ['a result', 'syncTask(() => ({ close() {} }))', /result\.close is a function/],
  ['a capture', 'move({ db: { query() {} } }, () => {})', /captures\.db\.query is a function/],
  ['a plain function in defineTasks', 'defineTasks({ run: (n: number) => n })', /syncTask/],
  ['a sync task that returns a promise', 'syncTask(async () => 1)', /use asyncTask/],
];

test('Each compile error says what is wrong, and where', async (t) => {
  const folder = await mkdtemp(join(ROOT, 'build', 'messages-'));
  t.after(() => rm(folder, { recursive: true }));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const library = JSON.stringify(join(ROOT, 'dist', 'index.js'));
  const head = `import { asyncTask, defineTasks, move, syncTask } from ${library};\n`;
  for (const [n, [, code]] of CASES.entries())
    await writeFile(join(folder, `case${n}.mts`), `${head}${code};\n`);
  const flags = [
    '--noEmit',
    '--strict',
    '--target',
    'es2023',
    '--module',
    'nodenext',
    '--types',
    'node',
    '--pretty',
    'false',
  ];
  const files = CASES.map((_, n) => join(folder, `case${n}.mts`));
  const printed = await new Promise<string>((resolve) => {
    execFile(TSC, [...flags, '--ignoreConfig', ...files], { cwd: folder }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
  for (const [n, [what, code, expected]] of CASES.entries()) {
    const message = printed
      .split(/^(?=\S*case\d+\.mts)/m)
      .filter((part) => part.includes(`case${n}.mts`))
      .join('');
    assert.match(message, expected, `${what}: ${code}\n${message || printed.slice(0, 2000)}`);
  }
});
