/** The worker thread: what keeps it from being made, what it needs of the library, and by which clock tasks are late. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import workerThreads from 'node:worker_threads';
import { channel, runTask, startRuntime, type Task } from '#index';
import { tasks } from './fixtures/tasks.js';
import { failure, keepStderr, start, TASKS, test } from './support/start.js';
import { eventually, within, word } from './support/words.js';

/** In place of the next `count` workers: what `broken` makes. */
function replaceWorkers(t: TestContext, count: number, broken: () => object): void {
  const { Worker } = workerThreads;
  let left = count;
  workerThreads.Worker = new Proxy(Worker, {
    construct: (_, args) => (left-- > 0 ? broken() : Reflect.construct(Worker, args)),
  });
  syncBuiltinESMExports();
  t.after(() => {
    workerThreads.Worker = Worker;
    syncBuiltinESMExports();
  });
}

function initFailed(): Error {
  const error = new Error('Worker initialization failure: EAGAIN');
  return Object.assign(error, { code: 'ERR_WORKER_INIT_FAILED' });
}

/** A worker that is made, and whose thread is not. */
class Stillborn extends workerThreads.Worker {
  constructor() {
    super('', { eval: true });
    setImmediate(() => this.emit('error', initFailed()));
  }
}

function throws(): never {
  throw initFailed();
}

for (const [how, broken] of [
  ['throws', throws],
  ['emits an error', () => new Stillborn()],
] as const) {
  test(`A thread that cannot be made rejects startRuntime with that error, if it ${how}`, async (t) => {
    replaceWorkers(t, 1, broken);
    const [, rx] = channel<Task>();
    const starting = startRuntime(rx, { tasks: TASKS });
    await assert.rejects(within(2000, starting, 'the start'), { code: 'ERR_WORKER_INIT_FAILED' });
  });

  test(`A later thread that cannot be made is one that died at once: others are tried, if it ${how}`, async (t) => {
    const { tx, runtime, errors } = await start(t);
    replaceWorkers(t, 3, broken);
    const dying = await runTask(tasks.exit(word(), 1), tx);
    const behind = await runTask(tasks.echo('behind'), tx);
    await failure(dying);
    await eventually(() => !runtime.ready);
    assert.equal(runtime.failing, true);
    assert.equal(await within(5000, behind.finished(), 'the task behind'), 'behind');
    assert.match(errors.join('\n'), /ERR_WORKER_INIT_FAILED[\s\S]*starting another in 100 ms/);
    await eventually(() => runtime.ready);
  });
}

/** A copy of the built library. */
async function copyLibrary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'async-tasks-'));
  t.after(() => rm(folder, { recursive: true }));
  await cp(new URL('.', import.meta.resolve('#index')), folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  return folder;
}

test('A library without the worker thread beside it is refused with the real cause', async (t) => {
  const folder = await copyLibrary(t);
  await rm(join(folder, 'runtime', 'worker.js'));
  const copy = await import(pathToFileURL(join(folder, 'index.js')).href);
  const [, rx] = copy.channel();
  await assert.rejects(within(5000, copy.startRuntime(rx, { tasks: TASKS }), 'the start'), {
    code: 'ERR_WORKER_NOT_FOUND',
    message: /worker\.js.*bundler.*entry point, beside the tasks/,
  });
});

test('Tasks that have the library from somewhere else are refused with the real cause', async (t) => {
  keepStderr(t);
  const folder = await copyLibrary(t);
  const [, rx] = channel<Task>();
  const starting = startRuntime(rx, { tasks: pathToFileURL(join(folder, 'tasks.js')) });
  await assert.rejects(within(5000, starting, 'the start'), {
    name: 'TypeError',
    message: /there are two copies of it/,
  });
});

test('The wall clock may be set forward or back: no task is late for it, and times stay in order', async (t) => {
  const { tx } = await start(t);
  const { now } = Date;
  for (const offset of [61_000, -3_600_000]) {
    t.mock.method(Date, 'now', () => now() + offset);
    const handle = await runTask(tasks.later(1, 100), tx);
    assert.equal(await within(3000, handle.finished(), 'the task'), 1);
    const { enqueued, started = 0, finished = 0 } = handle.status();
    assert.ok(enqueued <= started && started + 90 < finished && finished < started + 3000);
    assert.equal((await failure(await runTask(tasks.spin(word()), tx))).code, 'ERR_TASK_TIMEOUT');
    t.mock.restoreAll();
    keepStderr(t);
  }
});

test('While the process is stopped, no deadline passes for a task that ends as soon as it goes on', async () => {
  let states: unknown;
  // Beside busy neighbours a thread may not get its turn within the grace that a late task has.
  for (let attempt = 0; attempt < 3 && String(states) !== 'succeeded,succeeded'; attempt++)
    states = await statesAfterStop();
  assert.deepEqual(states, ['succeeded', 'succeeded']);
});

async function statesAfterStop(): Promise<unknown> {
  const script = fileURLToPath(new URL('./fixtures/process.js', import.meta.url));
  const child = execFile(process.execPath, [script, 'stopped']);
  let told = '';
  child.stdout?.on('data', (chunk) => {
    told += String(chunk);
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await eventually(() => told.includes('started'));
  child.kill('SIGSTOP');
  await sleep(800);
  child.kill('SIGCONT');
  await within(10_000, exited, 'the process');
  return JSON.parse(told.split('\n')[1] ?? '');
}
