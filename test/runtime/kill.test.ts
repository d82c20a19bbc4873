/**
 * Tasks that exit, throw, hang and are cancelled, and a worker thread that ends at random moments. Afterwards the books
 * must balance: each accepted task has exactly one final state, and none ran more than once.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  channel,
  type Runtime,
  runTask,
  startRuntime,
  type Task,
  type TaskHandle,
  type TaskRecord,
} from '#index';
import { tasks } from './fixtures/tasks.js';
import { type Random, randomFrom, seedFrom } from './support/random.js';
import { keepStderr, TASKS } from './support/start.js';
import { threads } from './support/threads.js';
import { within, words } from './support/words.js';

const FIRST_WORD = 16;

function randomTask(random: Random, word: number): Task {
  switch (random(24)) {
    case 0:
      return tasks.exit(word, 7);
    case 1:
      return tasks.throwLater(word, random(2) === 0);
    case 2:
      return tasks.countAndFail(word);
    case 3:
      return tasks.exitLater(word, random(3));
    case 4:
      return tasks.waitUntilCancelled(word);
    case 5:
      return tasks.spinUntilCancelled(word);
    case 6:
      return random(4) === 0 ? tasks.spin(word) : tasks.count(word);
    case 7:
      return random(4) === 0 ? tasks.stuck(word, 8) : tasks.count(word);
    case 8:
      return tasks.armExit(word, 1 + random(16), random(2) === 0);
    default:
      return random(2) === 0 ? tasks.count(word) : tasks.countLater(word, random(4));
  }
}

/**
 * Cancels tasks and ends the thread, until `done`. A thread that has just been born and runs nothing is spared: after
 * deaths at once the next ones are started later and later.
 */
async function disturb(
  random: Random,
  runtime: Runtime,
  handles: readonly TaskHandle[],
  done: AbortSignal,
): Promise<void> {
  for (; !done.aborted; await sleep(1)) {
    const open = handles.slice(-64).filter((each) => each.status().finished === undefined);
    const victim = open[random(open.length || 1)];
    const waits = victim !== undefined && /Cancelled/.test(victim.status().name);
    if (random(waits ? 3 : 40) === 0) victim?.cancel();
    const [thread] = threads.slice(-1);
    const { running, queued } = runtime.stats();
    const isOld = queued === 0 && Date.now() - (thread?.born ?? 0) > 1500;
    if (random(50) === 0 && (running.length > 0 || isOld)) void thread?.terminate();
  }
}

async function run(t: TestContext, concurrency: number, count: number): Promise<void> {
  const seed = seedFrom('KILL_SEED');
  t.diagnostic(`KILL_SEED=${seed}`);
  const random = randomFrom(seed);
  keepStderr(t);
  words.fill(0);
  threads.length = 0;
  const [tx, rx] = channel<Task>(1 + random(32));
  const runtime = await startRuntime(rx, { tasks: TASKS, history: 4096, log: false, concurrency });
  t.after(() => within(5000, runtime.close(), 'close'));
  const handles: TaskHandle[] = [];
  const ends: Promise<TaskRecord>[] = [];
  const done = new AbortController();
  const disturbed = disturb(randomFrom(seed + 1), runtime, handles, done.signal);
  try {
    for (let n = 0; n < count; n++) {
      const handle = await within(20_000, runTask(randomTask(random, FIRST_WORD + n), tx), `send ${n}`);
      handles.push(handle);
      ends.push(handle.ended());
    }
    await within(20_000, Promise.all(ends), 'the last tasks');
  } finally {
    done.abort();
    const { capacity, queued, deaths } = runtime.stats();
    t.diagnostic(
      `capacity ${capacity}, ${queued} queued, ${tx.waiting} wait, last deaths ${JSON.stringify(deaths.slice(-2))}`,
    );
    const open = runtime.tasks().filter(({ finished }) => finished === undefined);
    t.diagnostic(
      `${threads.length} threads; open: ${open.map(({ id, name, state }) => `${id} ${name} ${state}`).join(', ') || 'none'}`,
    );
  }
  await disturbed;
  assert.deepEqual(runtime.stats().running, []);
  const { finished, unfinished } = await runtime.drain();
  assert.deepEqual([finished, unfinished], [[], []]);
  const records = await Promise.all(ends);
  const states = { succeeded: 0, failed: 0, cancelled: 0 };
  for (const [n, { state, started, name, id }] of records.entries()) {
    states[state as keyof typeof states] += 1;
    const runs = Atomics.load(words, FIRST_WORD + n);
    assert.ok(runs <= 1, `task ${id}, ${name}, ran ${runs} times`);
    if (state === 'succeeded') assert.equal(runs, 1, `${id} ${name}`);
    if (started === undefined) assert.equal(runs, 0, `${id} ${name}`);
  }
  assert.equal(new Set(records.map(({ id }) => id)).size, count);
  const counted = { succeeded: 0, failed: 0, cancelled: 0 };
  let ran = 0;
  for (const each of runtime.stats().ended.values()) {
    for (const state of ['succeeded', 'failed', 'cancelled'] as const) counted[state] += each[state];
    ran += each.run.counts.reduce((sum, bucket) => sum + bucket, 0);
  }
  assert.deepEqual(counted, states);
  assert.equal(ran, records.filter(({ started }) => started !== undefined).length);
  assert.equal(runtime.stats().restarts, threads.length - 1);
  t.diagnostic(`${JSON.stringify(states)}, ${threads.length} threads`);
  assert.ok(
    threads.length > 10 && states.succeeded > 100 && states.failed > 15 && states.cancelled > 10,
    'Expected more chaos',
  );
}

test(
  'One at a time: each accepted task ends exactly once, and runs at most once',
  { timeout: 240_000 },
  (t) => run(t, 1, 1000),
);

test('Overlapping: each accepted task ends exactly once, and runs at most once', { timeout: 240_000 }, (t) =>
  run(t, 4, 500),
);
