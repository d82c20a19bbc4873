/** Tasks that overlap, and one that outlasts many others. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncTask, runTask, syncTask } from '#index';
import { gate, prepare, test } from './fixtures/executor.js';
import { heapInUse } from './fixtures/heap.js';

test('With concurrency N, async tasks overlap up to N, and start in the order of the queue', async (t) => {
  const started: number[] = [];
  let running = 0;
  let most = 0;
  const { tx, tasks, start } = prepare(
    t,
    {
      work: asyncTask(async (n: number) => {
        started.push(n);
        running += 1;
        most = Math.max(most, running);
        await sleep((n * 7) % 5);
        running -= 1;
      }),
    },
    { concurrency: 4 },
  );
  const executor = start();
  for (let n = 0; n < 100; n++) await runTask(tasks.work(n), tx);
  tx.close();
  await executor;
  assert.equal(most, 4);
  assert.equal(running, 0, 'the executor ends after its last task');
  assert.deepEqual(
    started,
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test('With concurrency N, a sync task runs alone', async (t) => {
  let running = 0;
  const together: number[] = [];
  const { tx, tasks, start } = prepare(
    t,
    {
      wait: asyncTask(async (ms: number) => {
        running += 1;
        await sleep(ms);
        running -= 1;
      }),
      sync: syncTask(() => {
        together.push(running);
      }),
    },
    { concurrency: 8 },
  );
  const executor = start();
  for (let n = 0; n < 40; n++) await runTask(n % 4 === 3 ? tasks.sync() : tasks.wait(n % 5), tx);
  tx.close();
  await executor;
  assert.deepEqual(together, new Array(10).fill(0));
});

test('The record of a task that runs for long is not given to another, however short the history', async (t) => {
  const finish = gate();
  const { tx, tasks, start } = prepare(
    t,
    {
      long: asyncTask(() => finish.opened.then(() => 'long')),
      short: asyncTask(async (n: number) => n),
    },
    { concurrency: 2, capacity: 4, history: 8 },
  );
  void start();
  const long = await runTask(tasks.long(), tx);
  for (let n = 0; n < 100; n++) {
    const short = await runTask(tasks.short(n), tx);
    assert.notEqual(short.id % 8, long.id % 8);
    assert.equal(await short.finished(), n);
    assert.equal(long.status()?.state, 'running');
  }
  finish.open();
  assert.equal(await long.finished(), 'long');
});

test('Nothing that was sent with a plain send is lost while a task runs for long', async (t) => {
  const finish = gate();
  let ran = 0;
  const { tx, tasks, start } = prepare(
    t,
    {
      long: asyncTask(() => finish.opened),
      short: asyncTask(async () => {
        ran += 1;
      }),
    },
    { concurrency: 2, capacity: 4, history: 8 },
  );
  const executor = start();
  await tx.send(tasks.long());
  void sleep(50).then(finish.open); // in case that the executor waits for the record
  for (let n = 0; n < 50; n++) await tx.send(tasks.short());
  tx.close();
  await executor;
  assert.equal(ran, 50);
});

test('A task that runs for long does not make the memory grow with every task that overtakes it', async (t) => {
  const finish = gate();
  const { tx, tasks, start } = prepare(
    t,
    { long: asyncTask(() => finish.opened), short: asyncTask(async () => {}) },
    { concurrency: 2 },
  );
  const executor = start();
  await runTask(tasks.long(), tx);
  const send = async (count: number) => {
    for (let n = 0; n < count; n++) await runTask(tasks.short(), tx);
  };
  await send(5000);
  const before = heapInUse();
  await send(20_000);
  const grown = heapInUse() - before;
  finish.open();
  tx.close();
  await executor;
  assert.ok(grown < 3_000_000, `${Math.round(grown / 20_000)} bytes for each task`);
});
