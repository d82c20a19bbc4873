/** The worker thread dies: what ran in it fails, is not run again, and another thread goes on with the queue. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { move, runTask, type WorkerCrashedError, type WorkerDeathEvent } from '#index';
import { tasks } from './fixtures/tasks.js';
import { assertGoesOn, failure, program, start, tasksFile, test } from './support/start.js';
import { eventually, reached, release, within, word, words } from './support/words.js';

for (const [how, task, message] of [
  ['process.exit', (at: number) => tasks.exit(at, 3), /exit code 3/],
  ['an uncaught error', (at: number) => tasks.throwLater(at, false), /from a timer/],
  ['an uncaught error that cannot be sent as it is', (at: number) => tasks.throwLater(at, true), /./],
] as const) {
  test(`After ${how} the task that ran has failed, and the queue goes on`, async (t) => {
    const { tx, runtime, errors } = await start(t);
    const at = word();
    const dying = await runTask(task(at), tx, { requestId: 'r-1' });
    const queued = [await runTask(tasks.echo(1), tx), await runTask(tasks.later(2, 1), tx)];
    const error = (await failure(dying)) as WorkerCrashedError;
    assert.equal(error.name, 'WorkerCrashedError');
    assert.equal(error.code, 'ERR_WORKER_CRASHED');
    assert.match(error.message, /^The worker thread ended while it ran the task: /);
    assert.match((error.cause as Error).message, message);
    const results = Promise.all(queued.map((each) => each.finished()));
    assert.deepEqual(await within(3000, results, 'the queued tasks'), [1, 2]);
    assert.equal(Atomics.load(words, at), 1);
    assert.equal(runtime.ready, true);
    const log = errors.join('\n');
    assert.match(log, new RegExp(`^task failed: \\w+, id ${dying.id}\nWorkerCrashedError`, 'm'));
    assert.match(log, /^worker thread ended: .*[\s\S]*^starting another in 0 ms$/m);
    const { restarts, deaths } = runtime.stats();
    assert.equal(restarts, 1);
    assert.equal(deaths[0]?.delay, 0);
    assert.match(deaths[0]?.cause ?? '', message);
  });
}

test('A thread that ends while nothing runs takes no task along', async (t) => {
  const { tx, runtime } = await start(t);
  const at = word();
  const armed = await runTask(tasks.exitLater(at, 30), tx);
  await armed.finished();
  await eventually(() => runtime.stats().restarts === 1);
  await assertGoesOn(tx);
  assert.equal(armed.status().state, 'succeeded');
});

test('Senders that wait for room go on when the worker has died', async (t) => {
  const { tx } = await start(t, { capacity: 2 });
  const at = word();
  await runTask(tasks.hold(at), tx);
  await reached(at);
  const dying = await runTask(tasks.exit(word(), 1), tx);
  await runTask(tasks.echo('queued'), tx);
  const waiting = Array.from({ length: 20 }, (_, n) => runTask(tasks.echo(n), tx));
  release(at);
  assert.equal((await failure(dying)).code, 'ERR_WORKER_CRASHED');
  for (const [n, sent] of waiting.entries())
    assert.equal(
      await within(
        3000,
        sent.then((each) => each.finished()),
        `task ${n}`,
      ),
      n,
    );
});

for (const parity of [0, 1]) {
  test(`At whatever call of Atomics the worker dies, ${parity === 0 ? 'before' : 'after'} it, each task ends once`, async (t) => {
    for (let count = 1; count <= 16; count++) {
      const { tx, runtime } = await start(t); // a runtime of its own: nothing is delayed by former deaths
      const at = [word(), word(), word()] as const;
      const armed = await runTask(tasks.armExit(at[0], count, parity === 1), tx);
      const handles = [armed, await runTask(tasks.count(at[1]), tx), await runTask(tasks.count(at[2]), tx)];
      const ends = Promise.all(handles.map((each) => each.ended()));
      const records = await within(5000, ends, `all when it dies at call ${count}`);
      for (const [n, { state, outcome }] of records.entries()) {
        const runs = Atomics.load(words, at[n] ?? 0);
        if (state === 'succeeded') assert.equal(runs, 1);
        else assert.equal((outcome as { code?: string }).code, 'ERR_WORKER_CRASHED');
        assert.ok(runs <= 1, `run ${runs} times`);
      }
      assert.equal(records.filter(({ state }) => state === 'failed').length <= 1, true);
      const { succeeded = 0, failed = 0 } = runtime.stats().ended.get('count') ?? {};
      assert.equal(succeeded + failed, 2);
      await within(3000, runtime.idle(), 'idle');
      await within(3000, runtime.close(), 'close');
    }
  });
}

test('A thread that runs out of memory fails its task, and the queue goes on', async () => {
  const url = new URL('./fixtures/process.js', import.meta.url);
  const { stdout, code } = await program(url, 'memory', '--max-old-space-size=64');
  assert.deepEqual(JSON.parse(stdout.split('\n').at(-2) ?? ''), [
    'ERR_WORKER_CRASHED',
    'ERR_WORKER_OUT_OF_MEMORY',
    'next',
    1,
  ]);
  assert.equal(code, 0);
});

/** Threads die while they import it, or at once after that, as words 0 and 1 say; word 2 counts them. */
const DYING = `
  import { getEnvironmentData } from 'node:worker_threads';
  const words = new Int32Array(getEnvironmentData('async-tasks test words'));
  Atomics.add(words, 2, 1);
  Atomics.wait(words, 3, 0, Atomics.load(words, 1));
  if (Atomics.load(words, 0) === 1) setTimeout(() => process.exit(7), 5);
  export const tasks = defineTasks({ echo: syncTask((value) => value) });`;

function dyingFrom(dies: 0 | 1, importMs: number): void {
  Atomics.store(words, 0, dies);
  Atomics.store(words, 1, importMs);
}

test('A thread that dies at once, again and again, is started later and later', async (t) => {
  dyingFrom(1, 0);
  Atomics.store(words, 2, 0);
  const { runtime, errors } = await start(t, { tasks: tasksFile(t, DYING).url });
  assert.equal(runtime.ready, true);
  await eventually(() => !runtime.ready);
  await eventually(() => errors.some((line) => line.includes('starting another in 200 ms')));
  assert.equal(runtime.failing, true);
  dyingFrom(0, 0);
  await eventually(() => runtime.ready);
  assert.equal(runtime.failing, false);
  const delays = errors.map((line) => /in (\d+) ms/.exec(line)?.[1]);
  assert.deepEqual(delays.slice(0, 3), ['0', '100', '200']);
  const { restarts, deaths } = runtime.stats();
  assert.equal(restarts, Atomics.load(words, 2) - 1);
  assert.deepEqual(
    deaths.slice(0, 3).map(({ delay }) => delay),
    [0, 100, 200],
  );
});

test('A thread that dies at once counts as such, too, if its start took long', async (t) => {
  dyingFrom(1, 1100);
  t.after(() => dyingFrom(0, 0));
  const { runtime, errors } = await start(t, { tasks: tasksFile(t, DYING).url });
  await eventually(() => errors.some((line) => line.includes('starting another in 100 ms')));
  assert.equal(runtime.ready, false);
});

test('A runtime is not ready while the next thread takes long to start', async (t) => {
  dyingFrom(1, 0);
  t.after(() => dyingFrom(0, 0));
  const { runtime } = await start(t, { tasks: tasksFile(t, DYING).url });
  dyingFrom(0, 2000);
  await eventually(() => !runtime.ready);
  assert.equal(runtime.failing, true);
  await eventually(() => runtime.ready);
});

test('The death of a thread is told of on the owner, with its cause', async (t) => {
  const heard: WorkerDeathEvent[] = [];
  const hear = (event: unknown) => void heard.push(event as WorkerDeathEvent);
  subscribe('async-tasks:worker:death', hear);
  t.after(() => unsubscribe('async-tasks:worker:death', hear));
  const { tx, runtime } = await start(t);
  await failure(await runTask(tasks.exit(word(), 3), tx));
  await assertGoesOn(tx);
  await runtime.close();
  assert.equal(heard.length, 1, 'an end that was asked for is no death');
  assert.match(heard[0]?.cause.message ?? '', /exit code 3/);
  assert.equal(heard[0]?.delay, 0);
});

test('A death that was not over a task, while tasks of `move` ran, leaves the other names alone', async (t) => {
  const { tx, runtime } = await start(t);
  const closure = await runTask(
    move({}, () => process.exit(1)),
    tx,
  );
  assert.equal((await failure(closure)).code, 'ERR_WORKER_CRASHED');
  assert.deepEqual([...runtime.stats().ended.keys()], ['closure']);
  await assertGoesOn(tx);
});
