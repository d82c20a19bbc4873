/** What tasks may do to the executor: whatever they throw, return or capture, each ends once, and the next one runs. */
import assert from 'node:assert/strict';
import { runTask } from '#index';
import { tasks as unruly } from './fixtures/unruly.js';
import { failure, start, test } from './support/start.js';
import { within } from './support/words.js';

for (const concurrency of [1, 2]) {
  test(`Whatever a task throws, returns or captures, it ends once and the next runs, concurrency ${concurrency}`, async (t) => {
    const url = new URL('./fixtures/unruly.js', import.meta.url);
    const { tx, runtime } = await start(t, { tasks: url, concurrency });
    const count = Number(await (await runTask(unruly.count(), tx)).finished());
    assert.ok(count > 30);
    let ended = 0;
    for (let n = 0; n < count; n++) {
      for (const name of ['throws', 'rejects', 'rejectsInTime', 'returns', 'resolves', 'captures'] as const) {
        const handle = await runTask(unruly[name](n, {}), tx);
        const { state } = await within(2000, handle.ended(), `the task that ${name} value ${n}`);
        const mayPass = name === 'returns' || name === 'resolves';
        assert.ok(state === 'failed' || (mayPass && state === 'succeeded'), `${name} ${n}: ${state}`);
        const finished = handle.finished().catch((error) => error);
        await within(1000, finished, 'its result');
        assert.equal(await within(2000, (await runTask(unruly.fine(), tx)).finished(), 'the next'), 'fine');
        ended += 1;
      }
    }
    const { stats } = { stats: runtime.stats() };
    assert.equal(stats.restarts, 0);
    const all = [...stats.ended.values()].reduce((sum, each) => sum + each.succeeded + each.failed, 0);
    assert.equal(all, 2 * ended + 1);
  });
}

test('A sync task that returns a promise, of a hostile kind or not, fails', async (t) => {
  const { tx } = await start(t, { tasks: new URL('./fixtures/unruly.js', import.meta.url) });
  for (const key of ['', 'then', 'catch', 'constructor']) {
    const error = await failure(await runTask(unruly.promising(key), tx));
    assert.match(error.message, /^Expected a sync task to return no promise: use asyncTask/);
  }
  assert.equal(await (await runTask(unruly.fine(), tx)).finished(), 'fine');
});

test('A task that breaks its signal still ends by its deadline', async (t) => {
  const { tx, runtime } = await start(t, { tasks: new URL('./fixtures/unruly.js', import.meta.url) });
  for (let n = 0; n < 3; n++) {
    const handle = await runTask(unruly.deaf(), tx);
    assert.equal((await failure(handle)).code, 'ERR_TASK_TIMEOUT');
  }
  const cancelled = await runTask(unruly.deaf(), tx);
  cancelled.cancel();
  await within(2000, cancelled.ended(), 'the task');
  assert.equal(await (await runTask(unruly.fine(), tx)).finished(), 'fine');
  assert.equal(runtime.stats().restarts, 0);
});
