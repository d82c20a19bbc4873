/** The end of a runtime: drain, close and `await using`, and what each reports. */
import assert from 'node:assert/strict';
import { ChannelClosedError, channel, runTask, startRuntime, type Task, type TaskHandle } from '#index';
import { tasks } from './fixtures/tasks.js';
import { errors, failure, start, TASKS, test } from './support/setup.js';
import { reached, release, within, word, words } from './support/words.js';

const ids = (list: readonly { readonly id: number }[]) => list.map(({ id }) => id).toSorted((a, b) => a - b);

test('drain runs what is queued, also after a crash, refuses what is new, and reports what was open', async (t) => {
  const { send, run, runtime } = await start(t);
  await run(tasks.echo('before'));
  const at = word();
  const handles: TaskHandle[] = [await send(tasks.holdAsync(at)), await send(tasks.exit(word(), 1))];
  for (let n = 0; n < 10; n++) handles.push(await send(n === 5 ? tasks.fails('no') : tasks.later(n, n)));
  const draining = runtime.drain();
  assert.equal(runtime.drain(), draining, 'the second call gets the first report');
  assert.deepEqual([runtime.ready, runtime.failing, runtime.ending], [false, false, true]);
  await assert.rejects(send(tasks.echo('new')), ChannelClosedError);
  release(at);
  const { finished, unfinished } = await draining;
  assert.deepEqual([ids(finished), unfinished], [ids(handles), []]);
  for (const { state, name } of finished)
    assert.equal(state, /fails|exit/.test(name) ? 'failed' : 'succeeded', name);
  assert.equal(runtime.failing, false);
  assert.equal(handles.at(-1)?.status().outcome, 9);
});

test('drain that gives up says what was not finished, and logs it', async (t) => {
  const { send, hold, runtime } = await start(t);
  const { handle: running } = await hold();
  const queued = [await send(tasks.echo(1)), await send(tasks.later(2, 1))];
  const dropped = await send(tasks.echo(3));
  dropped.cancel();
  const { finished, unfinished } = await runtime.drain({ timeout: 50 });
  assert.deepEqual([finished, ids(unfinished)], [[], ids([running, ...queued])]);
  await failure(running, /the runtime was closed/);
  for (const each of queued) assert.equal((await failure(each)).code, 'ERR_TASK_CANCELLED');
  const lost = queued.map((each) => `lost: task ${each.id} (${each.status().name}) cancelled`);
  const logged = errors.filter((line) => line.startsWith('lost: '));
  assert.deepEqual(logged, [`lost: task ${running.id} (hold) failed`, ...lost]);
  const { running: runs, queued: length } = runtime.stats();
  assert.deepEqual([runs, length], [[], 0]);
  await runtime.idle();
});

for (const drains of [false, true])
  test(`close ends the thread at once${drains ? ', also within a drain' : ''}, and says what it cut off`, async (t) => {
    const { send, runtime } = await start(t);
    const at = word();
    const [running, queued] = [await send(tasks.spinUntilCancelled(at)), await send(tasks.echo(1))];
    await reached(at);
    const draining = drains ? runtime.drain() : undefined;
    const report = await within(2000, runtime.close(), 'close');
    assert.equal(report, (await draining) ?? report);
    const { finished, unfinished } = report;
    assert.deepEqual([finished, ids(unfinished)], [[], ids([running, queued])]);
    assert.deepEqual([running.status().state, queued.status().state], ['failed', 'cancelled']);
  });

for (const end of ['drain', 'close'] as const)
  test(`Senders that wait for room are told that they came too late, by ${end}`, async (t) => {
    const { send, hold, runtime } = await start(t, { capacity: 1 });
    const { release } = await hold();
    await send(tasks.echo(1));
    const waiting = [send(tasks.echo(2)), send(tasks.echo(3))];
    const ending = runtime[end]();
    for (const each of waiting) await assert.rejects(each, ChannelClosedError);
    release();
    const { finished, unfinished } = await ending;
    assert.equal(finished.length + unfinished.length, 2);
  });

test('For its delay, a drain is only not ready, and accepts tasks; close cuts it short', async (t) => {
  const { send, run, runtime } = await start(t);
  const draining = runtime.drain({ delay: 60_000 });
  assert.equal(runtime.ready, false);
  assert.equal(await run(tasks.echo('late')), 'late');
  assert.equal(await within(2000, runtime.close(), 'close'), await draining);
  await assert.rejects(send(tasks.echo('new')), ChannelClosedError);
  const { runtime: other } = await start(t);
  assert.deepEqual(await other.drain({ delay: 10 }), { finished: [], unfinished: [] });
});

test('`await using` drains: no accepted task is lost', async () => {
  const at = word();
  const handles: TaskHandle[] = [];
  {
    const [tx, rx] = channel<Task>(32);
    await using runtime = await startRuntime(rx, { tasks: TASKS, log: false });
    for (let n = 0; n < 100; n++) handles.push(await runTask(tasks.countLater(at, n % 3), tx));
    assert.equal(runtime.ready, true);
  }
  assert.equal(Atomics.load(words, at), 100);
  assert.ok(handles.every((each) => each.status().state === 'succeeded'));
});
