/**
 * The worker thread and its supervisor: how it is started, what keeps it from starting, what it may be told by tasks, and
 * by which clock its tasks are late.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test as it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import workerThreads from 'node:worker_threads';
import {
  channel,
  move,
  type Runtime,
  type RuntimeOptions,
  runTask,
  type Sender,
  startRuntime,
  type Task,
} from '#index';
import { tasks as clockTasks } from './fixtures/clock-tasks.js';
import { tasks as dying } from './fixtures/dying-tasks.js';
import { eventually, sharedWords, within } from './fixtures/gates.js';
import { tasks } from './fixtures/parent-tasks.js';
import { keepStderr } from './support/stderr.js';

// What a failed test has left pending must not keep the process alive.
after(() => void globalThis.setTimeout(() => process.exit(1), 2000).unref());

const fixture = (name: string) => new URL(`./fixtures/${name}.js`, import.meta.url);

/** A test that would wait for ever fails after 20 s instead. */
function test(title: string, run: (t: TestContext) => void | Promise<void>): void {
  it(title, { timeout: 20_000 }, run);
}

async function start(
  t: TestContext,
  name: string,
  options: Partial<RuntimeOptions> = {},
): Promise<{ tx: Sender<Task>; runtime: Runtime; errors: string[] }> {
  const errors = keepStderr(t);
  const [tx, rx] = channel<Task>(32);
  const runtime = await startRuntime(rx, { tasks: fixture(name), log: false, ...options });
  t.after(() => runtime.close());
  return { tx, runtime, errors };
}

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

describe('What tasks post to the parent of their thread', () => {
  test('means nothing to the supervisor', async (t) => {
    const { tx, runtime, errors } = await start(t, 'parent-tasks');
    for (const message of [
      null,
      undefined,
      7,
      { done: 1 },
      { type: 'drained' },
      { type: 'started', names: [], timeouts: true },
      { 'watch:import': ['file:///a.js'] },
    ]) {
      await (await runTask(tasks.post(message), tx)).finished();
    }
    assert.equal(await (await runTask(tasks.echo('on'), tx)).finished(), 'on');
    assert.equal(runtime.ready, true);
    assert.deepEqual(errors, []);
  });

  test('has no other way: there is nothing of the runtime in workerData', async (t) => {
    const { tx } = await start(t, 'parent-tasks');
    assert.deepEqual(await (await runTask(tasks.found(), tx)).finished(), []);
  });
});

describe('A thread that cannot be made', () => {
  for (const [how, broken] of [
    [
      'throws',
      () => {
        throw initFailed();
      },
    ],
    ['emits an error', () => new Stillborn()],
  ] as const) {
    test(`at the start rejects startRuntime with that error, if it ${how}`, async (t) => {
      replaceWorkers(t, 1, broken);
      const [, rx] = channel<Task>();
      const starting = startRuntime(rx, { tasks: fixture('parent-tasks') });
      await assert.rejects(within(2000, starting), { code: 'ERR_WORKER_INIT_FAILED' });
    });

    test(`later is one that died at once: others are tried, and the queue goes on, if it ${how}`, async (t) => {
      const { tx, runtime, errors } = await start(t, 'parent-tasks');
      replaceWorkers(t, 3, broken);
      const dying = await runTask(
        move({}, () => process.exit(1)),
        tx,
      );
      const behind = await runTask(tasks.echo('behind'), tx);
      await assert.rejects(dying.finished());
      await eventually(() => !runtime.ready);
      assert.equal(runtime.failing, true);
      assert.equal(await within(5000, behind.finished()), 'behind');
      assert.match(errors.join('\n'), /ERR_WORKER_INIT_FAILED[\s\S]*starting another in 100 ms/);
      await eventually(() => runtime.ready);
    });
  }

  test('because the permission model says so rejects startRuntime', async () => {
    const flag = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission';
    const code = `
      const { channel, startRuntime } = await import(${JSON.stringify(import.meta.resolve('#index'))});
      const [, rx] = channel();
      await startRuntime(rx, { tasks: new URL(${JSON.stringify(fixture('parent-tasks').href)}) })
        .catch((error) => console.log(error.code));`;
    const ended = new Promise<string>((resolve) => {
      const args = [flag, '--allow-fs-read=*', '--input-type=module', '-e', code];
      execFile(process.execPath, args, (_, stdout) => resolve(stdout));
    });
    assert.match(await within(10_000, ended), /ERR_ACCESS_DENIED/);
  });
});

describe('A runtime without a thread', () => {
  test('is not healthy, whatever the cause, unless it has been asked to end', async (t) => {
    const { tx, runtime } = await start(t, 'parent-tasks');
    assert.deepEqual([runtime.ready, runtime.failing], [true, false]);
    tx.close(); // the last sender: the thread drains the queue, and ends
    await eventually(() => !runtime.ready);
    assert.equal(runtime.failing, true);
    assert.equal(runtime.ending, false);
    await runtime.drain();
    assert.deepEqual([runtime.ready, runtime.failing, runtime.ending], [false, false, true]);
  });
});

describe('A start that takes its time', () => {
  test('is not taken for too long because this thread was late to hear that it is over', async (t) => {
    const words = sharedWords();
    for (const at of [0, 1, 2]) Atomics.store(words, at, 0);
    const errors = keepStderr(t);
    const [tx, rx] = channel<Task>(8);
    const begin = performance.now();
    const starting = startRuntime(rx, { tasks: fixture('dying-tasks'), log: false, startTimeout: 400 });
    while (Atomics.load(words, 1) === 0 && performance.now() - begin < 10_000) Atomics.wait(words, 1, 0, 10);
    Atomics.wait(words, 3, 0, 1000); // the module has been imported, and its thread says so meanwhile
    const runtime = await starting;
    t.after(() => runtime.close());
    assert.equal(await (await runTask(dying.echo('on'), tx)).finished(), 'on');
    assert.deepEqual(errors, []);
    assert.equal(Atomics.load(words, 1), 1, 'there has been one thread');
  });
});

describe('A tasks module', () => {
  test('whose import never ends is given up after `startTimeout`', async () => {
    const [, rx] = channel<Task>();
    const starting = startRuntime(rx, { tasks: fixture('unending-tasks'), startTimeout: 300 });
    await assert.rejects(within(5000, starting), {
      name: 'StartTimeoutError',
      code: 'ERR_START_TIMEOUT',
      message: /^Expected file:.*unending-tasks\.js to be imported within 300 ms/,
    });
  });

  test('with a syntax error, in itself or in what it imports, is refused with file and line', async (t) => {
    keepStderr(t);
    const folder = await mkdtemp(join(tmpdir(), 'async-tasks-'));
    t.after(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'broken.mjs'), 'export const a = 1;\nconst x = ;\n');
    await writeFile(join(folder, 'between.mjs'), "export * from './broken.mjs';\n");
    await writeFile(join(folder, 'entry.mjs'), "import { a } from './between.mjs';\nthrow new Error(a);\n");
    await writeFile(join(folder, 'unnamed.mjs'), "\nimport { nothing } from 'node:fs';\n");
    for (const [name, place] of [
      ['broken.mjs', /^\S*broken\.mjs:2\nconst x = ;\n *\^\nSyntaxError: Unexpected token/],
      ['entry.mjs', /^\S*broken\.mjs:2\nconst x = ;/],
      ['unnamed.mjs', /^\S*unnamed\.mjs:2\nimport \{ nothing \}/],
    ] as const) {
      const [, rx] = channel<Task>();
      const starting = startRuntime(rx, { tasks: pathToFileURL(join(folder, name)) });
      await assert.rejects(within(10_000, starting), (error: Error) => {
        assert.equal(error.name, 'SyntaxError');
        assert.match(error.stack ?? '', place);
        return true;
      });
    }
  });

  test('that awaits what never comes is told so at once', async (t) => {
    keepStderr(t);
    const [, rx] = channel<Task>();
    const starting = startRuntime(rx, { tasks: fixture('waiting-tasks') });
    await assert.rejects(within(5000, starting), /top level of the tasks module awaits what never comes/);
  });
});

describe('A library that was copied or bundled', () => {
  /** A copy of the built library. */
  async function copyLibrary(t: TestContext): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'async-tasks-'));
    t.after(() => rm(folder, { recursive: true }));
    await cp(new URL('.', import.meta.resolve('#index')), folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    return folder;
  }

  test('without the worker thread beside it is refused with the real cause', async (t) => {
    const folder = await copyLibrary(t);
    await rm(join(folder, 'runtime', 'worker.js'));
    const copy = await import(pathToFileURL(join(folder, 'index.js')).href);
    const [, rx] = copy.channel();
    await assert.rejects(within(5000, copy.startRuntime(rx, { tasks: fixture('parent-tasks') })), {
      code: 'ERR_WORKER_NOT_FOUND',
      message: /runtime\/worker\.js.*bundler.*entry point of its own/,
    });
  });

  test('that the tasks have from somewhere else is refused with the real cause', async (t) => {
    const folder = await copyLibrary(t);
    const [, rx] = channel<Task>();
    const starting = startRuntime(rx, { tasks: pathToFileURL(join(folder, 'tasks.js')) });
    await assert.rejects(within(5000, starting), {
      name: 'TypeError',
      message: /there are two copies of it/,
    });
  });
});

describe('Options', () => {
  test('of startRuntime are checked, each of them, before anything is done', async () => {
    const [, rx] = channel<Task>(8);
    const url = fixture('parent-tasks');
    for (const wrong of [null, '200', Number.NaN, 0, -1, 1.5, 2 ** 31, {}, true]) {
      for (const option of ['concurrency', 'history', 'startTimeout']) {
        const starting = startRuntime(rx, { tasks: url, [option]: wrong });
        await assert.rejects(starting, {
          name: 'RangeError',
          message: new RegExp(`^Expected \`${option}\``),
        });
      }
    }
    for (const wrong of [null, 0, 'no', {}]) {
      const starting = startRuntime(rx, { tasks: url, log: wrong as unknown as boolean });
      await assert.rejects(starting, { name: 'TypeError', message: /^Expected `log`/ });
    }
    for (const wrong of [null, undefined, url.href, {}]) {
      const starting = startRuntime(rx, { tasks: wrong as unknown as URL });
      await assert.rejects(starting, { name: 'TypeError', message: /^Expected `tasks`/ });
    }
    for (const wrong of [null, undefined, 7, 'x']) {
      const starting = startRuntime(rx, wrong as unknown as RuntimeOptions);
      await assert.rejects(starting, { name: 'TypeError', message: /^Expected `options`/ });
    }
    await assert.rejects(startRuntime(null as never, { tasks: url }), {
      name: 'TypeError',
      message: /^Expected `rx`/,
    });
    const runtime = await startRuntime(rx, { tasks: url, log: false }); // the receiver is still free
    await runtime.close();
  });

  test('of drain are checked, and a wrong one does not end the runtime', async (t) => {
    const { runtime } = await start(t, 'parent-tasks');
    for (const timeout of [-1, Number.NaN, 2 ** 31, null, '200', Number.POSITIVE_INFINITY]) {
      assert.throws(() => runtime.drain({ timeout: timeout as number }), RangeError);
    }
    for (const options of [null, 7, 'x']) assert.throws(() => runtime.drain(options as never), TypeError);
    assert.equal(runtime.ready, true);
  });
});

describe('The clock', () => {
  test('of the wall may be set forward or back: no task is late for it, and times stay in order', async (t) => {
    for (const offset of [61_000, -3_600_000]) {
      const { tx } = await start(t, 'clock-tasks');
      const { now } = Date;
      const handle = await runTask(clockTasks.setAndTake(offset, 200), tx);
      const mocked = t.mock.method(Date, 'now', () => now() + offset);
      await within(2000, handle.finished());
      const { enqueued = 0, started = 0, finished = 0, state } = handle.status() ?? {};
      assert.equal(state, 'succeeded');
      assert.ok(enqueued <= started && started + 150 < finished && finished < started + 2000);
      const endless = await runTask(clockTasks.endless(), tx);
      await assert.rejects(within(2000, endless.finished()), { code: 'ERR_TASK_TIMEOUT' });
      const record = endless.status();
      assert.ok((record?.finished ?? 0) >= (record?.deadline ?? Number.NaN));
      mocked.mock.restore();
    }
  });

  for (const kind of ['sync', 'async']) {
    test(`goes on while the process is stopped, and a ${kind} task that ends then is not late`, async () => {
      const child = spawn(process.execPath, [fileURLToPath(fixture('stopped-process')), kind]);
      const told: string[] = [];
      child.stdout.on('data', (chunk) => told.push(String(chunk)));
      await eventually(() => told.join('').includes('started'));
      await stopFor(child, 800);
      await once(child, 'exit');
      assert.deepEqual(JSON.parse(told.join('').split('\n')[1] ?? ''), { state: 'succeeded', inOrder: true });
    });
  }
});

async function stopFor(child: ChildProcess, ms: number): Promise<void> {
  child.kill('SIGSTOP');
  await sleep(ms);
  child.kill('SIGCONT');
}
