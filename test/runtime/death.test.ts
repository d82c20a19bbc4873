/**
 * The worker thread dies: what ran in it fails, is not run again, and another thread goes on with the queue, also if it
 * finds another module of tasks, or if no thread can be made for a while.
 */
import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import { syncBuiltinESMExports } from 'node:module';
import { after } from 'node:test';
import workerThreads from 'node:worker_threads';
import { channel, startRuntime, type Task, type WorkerDeathEvent } from '#index';
import { tasks } from './fixtures/tasks.js';
import { errors, failure, start, TASKS, tasksFile, test } from './support/setup.js';
import { eventually, word, words } from './support/words.js';

const shared = await start({ after });
const heard: WorkerDeathEvent[] = [];
subscribe('async-tasks:worker:death', (event) => void heard.push(event as WorkerDeathEvent));

for (const [how, task, message] of [
  ['process.exit', (at: number) => tasks.exit(at, 3), /exit code 3/],
  ['an uncaught error', (at: number) => tasks.throwLater(at, false), /from a timer/],
  ['an uncaught error that cannot be sent as it is', (at: number) => tasks.throwLater(at, true), /./],
] as const) {
  test(`After ${how} the task that ran has failed, the queue goes on, and the death is told of`, async () => {
    const { send, run, runtime } = shared;
    const [at, { restarts }] = [word(), runtime.stats()];
    heard.length = errors.length = 0;
    const dying = await send(task(at));
    const queued = [run(tasks.echo(1)), run(tasks.later(2, 1))];
    const error = await failure(dying, /^The worker thread ended while it ran the task: /);
    assert.deepEqual([error.name, error.code], ['WorkerCrashedError', 'ERR_WORKER_CRASHED']);
    assert.match((error.cause as Error).message, message);
    assert.deepEqual(await Promise.all(queued), [1, 2]);
    assert.ok(Atomics.load(words, at) <= 1);
    assert.equal(runtime.ready, true);
    const log = errors.join('\n');
    assert.match(log, /^task failed: (exit|throwLater), id \d+\nWorkerCrashedError/m);
    assert.match(log, /^worker thread ended: .*[\s\S]*^starting another in 0 ms$/m);
    assert.equal(runtime.stats().restarts, restarts + 1);
    const { delay, cause } = runtime.stats().deaths.at(-1) ?? assert.fail();
    assert.deepEqual([delay, heard.length, heard[0]?.delay], [0, 1, 0]);
    for (const text of [cause, heard[0]?.cause.message]) assert.match(text ?? '', message);
  });
}

test('A thread that ends while nothing runs takes no task along, and one that is asked to is not dead', async (t) => {
  const { send, runtime, goesOn } = await start(t);
  const armed = await send(tasks.exitLater(word(), 30));
  await armed.finished();
  await eventually(() => runtime.stats().restarts === 1);
  await goesOn();
  assert.equal(armed.status().state, 'succeeded');
  heard.length = 0;
  await runtime.close();
  assert.deepEqual(heard, []);
});

test('Threads that die at once, however long they took to start, are started later and later', async (t) => {
  const [dies, importMs, started] = [0, 1, 2];
  Atomics.store(words, importMs, 1100);
  const file = tasksFile(
    t,
    `import { words } from '${new URL('./support/words.js', import.meta.url)}';
     Atomics.add(words, ${started}, 1);
     Atomics.wait(words, 3, 0, Atomics.load(words, ${importMs}));
     setInterval(() => Atomics.load(words, ${dies}) === 1 && process.exit(7), 5);
     export const tasks = defineTasks({});`,
  );
  const { runtime } = await start(t, { tasks: file.url });
  assert.equal(runtime.ready, true);
  Atomics.store(words, importMs, 0);
  Atomics.store(words, dies, 1);
  await eventually(() => !runtime.ready);
  await eventually(() => errors.some((line) => line.includes('starting another in 200 ms')));
  Atomics.store(words, dies, 0);
  Atomics.store(words, importMs, 500);
  await eventually(() => Atomics.load(words, started) === 4);
  assert.deepEqual([runtime.ready, runtime.failing], [false, true], 'while a thread takes long to start');
  await eventually(() => runtime.ready);
  assert.equal(runtime.failing, false);
  const { restarts, deaths } = runtime.stats();
  assert.equal(restarts, 3);
  assert.equal(deaths.map(({ delay }) => delay).join(), '0,100,200');
});

const MODULE = `export const tasks = defineTasks({
  greet: syncTask((name) => 'hello ' + name),
  remove: syncTask((name) => 'removed ' + name),
  later: asyncTask(async () => 'later'),
  spin: syncTask(() => { for (;;); }, { timeout: 100 }),
  exit: syncTask(() => process.exit(1)),
});`;

test('While its module cannot be imported, threads die; a changed one runs the same names and kinds, with the old timeouts', async (t) => {
  const file = tasksFile(t, MODULE);
  const { tasks: mine } = await import(file.url.href);
  const { send, run, fail, runtime } = await start(t, { tasks: file.url });
  file.write('export const tasks = ;');
  await fail(mine.exit());
  const greet = await send(mine.greet('ann'));
  const [remove, later] = [await send(mine.remove('bob')), await send(mine.later())];
  await eventually(() => errors.some((line) => line.includes('starting another in 100 ms')));
  assert.equal(runtime.failing, true);
  file.write(`export const tasks = defineTasks({
    added: syncTask(() => 'added'),
    spin: syncTask(() => { for (;;); }),
    later: syncTask(() => 'later now'),
    greet: syncTask((name) => 'hello now ' + name),
  });`);
  assert.equal(await greet.finished(), 'hello now ann');
  await failure(remove, /^Expected a task of the tasks module, .* or this one has changed$/);
  await failure(later, /^Expected a task of the tasks module, and of its kind: .* or this one has changed$/);
  assert.equal(later.status().kind, 'async');
  await fail(mine.spin(), /timeout of 100 ms/);
  await eventually(() => runtime.ready);
  assert.equal(await run(mine.greet('bob')), 'hello now bob');
});

test('A thread that cannot be made is one that died at once, and if it is the first, the error of startRuntime', async (t) => {
  const { Worker } = workerThreads;
  const { send, fail, runtime } = await start(t);
  let left = 1;
  workerThreads.Worker = new Proxy(Worker, {
    construct(_, args) {
      if (left-- > 0) throw Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
      return Reflect.construct(Worker, args);
    },
  });
  syncBuiltinESMExports();
  const starting = startRuntime(channel<Task>()[1], { tasks: TASKS });
  await assert.rejects(starting, { code: 'ERR_WORKER_INIT_FAILED' });
  left = 3;
  await fail(tasks.exit(word(), 1));
  const behind = await send(tasks.echo('behind'));
  await eventually(() => !runtime.ready);
  assert.equal(runtime.failing, true);
  assert.equal(await behind.finished(), 'behind');
  assert.match(errors.join('\n'), /ERR_WORKER_INIT_FAILED[\s\S]*starting another in 100 ms/);
});
