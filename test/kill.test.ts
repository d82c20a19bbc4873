/**
 * Chaos: random tasks, and a worker thread that ends at random moments. Afterwards the books must balance: each accepted
 * task has exactly one final state, and none ran more than once.
 */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { channel, runTask, startRuntime, type Task, type TaskHandle } from '#index';
import { sharedWords, within } from './fixtures/gates.js';
import { balance, counted } from './support/balance.js';
import { disturb } from './support/disturb.js';
import { figure } from './support/figures.js';
import { FIRST_WORD, randomTask } from './support/random-task.js';
import { keepStderr } from './support/stderr.js';
import { type Random, randomFrom, seedFrom } from './support/wait.js';
import { threads } from './support/watched-threads.js';

const words = sharedWords();

// What a failed test has left pending must not keep the process alive.
after(() => void setTimeout(() => process.exit(1), 2000).unref());

/** Ends the worker thread; rarely while nothing runs, for whoever dies at once, again and again, is started later and later. */
function strike(random: Random, idle: boolean): void {
  if (random(idle ? 400 : 40) === 0) void threads.at(-1)?.terminate();
}

async function run(t: TestContext, concurrency: number, count: number): Promise<void> {
  const seed = seedFrom('KILL_SEED');
  t.diagnostic(`KILL_SEED=${seed}`);
  const random = randomFrom(seed);
  const errors = keepStderr(t);
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
  const other = randomFrom(seed + 1);
  const disturbed = disturb(other, runtime, (idle) => strike(other, idle), done.signal);
  let told: string[];
  try {
    for (let n = 0; n < count; n++) {
      const handle = await within(20_000, runTask(randomTask(random, FIRST_WORD + n), tx), `send ${n}`);
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
    const waited = errors.reduce((sum, text) => sum + Number(/in (\d+) ms/.exec(text)?.[1] ?? 0), 0);
    const open = runtime.ledger.open().map((id) => runtime.ledger.read(id)?.state);
    t.diagnostic(`${threads.length} threads, delayed for ${waited} ms; open: ${open.join(', ') || 'none'}`);
  }
  await disturbed;
  const { unfinished } = await runtime.drain();
  assert.deepEqual(unfinished, []);
  assert.deepEqual(runtime.ledger.open(), []);
  const { runs, ...states } = balance(
    runtime,
    handles.map(({ id }, n) => [n, id]),
    words,
  );
  const { succeeded, failed, cancelled } = states;
  assert.equal(succeeded + failed + cancelled, count);
  const started = handles.filter((handle) => handle.status()?.started !== undefined).length;
  assert.deepEqual(counted(runtime), { ...states, waited: started, ran: started });
  for (const [n, handle] of handles.entries()) assert.equal(told[n], handle.status()?.state);
  t.diagnostic(`${JSON.stringify(states)}, ${runs} runs`);
  figure(`kills, concurrency ${concurrency}: ${threads.length - 1} survived, ${count} tasks balanced`);
  assert.ok(threads.length > 10 && succeeded > 100 && failed > 15 && cancelled > 10, 'Expected more chaos');
}

test(
  'One at a time: each accepted task ends exactly once, and runs at most once',
  { timeout: 120_000 },
  (t) => run(t, 1, 1000),
);

test('Overlapping: each accepted task ends exactly once, and runs at most once', { timeout: 120_000 }, (t) =>
  run(t, 4, 500),
);
