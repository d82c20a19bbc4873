/** The end of a runtime: drain, close and `await using`, and what each reports. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelClosedError, channel, runTask, startRuntime, type Task, type TaskHandle } from '#index';
import { tasks } from './fixtures/tasks.js';
import { failure, keepStderr, start, TASKS, test } from './support/start.js';
import { reached, release, within, word, words } from './support/words.js';

const ids = (list: readonly { readonly id: number }[]) => list.map(({ id }) => id).toSorted((a, b) => a - b);

test('drain runs what is queued, refuses what is new, and reports what was open', async (t) => {
  const { tx, runtime } = await start(t);
  await (await runTask(tasks.echo('before'), tx)).finished();
  const at = word();
  const handles: TaskHandle[] = [await runTask(tasks.holdAsync(at), tx)];
  for (let n = 0; n < 10; n++)
    handles.push(await runTask(n === 5 ? tasks.fails('no') : tasks.later(n, n), tx));
  const draining = runtime.drain();
  assert.equal(runtime.drain(), draining, 'the second call gets the first report');
  assert.deepEqual([runtime.ready, runtime.failing, runtime.ending], [false, false, true]);
  await assert.rejects(runTask(tasks.echo('new'), tx), ChannelClosedError);
  release(at);
  const { finished, unfinished } = await within(5000, draining, 'drain');
  assert.deepEqual(unfinished, []);
  assert.deepEqual(ids(finished), ids(handles));
  assert.ok(finished.every(({ state, name }) => state === (name === 'fails' ? 'failed' : 'succeeded')));
  assert.equal(runtime.failing, false);
  assert.equal(handles[1]?.status().outcome, 0);
});

test('drain that gives up says what was not finished, and logs it', async (t) => {
  const { tx, runtime, errors } = await start(t);
  const at = word();
  const running = await runTask(tasks.hold(at), tx);
  const queued = [await runTask(tasks.echo(1), tx), await runTask(tasks.later(2, 1), tx)];
  const dropped = await runTask(tasks.echo(3), tx);
  dropped.cancel();
  await reached(at);
  const { finished, unfinished } = await within(5000, runtime.drain({ timeout: 50 }), 'drain');
  assert.deepEqual(finished, []);
  assert.deepEqual(ids(unfinished), ids([running, ...queued]));
  assert.match((await failure(running)).message, /the runtime was closed/);
  assert.equal(running.status().state, 'failed');
  for (const each of queued) {
    assert.equal((await failure(each)).code, 'ERR_TASK_CANCELLED');
    assert.equal(each.status().state, 'cancelled');
  }
  assert.deepEqual(
    errors.filter((line) => line.startsWith('lost: ')).toSorted(),
    [
      `lost: task ${running.id} (hold) failed`,
      ...queued.map((each) => `lost: task ${each.id} (${each.status().name}) cancelled`),
    ].toSorted(),
  );
  assert.deepEqual(runtime.stats().running, []);
  assert.equal(runtime.stats().queued, 0);
  await within(1000, runtime.idle(), 'idle');
});

test('close ends the thread at once, whatever it does, and says what it cut off', async (t) => {
  const { tx, runtime } = await start(t);
  const at = word();
  const running = await runTask(tasks.spinUntilCancelled(at), tx);
  const queued = await runTask(tasks.echo(1), tx);
  await reached(at);
  const { finished, unfinished } = await within(2000, runtime.close(), 'close');
  assert.deepEqual(finished, []);
  assert.deepEqual(ids(unfinished), ids([running, queued]));
  assert.deepEqual(
    unfinished.map(({ state }) => state),
    ['failed', 'cancelled'],
  );
});

test('close cuts a drain short', async (t) => {
  const { tx, runtime } = await start(t);
  const at = word();
  const running = await runTask(tasks.hold(at), tx);
  await reached(at);
  const draining = runtime.drain();
  assert.equal(await within(2000, runtime.close(), 'close'), await draining);
  assert.deepEqual(ids((await draining).unfinished), [running.id]);
});

test('drain goes on after a crash', async (t) => {
  const { tx, runtime } = await start(t);
  const dying = await runTask(tasks.exit(word(), 1), tx);
  const next = await runTask(tasks.echo('next'), tx);
  const { finished, unfinished } = await within(5000, runtime.drain(), 'drain');
  assert.deepEqual(unfinished, []);
  assert.deepEqual(
    finished.map(({ id, state }) => [id, state]),
    [
      [dying.id, 'failed'],
      [next.id, 'succeeded'],
    ],
  );
});

test('Senders that wait for room when the runtime ends are told that they came too late', async (t) => {
  for (const end of ['drain', 'close'] as const) {
    const { tx, runtime } = await start(t, { capacity: 1 });
    const at = word();
    await runTask(tasks.hold(at), tx);
    await reached(at);
    await runTask(tasks.echo(1), tx);
    const waiting = [runTask(tasks.echo(2), tx), runTask(tasks.echo(3), tx)];
    const ending = runtime[end]();
    for (const each of waiting) await assert.rejects(within(2000, each, 'the send'), ChannelClosedError);
    release(at);
    const { finished, unfinished } = await within(5000, ending, end);
    assert.equal(finished.length + unfinished.length, 2);
  }
});

test('For its delay, a drain is only not ready, and accepts tasks', async (t) => {
  const { tx, runtime } = await start(t);
  const draining = runtime.drain({ delay: 200 });
  assert.equal(runtime.ready, false);
  const late = await runTask(tasks.echo('late'), tx);
  const { finished } = await within(5000, draining, 'drain');
  assert.equal(late.status().state, 'succeeded');
  assert.ok(finished.length <= 1);
  await assert.rejects(runTask(tasks.echo('new'), tx), ChannelClosedError);
});

test('close in the delay of a drain, or while a thread is starting again, does not wait', async (t) => {
  const { runtime } = await start(t);
  const draining = runtime.drain({ delay: 60_000 });
  await within(2000, runtime.close(), 'close');
  await draining;
  const { tx, runtime: other } = await start(t);
  await failure(await runTask(tasks.exit(word(), 1), tx));
  const queued = await runTask(tasks.echo(1), tx);
  await within(2000, other.close(), 'close');
  assert.match(queued.status().state, /cancelled|succeeded/);
});

test('`await using` drains: no accepted task is lost', async (t) => {
  keepStderr(t);
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

test('The report of an end that races with ends has each open task once', async (t) => {
  for (let round = 0; round < 10; round++) {
    const { tx, runtime } = await start(t, { concurrency: 1 + (round % 3) });
    const at = word();
    const handles: TaskHandle[] = [];
    for (let n = 0; n < 32; n++)
      handles.push(await runTask(n % 2 === 0 ? tasks.count(at) : tasks.countLater(at, n % 2), tx));
    if (round % 2 === 0) await sleep(round);
    const open = handles.filter((each) => each.status().finished === undefined);
    const { finished, unfinished } = await within(5000, runtime.drain({ timeout: round % 4 }), 'the end');
    const reported = ids([...finished, ...unfinished]);
    assert.equal(new Set(reported).size, reported.length);
    assert.ok(reported.length <= open.length);
    const { succeeded = 0 } = runtime.stats().ended.get('count') ?? {};
    const { succeeded: later = 0 } = runtime.stats().ended.get('countLater') ?? {};
    assert.equal(handles.filter((each) => each.status().state === 'succeeded').length, succeeded + later);
    assert.ok(Atomics.load(words, at) >= succeeded + later);
    assert.ok(handles.every((each) => each.status().finished !== undefined));
  }
});
