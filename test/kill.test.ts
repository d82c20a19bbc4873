/**
 * Chaos: random tasks, and a worker thread that ends at random moments. Afterwards the books must balance: each accepted
 * task has exactly one final state, and none ran more than once.
 */
import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import workerThreads, { Worker } from 'node:worker_threads';
import { channel, type Runtime, runTask, startRuntime, type Task, type TaskHandle } from '#index';
import { sharedWords, within } from './fixtures/gates.js';
import { tasks } from './fixtures/runtime-tasks.js';
import { randomFrom, seedFrom } from './support/wait.js';

const FIRST_WORD = 16;
const words = sharedWords();

// What a failed test has left pending must not keep the process alive.
after(() => void setTimeout(() => process.exit(1), 2000).unref());

/** The threads that the runtime has started; it offers no way to end one at a random moment. */
const threads: Worker[] = [];
class WatchedWorker extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args);
    threads.push(this);
  }
}
workerThreads.Worker = WatchedWorker;
syncBuiltinESMExports();

type Random = (bound: number) => number;

/** One of many kinds of tasks; it counts its runs at word `at`. */
function randomTask(random: Random, at: number): Task {
  const kind = random(1000);
  if (kind < 500) return tasks.count(at);
  if (kind < 650) return tasks.countLater(at, random(3));
  if (kind < 800) return tasks.countAndFail(at);
  if (kind < 815) return tasks.exit(at, random(256));
  if (kind < 820) return tasks.exitLater(at, random(10));
  if (kind < 825) return tasks.throwLater(at, random(2) === 0);
  if (kind < 845) return tasks.armExit(at, 1 + random(40), random(2) === 0);
  if (kind < 848) return tasks.spin(at);
  if (kind < 850) return tasks.spinAsync(at);
  if (kind < 855) return tasks.stuck(at, 1);
  if (kind < 858) return tasks.spinUntilCancelled(at);
  if (kind < 861) return tasks.waitUntilCancelled(at);
  return tasks.countLater(at, 0);
}

/** Ends the thread, or asks a task to stop, at random moments until `done` is aborted. */
async function chaos(
  random: Random,
  { ledger }: Runtime,
  handles: readonly TaskHandle<unknown>[],
  done: AbortSignal,
): Promise<void> {
  while (!done.aborted) {
    await sleep(random(12));
    // Rarely while nothing runs: whoever dies at once, again and again, is started later and later.
    const idle = ledger.running().length === 0;
    if (random(idle ? 400 : 40) === 0) void threads.at(-1)?.terminate();
    handles[Math.max(0, handles.length - 1 - random(40))]?.cancel();
    // Two kinds of tasks end only when they are asked to.
    for (const handle of handles.slice(-100)) {
      const { state, deadline, started = 0 } = handle.status() ?? {};
      if (state === 'running' && deadline === undefined && Date.now() - started > 50) handle.cancel();
    }
  }
}

function balance(runtime: Runtime, handles: readonly TaskHandle<unknown>[]): Record<string, number> {
  const count = { succeeded: 0, failed: 0, cancelled: 0, runs: 0 };
  for (const [n, handle] of handles.entries()) {
    const record = runtime.ledger.read(handle.id);
    const runs = Atomics.load(words, FIRST_WORD + n);
    const what = `task ${n}, ${record && runtime.nameOf(record)}, ${record?.state}, run ${runs} times`;
    assert.ok(record !== undefined && record.state !== 'queued' && record.state !== 'running', what);
    assert.ok(runs <= 1, what);
    if (record.state === 'succeeded') assert.equal(runs, 1, what);
    if (record.started === undefined) assert.equal(runs, 0, what);
    count[record.state] += 1;
    count.runs += runs;
  }
  return count;
}

async function run(t: TestContext, concurrency: number, count: number): Promise<void> {
  const seed = seedFrom('KILL_SEED');
  t.diagnostic(`KILL_SEED=${seed}`);
  const random = randomFrom(seed);
  const delays: number[] = [];
  t.mock.method(console, 'error', (text: string) => delays.push(Number(/in (\d+) ms/.exec(text)?.[1] ?? 0)));
  words.fill(0);
  threads.length = 0;
  const [tx, rx] = channel<Task>(1 + random(32));
  const options = {
    tasks: new URL('./fixtures/runtime-tasks.js', import.meta.url),
    history: 4096,
    log: false,
  };
  const runtime = await startRuntime(rx, { ...options, concurrency });
  t.after(() => within(5000, runtime.close(), 'close'));
  const handles: TaskHandle<unknown>[] = [];
  const ends: Promise<string>[] = [];
  const done = new AbortController();
  const disturbed = chaos(randomFrom(seed + 1), runtime, handles, done.signal);
  let told: string[];
  try {
    for (let n = 0; n < count; n++) {
      const handle = await within(10_000, runTask(randomTask(random, FIRST_WORD + n), tx), `send ${n}`);
      handles.push(handle);
      ends.push(
        handle.finished().then(
          () => 'succeeded',
          (error) => (error.code === 'ERR_TASK_CANCELLED' ? 'cancelled' : 'failed'),
        ),
      );
    }
    told = await within(15_000, Promise.all(ends), 'the last tasks');
  } finally {
    done.abort();
    const waited = delays.reduce((sum, ms) => sum + ms, 0);
    const open = runtime.ledger.open().map((id) => runtime.ledger.read(id)?.state);
    t.diagnostic(`${threads.length} threads, delayed for ${waited} ms; open: ${open.join(', ') || 'none'}`);
  }
  await disturbed;
  const { unfinished } = await runtime.drain();
  assert.deepEqual(unfinished, []);
  assert.deepEqual(runtime.ledger.open(), []);
  assert.equal(new Set(handles.map(({ id }) => id)).size, count);
  const { runs, ...states } = balance(runtime, handles);
  const { succeeded = 0, failed = 0, cancelled = 0 } = states;
  assert.equal(succeeded + failed + cancelled, count);
  for (const [n, handle] of handles.entries()) assert.equal(told[n], handle.status()?.state);
  t.diagnostic(`${JSON.stringify(states)}, ${runs} runs`);
  assert.ok(threads.length > 10 && succeeded > 100 && failed > 15 && cancelled > 10, 'Expected more chaos');
}

test('One at a time: each accepted task ends exactly once, and runs at most once', { timeout: 40_000 }, (t) =>
  run(t, 1, 1000),
);

test('Overlapping: each accepted task ends exactly once, and runs at most once', { timeout: 40_000 }, (t) =>
  run(t, 4, 500),
);
