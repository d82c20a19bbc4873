/** What tasks do not see of each other and of the runtime, what they know of themselves, and what they cannot break. */
import assert from 'node:assert/strict';
import { currentTask, move, runTask, type Task } from '#index';
import { tasks } from './fixtures/tasks.js';
import { assertGoesOn, failure, start, tasksFile, test } from './support/start.js';
import { eventually, within } from './support/words.js';

for (const concurrency of [1, 3]) {
  test(`Each task starts with an empty async context and keeps its own, concurrency ${concurrency}`, async (t) => {
    const file = tasksFile(
      t,
      `import { AsyncLocalStorage } from 'node:async_hooks';
       const storage = new AsyncLocalStorage();
       storage.enterWith('of the module');
       const later = () => new Promise((resolve) => setTimeout(resolve, 1));
       export const tasks = defineTasks({
         enter: syncTask((how) => {
           const before = storage.getStore();
           storage.enterWith(how);
           if (how === 'throw') throw new Error(how);
           if (how === 'getter') return { get x() { storage.enterWith(how); return before; } };
           return before;
         }),
         enterAsync: asyncTask(async (how) => {
           const before = storage.getStore();
           storage.enterWith(how);
           await later();
           if (how === 'throw') throw new Error(how);
           return [before, storage.getStore()];
         }),
         look: asyncTask(async () => { await later(); return storage.getStore(); }),
         listen: asyncTask(async (how) => {
           storage.enterWith(how);
           const { signal } = currentTask();
           return new Promise((resolve) => signal.addEventListener('abort', () => resolve(storage.getStore())));
         }),
       });`,
    );
    const { tasks: mine } = await import(file.url.href);
    const { tx } = await start(t, { tasks: file.url, concurrency });
    const run = async (task: Task) => (await runTask(task, tx)).finished().catch(() => 'failed');
    assert.equal(await run(mine.look()), undefined);
    for (const how of ['return', 'throw', 'getter']) {
      for (const task of [mine.enter(how), mine.enterAsync(how)]) await run(task);
      assert.equal(await run(mine.look()), undefined, how);
    }
    const overlapping = await Promise.all(['a', 'b', 'c'].map((how) => run(mine.enterAsync(how))));
    assert.deepEqual(overlapping, [[undefined, 'a'], [undefined, 'b'], [undefined, 'c']]); // biome-ignore format: short
    const listening = await runTask(mine.listen('mine'), tx);
    await eventually(() => listening.status().state === 'running');
    await new Promise((resolve) => setTimeout(resolve, 20));
    listening.cancel();
    assert.equal(await within(2000, listening.finished(), 'the listener'), 'mine');
  });
}

test('Tasks find nothing of the runtime in workerData, and nothing that they post reaches it', async (t) => {
  const { tx, runtime } = await start(t);
  const found = await (await runTask(tasks.aside(), tx)).finished();
  assert.deepEqual(found, []);
  await assertGoesOn(tx);
  assert.equal(runtime.ready, true);
});

test('A task that breaks globals, timers and the console does not hurt the executor, nor silence it', async (t) => {
  const { tx, runtime } = await start(t, { log: true });
  const break_ = [
    move({}, () => void Object.assign(console, { log: null, error: null })),
    move({}, () => {
      const refuse = () => {
        throw new Error('poisoned');
      };
      Object.assign(console, { log: refuse, error: refuse });
      process.stdout.write = refuse;
      process.stderr.write = refuse;
    }),
    move(
      {},
      () => void Object.assign(globalThis, { setTimeout: () => 0, clearTimeout: 7, setImmediate: null }),
    ),
    move(
      {},
      () => void Object.assign(globalThis, { Date: null, queueMicrotask: null, AbortController: null }),
    ),
  ];
  for (const task of break_) {
    await (await runTask(task, tx)).ended();
    assert.equal((await failure(await runTask(tasks.fails('told'), tx))).message, 'told');
    await assertGoesOn(tx);
  }
  const stuck = await runTask(tasks.spinAsync(15), tx);
  assert.equal((await failure(stuck)).code, 'ERR_TASK_TIMEOUT');
  assert.equal(runtime.ready, true);
});

test('currentTask knows the task that runs, and nothing outside of one', async (t) => {
  assert.throws(() => currentTask(), /Expected a running task: call currentTask\(\) before the first await/);
  const file = tasksFile(
    t,
    `const after = () => { try { currentTask(); } catch { return 'none'; } };
     const told = ({ id, cancelled, signal, throwIfCancelled, progress }) => {
       throwIfCancelled();
       progress(0.25);
       return [id, cancelled, signal.aborted];
     };
     export const tasks = defineTasks({
       sync: syncTask(() => told(currentTask())),
       spread: syncTask(() => told({ ...currentTask() })),
       async: asyncTask(async () => {
         const context = currentTask();
         await null;
         return [...told(context), after()];
       }),
       wrong: syncTask((fraction) => currentTask().progress(fraction)),
     });`,
  );
  const { tasks: mine } = await import(file.url.href);
  const { tx } = await start(t, { tasks: file.url });
  for (const task of [
    mine.sync(),
    mine.spread(),
    move({}, (_, { id, cancelled, signal }) => [id, cancelled, signal.aborted]),
  ]) {
    const handle = await runTask(task as Task, tx);
    assert.deepEqual(await handle.finished(), [handle.id, false, false]);
  }
  const handle = await runTask(mine.async(), tx);
  assert.deepEqual(await handle.finished(), [handle.id, false, false, 'none']);
  for (const fraction of [-0.1, 1.1, Number.NaN, '0.5', undefined])
    assert.match(
      (await failure(await runTask(mine.wrong(fraction), tx))).message,
      /^Expected `fraction` to be a number from 0 to 1/,
    );
});

test('A closure sees its captures, globals and what it imports, and is told what it misses', async (t) => {
  const { tx } = await start(t);
  const moved = await runTask(
    move({ base: 3 }, async ({ base }) => (await import('node:path')).posix.join('a', String(base))),
    tx,
  );
  assert.equal(await moved.finished(), 'a/3');
  const outside = 5;
  const error = await failure(await runTask(move({}, () => outside), tx)); // biome-ignore format: short
  assert.equal(error.name, 'ReferenceError');
  assert.match(error.message, /^outside is not defined: a closure of `move` sees only its captures/);
});

test('Many async tasks wait for their signals at once, and each gets its own', async (t) => {
  const { tx } = await start(t, { concurrency: 16 });
  const handles = await Promise.all(
    Array.from({ length: 16 }, () => runTask(tasks.waitUntilCancelled(14), tx)),
  );
  await eventually(() => handles.every((each) => each.status().state === 'running'));
  for (const [n, handle] of handles.toReversed().entries()) {
    assert.equal(handle.cancel(), 'running');
    assert.equal((await failure(handle)).code, 'ERR_TASK_CANCELLED');
    assert.equal(handles.filter((each) => each.status().state === 'running').length, 15 - n);
  }
});
