/** A task is known by its name and kind, as the first worker thread reported them, also if the module is replaced. */
import assert from 'node:assert/strict';
import { type Definition, runTask, type Task, type Tasks } from '#index';
import { failure, start, type TasksFile, tasksFile, test } from './support/start.js';
import { within } from './support/words.js';

const FIRST = `export const tasks = defineTasks({
  greet: syncTask((name) => 'hello ' + name),
  remove: syncTask((name) => 'removed ' + name),
  later: asyncTask(async () => 'later', { timeout: 5000 }),
  exit: syncTask(() => process.exit(1)),
});`;

type Mine = Tasks<Record<'greet' | 'remove' | 'later' | 'exit' | 'echo', Definition<readonly unknown[]>>>;

async function mineOf(file: TasksFile): Promise<Mine> {
  return (await import(file.url.href)).tasks;
}

test('A module whose functions are in another order when a later thread imports it still runs the right ones', async (t) => {
  const file = tasksFile(t, FIRST);
  const mine = await mineOf(file);
  const { tx } = await start(t, { tasks: file.url });
  file.write(`export const tasks = defineTasks({
    added: syncTask(() => 'added'),
    remove: syncTask((name) => 'removed now ' + name),
    exit: syncTask(() => process.exit(1)),
    greet: syncTask((name) => 'hello now ' + name),
    later: asyncTask(async () => 'later now'),
  });`);
  const exit = await runTask(mine.exit(), tx);
  const queued = [mine.greet('ann'), mine.remove('bob'), mine.later()] as Task[];
  const handles = await Promise.all(queued.map((task) => runTask(task, tx)));
  assert.equal((await failure(exit)).code, 'ERR_WORKER_CRASHED');
  assert.deepEqual(await within(3000, Promise.all(handles.map((each) => each.finished())), 'the queued'), [
    'hello now ann',
    'removed now bob',
    'later now',
  ]);
});

test('A task that is missing in a later thread, or of the other kind, fails and says so, and the others run', async (t) => {
  const file = tasksFile(t, FIRST);
  const mine = await mineOf(file);
  const { tx, runtime } = await start(t, { tasks: file.url });
  file.write(`export const tasks = defineTasks({
    greet: asyncTask(async (name) => 'hello ' + name),
    later: asyncTask(async () => 'later'),
    exit: syncTask(() => process.exit(1)),
  });`);
  const exit = await runTask(mine.exit(), tx);
  const [greet, remove, later] = [
    await runTask(mine.greet('ann'), tx),
    await runTask(mine.remove('bob'), tx),
    await runTask(mine.later(), tx),
  ];
  await failure(exit);
  assert.match(
    (await failure(greet)).message,
    /^Expected task greet to be sync, as when the runtime was started, but it is async now: the tasks module has changed$/,
  );
  assert.match((await failure(remove)).message, /^Expected task remove .* it is missing now.*has changed$/);
  assert.equal(await within(3000, later.finished(), 'later'), 'later');
  assert.equal(greet.status().name, 'greet');
  assert.equal(greet.status().kind, 'sync');
  assert.equal(runtime.ready, true);
  const added = await runTask(mine.later(), tx);
  assert.equal(await within(3000, added.finished(), 'later'), 'later');
});

test('A module that cannot be imported any more lets threads die until it can, and the queue goes on', async (t) => {
  const file = tasksFile(t, FIRST);
  const mine = await mineOf(file);
  const { tx, runtime, errors } = await start(t, { tasks: file.url });
  file.write('export const tasks = ;');
  const exit = await runTask(mine.exit(), tx);
  const greet = await runTask(mine.greet('ann'), tx);
  await failure(exit);
  while (!errors.some((line) => line.includes('starting another in 100 ms')))
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(runtime.failing, true);
  file.write(FIRST);
  assert.equal(await within(10_000, greet.finished(), 'the queued'), 'hello ann');
});

test('Functions that a tool has rewritten in one of the threads are the same tasks', async (t) => {
  const file = tasksFile(t, FIRST);
  const mine = await mineOf(file);
  file.write(FIRST.replace("'hello '", "(globalThis.cov = 1, 'hello ')"));
  const { tx } = await start(t, { tasks: file.url });
  assert.equal(await (await runTask(mine.greet('ann'), tx)).finished(), 'hello ann');
});

test('Timeouts hold as the first thread reported them', async (t) => {
  const source = (timeout: number) => `export const tasks = defineTasks({
    echo: syncTask((value) => value),
    exit: syncTask(() => process.exit(1)),
    spin: syncTask(() => { for (;;); }, { timeout: ${timeout} }),
  });`;
  const file = tasksFile(t, source(100));
  const { tasks: mine } = await import(file.url.href);
  const { tx } = await start(t, { tasks: file.url });
  file.write(source(0));
  await failure(await runTask(mine.exit(), tx));
  const spin = await runTask(mine.spin(), tx);
  assert.match((await failure(spin)).message, /timeout of 100 ms/);
});
