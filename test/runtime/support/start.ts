/** A runtime of its own for each test, and what the tests of runtimes ask again and again. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test as it, type TestContext } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  channel,
  type Receiver,
  type Runtime,
  type RuntimeOptions,
  runTask,
  type Sender,
  startRuntime,
  type Task,
  type TaskHandle,
} from '#index';
import { tasks } from '../fixtures/tasks.js';
import { within } from './words.js';

// What a failed test has left pending must not keep the process alive.
after(() => void globalThis.setTimeout(() => process.exit(1), 2000).unref());

export const TASKS = new URL('../fixtures/tasks.js', import.meta.url);

/** A test that would wait for ever fails after 20 s instead. */
export function test(title: string, run: (t: TestContext) => void | Promise<void>): void {
  it(title, { timeout: 20_000 }, run);
}

/** Keeps what is printed by `console.error` until the test's end, instead of printing it. */
export function keepStderr(t: TestContext): string[] {
  const printed: string[] = [];
  t.mock.method(console, 'error', (text: string) => printed.push(text));
  return printed;
}

export interface Setup {
  readonly tx: Sender<Task>;
  readonly rx: Receiver<Task>;
  readonly runtime: Runtime;
  readonly errors: string[];
}

type Options = Partial<RuntimeOptions> & { readonly capacity?: number; readonly maxBytes?: number };

export async function start(t: TestContext, options: Options = {}): Promise<Setup> {
  const { capacity = 32, maxBytes = 65_536, ...others } = options;
  const errors = keepStderr(t);
  const [tx, rx] = channel<Task>(capacity, { maxBytes });
  const runtime = await startRuntime(rx, { tasks: TASKS, log: false, ...others });
  t.after(() => within(5000, runtime.close(), 'close'));
  return { tx, rx, runtime, errors };
}

/** What `finished` rejects with; fails if it takes too long, or does not reject. */
export function failure(handle: TaskHandle, ms = 3000): Promise<Error & { code?: string }> {
  const error = handle.finished().then(
    () => assert.fail('Expected the task to fail'),
    (thrown) => thrown,
  );
  return within(ms, error, 'the task');
}

/** The queue still works. */
export async function assertGoesOn(tx: Sender<Task>): Promise<void> {
  const next = await runTask(tasks.echo('on'), tx);
  assert.equal(await within(5000, next.finished(), 'the next task'), 'on');
}

export interface TasksFile {
  readonly url: URL;
  /** Writes the module anew. `source` may use defineTasks, syncTask and asyncTask. */
  write(source: string): void;
}

/** A tasks module that lasts as long as the test. */
export function tasksFile(t: TestContext, source: string): TasksFile {
  const folder = mkdtempSync(join(tmpdir(), 'async-tasks-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'tasks.mjs');
  const index = import.meta.resolve('#index');
  const names = 'asyncTask, channel, currentTask, defineTasks, move, runTask, startRuntime, syncTask';
  const write = (text: string) => writeFileSync(path, `import { ${names} } from '${index}';\n${text}\n`);
  write(source);
  return { url: pathToFileURL(path), write };
}

export interface Exit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of its own. One that does not end is killed after 15 s; its `code` is null. */
export function program(url: URL, scene: string, ...flags: string[]): Promise<Exit> {
  return new Promise((resolve) => {
    const options = { timeout: 15_000, killSignal: 'SIGKILL' } as const;
    const child = execFile(
      process.execPath,
      [...flags, fileURLToPath(url), scene],
      options,
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}
