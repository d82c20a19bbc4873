/** Tasks that run: which of them overlap, what they see of each other and of the runtime, and what they cannot break. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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
  for (let n = 0; n < 50; n++) assert.equal(await run(tasks.later(n, n % 2)), n);
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

for (const concurrency of [1, 3]) {
  test(`Each task starts with an empty async context and keeps its own, concurrency ${concurrency}`, async (t) => {
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
         enterAsync: asyncTask(async (how) => {
           const before = storage.getStore();
           storage.enterWith(how);
           await new Promise((resolve) => setTimeout(resolve, 1));
           if (how === 'throw') throw new Error(how);
           return [before, storage.getStore()];
         }),
         listen: asyncTask((how) => {
           storage.enterWith(how);
           const { signal } = currentTask();
           return new Promise((resolve) => signal.addEventListener('abort', () => resolve(storage.getStore())));
         }),
       });`,
    );
    const { tasks: mine } = await import(file.url.href);
    const { send, run } = await start(t, { tasks: file.url, concurrency });
    for (const how of ['throw', 'return']) {
      for (const task of [mine.enter(how), mine.enterAsync(how)]) await (await send(task)).ended();
      const overlapping = await Promise.all(['a', 'b', 'c'].map((each) => run(mine.enterAsync(each))));
      assert.deepEqual(overlapping, [[undefined, 'a'], [undefined, 'b'], [undefined, 'c']]); // biome-ignore format: short
    }
    const listening = await send(mine.listen('mine'));
    await eventually(() => listening.status().state === 'running');
    await sleep(10);
    listening.cancel();
    assert.equal(await listening.finished(), 'mine');
  });
}

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
  assert.equal(
    (
      await fail(
        move({}, () => outside),
        why,
      )
    ).name,
    'ReferenceError',
  );
});

test('Tasks find nothing of the runtime in workerData, and nothing that they post reaches it', async () => {
  const { run, runtime, goesOn } = shared;
  assert.deepEqual(await run(tasks.aside()), []);
  await goesOn();
  assert.equal(runtime.ready, true);
});

test('A task that breaks globals, timers and the console does not hurt the executor, nor silence it', async (t) => {
  const { send, fail, goesOn, runtime } = await start(t, { log: true });
  for (const task of [
    move({}, () => void Object.assign(console, { log: null, error: null })),
    move({}, () => {
      const refuse = () => {
        throw new Error('poisoned');
      };
      Object.assign(console, { log: refuse, error: refuse });
      process.stdout.write = process.stderr.write = refuse;
    }),
    move({}, () => {
      const timers = { setTimeout: () => 0, clearTimeout: 7, setImmediate: null, queueMicrotask: null };
      Object.assign(globalThis, timers, { Date: null, AbortController: null });
    }),
  ]) {
    await (await send(task)).ended();
    await fail(tasks.fails('told'), /^told$/);
    await goesOn();
  }
  assert.equal((await fail(tasks.spinAsync(word()))).code, 'ERR_TASK_TIMEOUT');
  assert.equal(runtime.ready, true);
});

for (const { send, run, fail, runtime, concurrency } of [shared, three])
  test(`Whatever a task throws or returns, it ends once and the next runs, concurrency ${concurrency}`, async () => {
    const { throwsHostile, rejectsHostile, returnsHostile, resolvesHostile } = tasks;
    const { restarts } = runtime.stats();
    for (let n = 0; n < 16; n++)
      for (const build of [throwsHostile, rejectsHostile, returnsHostile, resolvesHostile]) {
        const handle = await send(build(n));
        const { state, name } = await handle.ended();
        if (/^(throws|rejects)/.test(name)) assert.equal(state, 'failed', `${n}`);
        await handle.finished().catch(() => {});
        assert.equal(await run(tasks.echo(n)), n);
      }
    await fail(tasks.returnsPromise(), /^Expected a sync task to return no promise: use asyncTask/);
    assert.equal((await fail(tasks.deaf())).code, 'ERR_TASK_TIMEOUT');
    const { ended, restarts: after } = runtime.stats();
    assert.deepEqual([ended.get('throwsHostile')?.failed, ended.get('rejectsHostile')?.failed], [16, 16]);
    assert.equal(after, restarts);
  });
