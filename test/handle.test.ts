/** What runTask leaves in the ledger, whether its send succeeds or not. */
import assert from 'node:assert/strict';
import { asyncTask, defineTasks, runTask, syncTask, type Task } from '#index';
import { Ledger } from '#runtime/ledger';
import { Watchers } from '#runtime/watchers';
import { gate, prepare, test } from './fixtures/executor.js';
import { within } from './fixtures/gates.js';

test('A task of another module is refused, not mistaken for the one with its number', async (t) => {
  const { tx, ledger } = prepare(t, { mine: syncTask(() => 'mine') });
  const other = defineTasks({ other: syncTask(() => 'other'), more: syncTask(() => 'more') });
  const namesake = defineTasks({ mine: syncTask(() => 'not mine') });
  for (const task of [other.other(), other.more(), namesake.mine()]) {
    await assert.rejects(runTask(task, tx), /^TypeError: Expected a task of the runtime's own tasks module/);
  }
  assert.equal(tx.length, 0);
  assert.deepEqual(ledger.open(), []);
});

test('A task whose send fails leaves no record', async (t) => {
  const { tx, rx, tasks, ledger } = prepare(t, { wait: syncTask((_value?: unknown) => {}) }, { capacity: 2 });
  const given = new AbortController();
  await assert.rejects(
    runTask(
      tasks.wait(() => {}),
      tx,
    ),
    { code: 'ERR_NOT_SENDABLE' },
  );
  await assert.rejects(runTask(tasks.wait('x'.repeat(10_000)), tx), { code: 'ERR_TASK_TOO_LARGE' });
  await assert.rejects(
    runTask(tasks.wait(), tx, { signal: AbortSignal.abort('early') }),
    (reason) => reason === 'early',
  );
  await runTask(tasks.wait(), tx);
  await runTask(tasks.wait(), tx);
  await assert.rejects(runTask(tasks.wait(), tx, { timeout: 5 }), { code: 'ERR_SEND_TIMEOUT' });
  const waiting = runTask(tasks.wait(), tx, { signal: given.signal });
  given.abort('given up');
  await assert.rejects(waiting, (reason) => reason === 'given up');
  const late = runTask(tasks.wait(), tx);
  rx.close();
  await assert.rejects(late, { code: 'ERR_CHANNEL_CLOSED' });
  await assert.rejects(runTask(tasks.wait(), tx), { code: 'ERR_CHANNEL_CLOSED' });
  assert.deepEqual(
    ledger.open().map((id) => ledger.read(id)?.state),
    ['queued', 'queued'],
  );
});

test('Who waits for many ends looks at each only once', async (t) => {
  const { tx, tasks, ledger, start } = prepare(t, { nothing: syncTask(() => {}) }, { capacity: 128 });
  const watch = t.mock.method(Watchers.prototype, 'watch');
  const ends: Promise<unknown>[] = [];
  for (let n = 0; n < 100; n++) ends.push((await runTask(tasks.nothing(), tx)).finished());
  assert.equal(watch.mock.callCount(), 100);
  assert.equal(ledger.open().length, 100);
  void start();
  await Promise.all(ends);
});

test('An end is not kept back by ends that come as fast as they are awaited', async (t) => {
  const { tx, rx, tasks, ledger } = prepare(t, { nothing: syncTask(() => {}) });
  const run = () =>
    rx.tryRecv((_task, position) => {
      ledger.start(position, 1);
      return ledger.finish(position, 'succeeded', null, 1) === 'succeeded';
    });
  let ended = false;
  const first = await runTask(tasks.nothing(), tx);
  void first.finished().then(() => {
    ended = true;
  });
  run();
  const second = await runTask(tasks.nothing(), tx);
  run();
  let turn = false;
  setImmediate(() => {
    turn = true;
  });
  await second.finished();
  await null;
  assert.equal(turn, false);
  assert.equal(ended, true);
});

test('A task that meets a channel which closes in the middle of its send leaves no record', async (t) => {
  const { tx, rx, tasks, ledger } = prepare(t, { wait: syncTask(() => {}) });
  const enqueue = Ledger.prototype.enqueue;
  t.mock.method(Ledger.prototype, 'enqueue', function (this: Ledger, ...args: Parameters<typeof enqueue>) {
    rx.discard(() => {}); // by another thread, after the position was claimed
    return enqueue.apply(this, args);
  });
  await assert.rejects(runTask(tasks.wait(), tx), { code: 'ERR_CHANNEL_CLOSED' });
  assert.deepEqual(ledger.open(), []);
});

test('Two senders that had the same number both hear of the end of their tasks', async (t) => {
  const gates = [gate(), gate()] as const;
  const { tx, tasks, start } = prepare(
    t,
    { wait: asyncTask((n: number) => gates[n as 0 | 1].opened) },
    { concurrency: 2 },
  );
  const { Sender } = await import('#channel');
  void start();
  const former = Sender.attach<Task>(tx.share());
  const first = await runTask(tasks.wait(0), former);
  former.close(); // its number is free, while its handle still waits for the end
  const latter = Sender.attach<Task>(tx.share());
  assert.equal(latter.slot, former.slot);
  const second = await runTask(tasks.wait(1), latter);
  const secondEnd = second.finished();
  const firstEnd = first.finished();
  gates[0].open();
  await within(1000, firstEnd, 'the task of the first sender');
  gates[1].open();
  await within(1000, secondEnd, 'the task of the second sender');
  latter.close();
});
