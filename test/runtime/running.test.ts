/** Tasks that run: which of them overlap, what they see of each other and of the runtime, and what they cannot break. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { currentTask, move, type TaskHandle } from '#index';
import { tasks } from './fixtures/tasks.js';
import { failure, start, tasksFile, test } from './support/setup.js';
import { eventually, reached, release, word } from './support/words.js';

const shared = { ...(await start({ after })), concurrency: 1 };
const three = { ...(await start({ after }, { concurrency: 3 })), concurrency: 3 };

for (const { send, concurrency } of [shared, three]) {
  test(`Async tasks overlap up to ${concurrency}, start in the order of the queue, and sync ones run alone`, async () => {
    const handles: TaskHandle<number>[] = [];
    for (let n = 0; n < 100; n++)
      handles.push(await send(n % 10 === 9 ? tasks.alone() : tasks.overlap(n % 5)));
    const results = await Promise.all(handles.map((each) => each.finished()));
    assert.equal(Math.max(...results), concurrency);
    for (let n = 9; n < 100; n += 10) assert.equal(results[n], 0, 'alone');
    const starts = handles.map((each) => each.status().started ?? 0);
    assert.ok(starts.every((each, n) => each >= (starts[n - 1] ?? 0)));
  });
}

test('Requests to stop reach the task that they are about, while others come and go', async () => {
  const { send, run, runtime } = three;
  const [long, asked] = [word(), word()];
  const held = await send(tasks.holdAsync(long));
  const waiting = await send(tasks.waitUntilCancelled(asked));
  await reached(asked);
  for (let n = 0; n < 50; n++) await run(tasks.later(n, n % 2));
  const other = await send(tasks.waitUntilCancelled(asked));
  await reached(asked, 2);
  assert.deepEqual(new Set(runtime.stats().running), new Set([held.id, waiting.id, other.id]));
  assert.equal(waiting.cancel(), 'running');
  assert.equal((await failure(waiting)).code, 'ERR_TASK_CANCELLED');
  for (const { state, cancelRequested } of [held.status(), other.status()])
    assert.deepEqual([state, cancelRequested], ['running', false]);
  other.cancel();
  release(long);
  assert.equal(await held.finished(), long);
});

test('Each task starts with the async context of its thread and keeps its own, also in listeners to its signal', async (t) => {
  const file = tasksFile(
    t,
    `import { AsyncLocalStorage } from 'node:async_hooks';
     const storage = new AsyncLocalStorage();
     storage.enterWith('of the module');
     export const tasks = defineTasks({
       enter: syncTask((how) => {
         storage.enterWith(how);
         if (how === 'throw') throw new Error(how);
         return { get x() { storage.enterWith(how); } };
       }),
       listen: asyncTask((mine) => {
         const before = storage.getStore();
         storage.enterWith(mine);
         const { signal, progress } = currentTask();
         return new Promise((resolve) => {
           signal.addEventListener('abort', () => resolve([before, storage.getStore()]));
           progress(0.5);
         });
       }),
     });`,
  );
  const { tasks: mine } = await import(file.url.href);
  const { send } = await start(t, { tasks: file.url, concurrency: 3 });
  for (const how of ['throw', 'return']) {
    await (await send(mine.enter(how))).ended();
    const [one, two] = [await send<unknown>(mine.listen('one')), await send<unknown>(mine.listen('two'))];
    await eventually(() => one.status().progress === 0.5 && two.status().progress === 0.5);
    for (const each of [two, one]) each.cancel();
    const results = [await one.finished(), await two.finished()].flat();
    const start = Number(process.versions.node.split('.')[0]) < 24 ? 'of the module' : undefined; // what enters stays inside
    assert.deepEqual(results, [start, 'one', start, 'two']);
  }
});

test('`currentTask` knows the task that runs until its first `await`, and nothing outside of one', async () => {
  const { send, fail } = shared;
  assert.throws(() => currentTask(), /Expected a running task: call currentTask\(\) before the first await/);
  const moved = move({}, (_, { id, cancelled, signal }) => [id, cancelled, signal.aborted]);
  for (const task of [tasks.tells(), moved]) {
    const handle = await send<unknown>(task);
    assert.deepEqual(await handle.finished(), [handle.id, false, false]);
  }
  for (const fraction of [-0.1, 1.1, Number.NaN, '0.5', null])
    await fail(tasks.hold(word(), fraction as number), /^Expected `fraction` to be a number from 0 to 1/);
});

test('A closure sees its captures, globals and what it imports, and is told what it misses', async () => {
  const { run, fail } = shared;
  const moved = move({ base: 'a/3' }, async ({ base }) => (await import('node:path')).posix.dirname(base));
  assert.equal(await run(moved), 'a');
  const outside = 5;
  const why = /^outside is not defined: a closure of `move` sees only its captures/;
  const misses = move({}, () => outside);
  assert.equal((await fail(misses, why)).name, 'ReferenceError');
  await fail(move({}, class { static field = outside; other = 1; } as never), why); // biome-ignore format: one line
  assert.equal(shared.runtime.stats().restarts, 0);
});

test('A task that posts, and breaks globals, timers and the console, does not hurt the executor, nor silence it', async (t) => {
  const { run, fail, goesOn, runtime } = await start(t, { log: true });
  const breaks = move({}, async () => {
    const { parentPort, workerData } = await import('node:worker_threads');
    parentPort?.postMessage({ type: 'drained' });
    const refuse = () => {
      throw new Error('poisoned');
    };
    Object.assign(console, { log: refuse, error: null });
    process.stdout.write = process.stderr.write = refuse;
    const timers = { setTimeout: () => 0, clearTimeout: 7, setImmediate: null, queueMicrotask: null };
    Object.assign(globalThis, timers, { Date: null, AbortController: null });
    return workerData;
  });
  assert.deepEqual(await run(breaks), {});
  await fail(tasks.fails('told'), /^told$/);
  await goesOn();
  assert.equal((await fail(tasks.spinAsync(word()))).code, 'ERR_TASK_TIMEOUT');
  assert.equal(runtime.ready, true);
});

test('Whatever a task throws or returns, it ends once and the next runs', async () => {
  const { send, run, fail, runtime } = three;
  const { throwsHostile, rejectsHostile, returnsHostile, resolvesHostile } = tasks;
  const { restarts } = runtime.stats();
  for (let n = 0; n < 11; n++)
    for (const build of [throwsHostile, rejectsHostile, returnsHostile, resolvesHostile]) {
      const handle = await send(build(n));
      const { state, name } = await handle.ended();
      if (/^(throws|rejects)/.test(name)) assert.equal(state, 'failed', `${n}`);
      await handle.finished().catch(() => {});
      assert.equal(await run(tasks.echo(n)), n);
    }
  await fail(tasks.returnsPromise(), /^value is a promise: await it and send what it gives/);
  const { ended, restarts: after } = runtime.stats();
  assert.deepEqual([ended.get('throwsHostile')?.failed, ended.get('rejectsHostile')?.failed], [11, 11]);
  assert.equal(after, restarts);
});
