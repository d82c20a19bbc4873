/** `npm run dev`, in a copy of the project. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Lines, temporaryFolder } from './support/server-process.js';
import { until } from './support/wait.js';

const PROMISED_MS = 2000;
/** A machine so busy that one compile takes long takes that long for the server's start as well, and for the rest. */
const COMPILES = 6;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A copy of what `npm run dev` needs. */
function copyProject(t: TestContext): string {
  const copy = temporaryFolder(t);
  for (const name of ['package.json', 'tsconfig.json', 'src']) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** How long one compile of the copy takes at this moment, whose result is thrown away. */
async function compileMs(copy: string): Promise<number> {
  const from = performance.now();
  await promisify(execFile)(join(copy, 'node_modules/.bin/tsc'), ['--outDir', 'beside'], { cwd: copy });
  return performance.now() - from;
}

function groupAlive(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

/** `npm run dev` in a process group of its own, as a terminal has it. */
function startDev(t: TestContext, cwd: string) {
  const { NODE_V8_COVERAGE: _coverage, ...rest } = process.env;
  const env = { ...rest, HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '' };
  const child = spawn('npm', ['run', 'dev'], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const { pid } = child;
  assert.ok(pid !== undefined);
  t.after(() => groupAlive(pid) && process.kill(-pid, 'SIGKILL'));
  return { pid, exited: once(child, 'exit'), out: new Lines(child.stdout), err: new Lines(child.stderr) };
}

test('npm run dev shows each change, starts the server once for it, and ends with one Ctrl-C', async (t) => {
  const copy = copyProject(t);
  const file = (name: string) => join(copy, 'src', name);
  const dev = startDev(t, copy);
  const starts = () => dev.out.all.filter((line) => line.startsWith('listening on ')).length;
  await until(
    () => starts() === 1,
    () => dev.out.all.concat(dev.err.all).join('\n'),
  );
  let compiling = await compileMs(copy);

  const executor = readFileSync(file('runtime/executor.ts'), 'utf8');
  let expected = 1;
  for (const [what, change, line] of [
    ['a task', () => appendFileSync(file('tasks.ts'), "\nconsole.log('tasks changed');\n"), 'tasks changed'],
    [
      'what only the worker thread imports, replaced as editors do it',
      () => {
        writeFileSync(file('runtime/new'), executor.replace('task executor started', 'executor changed'));
        renameSync(file('runtime/new'), file('runtime/executor.ts'));
      },
      'executor changed',
    ],
    [
      'a new folder',
      () => {
        mkdirSync(file('more'));
        writeFileSync(file('more/index.mts'), "console.log('more');\n");
        appendFileSync(file('tasks.ts'), "\nimport './more/index.mjs';\n");
      },
      'more',
    ],
    ['a file in it', () => writeFileSync(file('more/index.mts'), "console.log('even more');\n"), 'even more'],
  ] as const) {
    assert.equal(starts(), expected, what);
    const from = performance.now();
    change();
    expected += 1;
    await until(
      () => starts() === expected,
      () => `${what}\n${dev.out.all.concat(dev.err.all).join('\n')}`,
    );
    const ms = performance.now() - from;
    await dev.out.seen(new RegExp(`^${line}$`)); // the worker thread says it, perhaps after the main thread listens
    const before = compiling;
    compiling = await compileMs(copy);
    const compile = Math.max(before, compiling);
    t.diagnostic(`${what}: ${ms.toFixed(0)} ms, one compile beside it ${compile.toFixed(0)} ms`);
    assert.ok(ms < Math.max(PROMISED_MS, COMPILES * compile), `${what}: ${ms} ms, ${compile} ms`);
  }

  writeFileSync(file('more/index.mts'), "const n: number = 'text';\nconsole.log(n);\n");
  await dev.out.seen(/more\/index\.mts.*error/);
  assert.equal(starts(), expected);
  writeFileSync(file('more/index.mts'), "console.log('mended');\n");
  await dev.out.seen(/^mended$/);
  await until(() => starts() === expected + 1);

  process.kill(-dev.pid, 'SIGINT');
  await dev.exited;
  await until(() => !groupAlive(dev.pid));
  assert.equal(dev.out.all.filter((line) => line === 'SIGINT: draining').length, 1);
});
