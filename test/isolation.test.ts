/** What tasks do not see of each other: each runs in an async context, and an async resource, of its own. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage, createHook, executionAsyncId, executionAsyncResource } from 'node:async_hooks';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { asyncTask, channel, currentTask, runTask, startRuntime, syncTask, type Task } from '#index';
import { prepare, test } from './fixtures/executor.js';
import { eventually } from './fixtures/gates.js';

test('Each task starts with an empty async context, whatever the tasks module has entered', async (t) => {
  const { tasks } = await import('./fixtures/entering-tasks.js');
  const [tx, rx] = channel<Task>();
  const url = new URL('./fixtures/entering-tasks.js', import.meta.url);
  const runtime = await startRuntime(rx, { tasks: url, log: false });
  t.after(() => runtime.close());
  for (const task of [tasks.look(), tasks.lookAsync()]) {
    assert.equal(await (await runTask(task, tx)).finished(), undefined);
  }
});

for (const concurrency of [1, 3]) {
  test(`Each task starts with an empty async context, concurrency ${concurrency}`, async (t) => {
    const storage = new AsyncLocalStorage<string>();
    const later = new AsyncLocalStorage<string>();
    const { tx, tasks, start } = prepare(
      t,
      {
        enter: syncTask((way: string) => {
          const before = storage.getStore();
          storage.enterWith(way);
          if (way === 'throw') throw new Error(way);
          if (way === 'getter') {
            return Object.defineProperty({}, 'x', { get: () => later.enterWith(way), enumerable: true });
          }
          return [before, later.getStore()];
        }),
        enterAsync: asyncTask(async (way: string) => {
          const before = storage.getStore();
          storage.enterWith(way);
          await setImmediate();
          later.enterWith(way);
          if (way === 'throw') throw new Error(way);
          return [before, storage.getStore()];
        }),
        enterInThen: asyncTask((way: string) => {
          const thenable = {
            // biome-ignore lint/suspicious/noThenProperty: this is what it is about
            get then() {
              storage.enterWith(way);
              later.enterWith(way);
              return (resolve: (value: unknown) => void) => resolve(null);
            },
          };
          return thenable as unknown as Promise<unknown>;
        }),
        look: syncTask(() => [storage.getStore(), later.getStore()]),
        lookAsync: asyncTask(async () => {
          const before = [storage.getStore(), later.getStore()];
          await setImmediate();
          return [...before, storage.getStore(), later.getStore()];
        }),
      },
      { concurrency },
    );
    storage.enterWith('of the thread that starts the executor');
    void start();
    const nothing = [undefined, undefined];
    for (const way of ['return', 'throw', 'getter']) {
      for (const task of [tasks.enter(way), tasks.enterAsync(way), tasks.enterInThen(way)]) {
        await (await runTask(task, tx)).finished().catch(() => {});
        assert.deepEqual(await (await runTask(tasks.look(), tx)).finished(), nothing, way);
        assert.deepEqual(
          await (await runTask(tasks.lookAsync(), tx)).finished(),
          [...nothing, ...nothing],
          way,
        );
      }
    }
    const overlapping = ['a', 'b', 'c'].map(async (way) =>
      (await runTask(tasks.enterAsync(way), tx)).finished(),
    );
    assert.deepEqual(await Promise.all(overlapping), [
      [undefined, 'a'],
      [undefined, 'b'],
      [undefined, 'c'],
    ]);
  });
}

test('What listens to a signal runs in the async context of its own task', async (t) => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const { tx, tasks, start } = prepare(
    t,
    {
      wait: asyncTask(
        async (name: string) => {
          storage.enterWith(name);
          const { signal } = currentTask();
          signal.addEventListener('abort', () => {
            seen.push(storage.getStore());
            storage.enterWith('from a listener');
          });
          await once(signal, 'abort');
        },
        { timeout: 5000 },
      ),
      late: asyncTask(
        async () => {
          storage.enterWith('late');
          currentTask().signal.addEventListener('abort', () => seen.push(storage.getStore()));
          await new Promise(() => {});
        },
        { timeout: 20 },
      ),
      look: asyncTask(async () => storage.getStore()),
    },
    { concurrency: 4 },
  );
  void start();
  const handles = [await runTask(tasks.wait('first'), tx), await runTask(tasks.wait('second'), tx)];
  await eventually(() => handles.every((each) => each.status()?.state === 'running'));
  for (const handle of handles.toReversed()) {
    handle.cancel();
    await handle.finished();
  }
  await assert.rejects((await runTask(tasks.late(), tx)).finished(), { code: 'ERR_TASK_TIMEOUT' });
  assert.deepEqual(seen, ['second', 'first', 'late']);
  assert.equal(await (await runTask(tasks.look(), tx)).finished(), undefined);
});

test('Diagnostics see one resource for each task, which ends with it', async (t) => {
  const events = new Map<number, string[]>();
  const resources: object[] = [];
  const ids: number[] = [];
  const hook = createHook({
    init(id, type, _trigger, resource) {
      if (type !== 'Task') return;
      events.set(id, []);
      resources.push(resource);
    },
    before: (id) => void events.get(id)?.push('before'),
    after: (id) => void events.get(id)?.push('after'),
    destroy: (id) => void events.get(id)?.push('destroy'),
  }).enable();
  t.after(() => hook.disable());
  const { tx, tasks, start } = prepare(t, {
    sync: syncTask(() => {
      ids.push(executionAsyncId());
      assert.equal(executionAsyncResource(), resources.at(-1));
    }),
    throws: syncTask(() => {
      ids.push(executionAsyncId());
      throw new Error('no');
    }),
    async: asyncTask(async () => {
      ids.push(executionAsyncId());
      await setImmediate();
    }),
  });
  void start();
  for (const task of [tasks.sync(), tasks.throws(), tasks.async(), tasks.sync()]) {
    await (await runTask(task, tx)).finished().catch(() => {});
  }
  await eventually(() => [...events.values()].every((each) => each.includes('destroy')));
  assert.deepEqual([...events.keys()], ids);
  assert.equal(new Set(ids).size, 4);
  for (const each of events.values()) assert.deepEqual(each, ['before', 'after', 'destroy']);
});
