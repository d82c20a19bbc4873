/** A runtime, of a test or of a file of tests, and what the tests of runtimes ask again and again. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test as it, type TestContext } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { channel, type RuntimeOptions, runTask, startRuntime, type Task, type TaskHandle } from '#index';
import { tasks } from '../fixtures/tasks.js';
import { reached, release, word } from './words.js';

after(() => void setTimeout(() => process.exit(1), 3000).unref()); // a test that has failed may have left something waiting

export const TASKS = new URL('../fixtures/tasks.js', import.meta.url);

/** What `console.error` was told since the last start: it prints nothing in a file of tests. */
export const errors: string[] = [];
console.error = (text: string) => void errors.push(text);

/** A test that would wait for ever fails after 20 s instead. */
export function test(title: string, run: (t: TestContext) => void | Promise<void>): void {
  it(title, { timeout: 20_000 }, run);
}

type Failure = Error & { code?: string };
type Options = Partial<RuntimeOptions> & { readonly capacity?: number; readonly maxBytes?: number };

export type Setup = Awaited<ReturnType<typeof start>>;

/** `life`: a test's context; or `node:test` itself: then the tests of the file share the runtime. */
export async function start(life: { after(end: () => Promise<unknown>): void }, options: Options = {}) {
  const { capacity = 32, maxBytes = 65_536, ...others } = options;
  errors.length = 0;
  const [tx, rx] = channel<Task>(capacity, { maxBytes });
  const runtime = await startRuntime(rx, { tasks: TASKS, log: false, ...others });
  life.after(() => runtime.close());
  const send = <R>(task: Task<R>, options?: Parameters<typeof runTask>[2]) => runTask(task, tx, options);
  /** The task's result. */
  const run = async <R>(task: Task<R>) => (await send(task)).finished();
  /** What the task failed with: an error with such a message. */
  const fail = async (task: Task, message?: RegExp) => failure(await send(task), message);
  /** Enqueues a task that blocks the worker thread, and resolves once it does. */
  const hold = async () => {
    const at = word();
    const handle = await send(tasks.hold(at));
    await reached(at);
    return { handle, release: () => release(at) };
  };
  /** The queue still works. */
  const goesOn = async () => assert.equal(await run(tasks.echo('on')), 'on');
  return { tx, rx, runtime, send, run, fail, hold, goesOn };
}

/** What `finished` rejects with. */
export async function failure(handle: TaskHandle, message?: RegExp): Promise<Failure> {
  const thrown = handle.finished().then(
    () => assert.fail('Expected the task to fail'),
    (error) => error,
  );
  if (message !== undefined) assert.match((await thrown).message, message);
  return thrown;
}

/** Lets the owner compute: its event loop stands still. */
export function compute(until: () => boolean): void {
  for (const deadline = performance.now() + 10_000; !until(); ) assert.ok(performance.now() < deadline);
}

/** A tasks module that lasts as long as the test. `write` writes it anew. `source` may use the library. */
export function tasksFile(t: TestContext, source: string): { url: URL; write: (source: string) => void } {
  const folder = mkdtempSync(join(tmpdir(), 'async-tasks-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'tasks.mjs');
  const index = import.meta.resolve('#index');
  const names = 'asyncTask, channel, currentTask, defineTasks, runTask, startRuntime, syncTask, tryRunTask';
  const write = (text: string) => writeFileSync(path, `import { ${names} } from '${index}';\n${text}\n`);
  write(source);
  return { url: pathToFileURL(path), write };
}

/** Runs a program of its own. One that does not end is killed after 15 s; its `code` is null. */
export async function program(url: URL, scene = '', ...flags: string[]) {
  const args = [...flags, fileURLToPath(url), scene];
  const child = spawn(process.execPath, args, { timeout: 15_000, killSignal: 'SIGKILL' });
  const output = [text(child.stdout), text(child.stderr)] as const;
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), ...output]);
  return { code, stdout, stderr };
}
