/** What a running task, or a closure of `move`, knows of itself. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { asyncTask, currentTask, move, runTask, syncTask, type Task, type TaskHandle } from '#index';
import { prepare, test } from './fixtures/executor.js';
import { eventually, within } from './fixtures/gates.js';
import { heapInUse } from './fixtures/heap.js';

test('currentTask knows the task that runs, and nothing outside of one', async (t) => {
  const { tx, tasks, start } = prepare(t, {
    sync: syncTask(() => currentTask().id),
    async: asyncTask(async () => {
      const context = currentTask();
      await setImmediate();
      assert.throws(
        currentTask,
        /^Error: Expected a running task: call currentTask\(\) before the first await/,
      );
      return context.id;
    }),
  });
  void start();
  for (const task of [tasks.sync(), tasks.async()]) {
    const handle = await runTask(task, tx);
    assert.equal(await handle.finished(), handle.id);
  }
  assert.throws(currentTask);
});

test('Progress is a number from 0 to 1, and 1 when the task has succeeded', async (t) => {
  const { tx, tasks, start } = prepare(t, {
    tell: syncTask((part: number) => currentTask().progress(part)),
    tellAndFail: syncTask((part: number) => {
      currentTask().progress(part);
      throw new Error('on purpose');
    }),
  });
  void start();
  for (const wrong of [-0.1, 1.1, Number.NaN]) {
    const handle = await runTask(tasks.tell(wrong), tx);
    await assert.rejects(handle.finished(), RangeError);
  }
  const handle = await runTask(tasks.tell(1 / 3), tx);
  await handle.finished();
  assert.equal(handle.status()?.progress, 1);
  const failing = await runTask(tasks.tellAndFail(1 / 3), tx);
  await assert.rejects(failing.finished());
  assert.equal(failing.status()?.progress, 0.333333);
});

test('A closure of move gets its context as the second parameter', async (t) => {
  const { tx, start } = prepare(t, {});
  void start();
  const handle = await runTask(
    move({ part: 0.5 }, ({ part }, context) => {
      context.progress(part);
      throw context.id; // progress is 1 when a task has succeeded
    }),
    tx,
  );
  assert.equal(await handle.finished().catch((id) => id), handle.id);
  assert.equal(handle.status()?.progress, 0.5);
});

test('A closure of move sees its captures, globals and what it imports', async (t) => {
  const { tx, start } = prepare(t, {});
  void start();
  const someVar = 'foo';
  const sync = await runTask(
    move({ someVar }, ({ someVar }) => `${someVar} ${typeof setTimeout} ${Math.max(1, 2)}`),
    tx,
  );
  assert.equal(await sync.finished(), 'foo function 2');
  const async = await runTask(
    move({ someVar }, async ({ someVar }) => (await import('node:path')).join(someVar, 'bar')),
    tx,
  );
  assert.equal(await async.finished(), 'foo/bar');
  const named = await runTask(
    move({ n: 5 }, function factorial({ n }): number {
      return n <= 1 ? 1 : n * factorial({ n: n - 1 });
    }),
    tx,
  );
  assert.equal(await named.finished(), 120);
});

declare const globalEval: unknown;

test('A closure of move that uses anything else of its place fails and names it', async (t) => {
  const { tx, errors, start } = prepare(t, {});
  void start();
  const outer = 'outer';
  for (const task of [move({}, () => outer), move({}, async () => outer)]) {
    const handle = await runTask(task, tx);
    await assert.rejects(handle.finished(), /^ReferenceError: outer is not defined/);
  }
  assert.match(errors[0] ?? '', /^task failed: closure, id \d+\nReferenceError: outer is not defined/);
  const module = await runTask(
    move({}, () => typeof globalEval as string),
    tx,
  );
  assert.equal(await module.finished(), 'undefined', "nor does it see the executor's names");
});

test('Many async tasks wait for their signals at once, and each gets its own', async (t) => {
  const { tx, tasks, start } = prepare(
    t,
    {
      wait: asyncTask(async () => {
        const { signal } = currentTask();
        await once(signal, 'abort');
        return signal.reason.name as string;
      }),
    },
    { concurrency: 16 },
  );
  void start();
  const handles: TaskHandle<string>[] = [];
  for (let n = 0; n < 16; n++) handles.push(await runTask(tasks.wait(), tx));
  await eventually(() => handles.every((each) => each.status()?.state === 'running'));
  for (const n of [3, 0, 15, 7]) {
    const handle = handles[n] ?? assert.fail();
    assert.equal(handle.cancel(), 'running');
    assert.equal(await within(1000, handle.finished()), 'AbortError');
  }
  assert.equal(handles.filter((each) => each.status()?.state === 'running').length, 12);
  for (const handle of handles) handle.cancel();
  await within(1000, Promise.all(handles.map((each) => each.finished())));
});

test('Tasks that look at their signal leave nothing behind, even those that look when they have ended', async (t) => {
  const { tx, tasks, start } = prepare(t, {
    look: syncTask(() => currentTask().signal.aborted),
    lookLater: syncTask(() => {
      const context = currentTask();
      globalThis.setImmediate(() => context.signal);
    }),
  });
  void start();
  for (const task of [tasks.look(), tasks.lookLater()] as Task[]) {
    const send = async (count: number) => {
      for (let n = 0; n < count; n++) await tx.send(task);
    };
    await send(3000); // by now, all is compiled
    const before = heapInUse();
    await send(10_000);
    const grown = heapInUse() - before;
    assert.ok(grown < 1_000_000, `${Math.round(grown / 10_000)} bytes for each task`);
  }
});

test('Each member of the context works by itself', async (t) => {
  const { tx, tasks, start } = prepare(t, {
    destructured: syncTask(() => {
      const { id, cancelled, signal, throwIfCancelled, progress } = currentTask();
      throwIfCancelled();
      progress(0.25);
      throw { id, cancelled, aborted: signal.aborted };
    }),
    spread: syncTask(() => {
      const { id, ...others } = { ...currentTask() };
      others.throwIfCancelled();
      [0.25].forEach(others.progress);
      throw { id, cancelled: others.cancelled, aborted: others.signal.aborted };
    }),
    later: asyncTask(async () => {
      const { id, signal, throwIfCancelled, progress } = currentTask();
      await setImmediate();
      throwIfCancelled();
      progress(0.25);
      throw { id, cancelled: false, aborted: signal.aborted };
    }),
  });
  const moved = move({}, (_captures, { id, cancelled, signal, throwIfCancelled, progress }) => {
    throwIfCancelled();
    progress(0.25);
    throw { id, cancelled, aborted: signal.aborted };
  });
  void start();
  for (const task of [tasks.destructured(), tasks.spread(), tasks.later(), moved]) {
    const handle = await runTask(task, tx);
    const told = await handle.finished().catch((thrown) => thrown); // thrown, for success has a progress of its own
    assert.deepEqual(told, { id: handle.id, cancelled: false, aborted: false });
    assert.equal(handle.status()?.progress, 0.25);
  }
});

test('A destructured throwIfCancelled asks anew, a destructured cancelled does not', async (t) => {
  let handle: TaskHandle<unknown> | undefined;
  const { tx, tasks, start } = prepare(t, {
    stop: syncTask(() => {
      const context = currentTask();
      const { cancelled, throwIfCancelled } = context;
      handle?.cancel();
      assert.deepEqual([cancelled, context.cancelled], [false, true]);
      throwIfCancelled();
    }),
  });
  handle = await runTask(tasks.stop(), tx);
  void start();
  await assert.rejects(handle.finished(), (error: Error) => (error.cause as Error).name === 'AbortError');
});
