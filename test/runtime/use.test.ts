/** Wrong use says what is wrong: what was expected, what came, what to do. */
import assert from 'node:assert/strict';
import {
  blockingRunTask,
  channel,
  defineTasks,
  move,
  runTask,
  startRuntime,
  syncTask,
  type Task,
  tryRunTask,
} from '#index';
import { tasks } from './fixtures/tasks.js';
import { assertGoesOn, keepStderr, program, start, TASKS, tasksFile, test } from './support/start.js';
import { within } from './support/words.js';

const run = [
  runTask,
  async (...args: never[]) => tryRunTask(...(args as unknown as Parameters<typeof tryRunTask>)),
  async (...args: never[]) => blockingRunTask(...(args as unknown as Parameters<typeof blockingRunTask>)),
] as ((...args: unknown[]) => Promise<unknown>)[];

test('What is no task, and what is no sender, is refused by name, and nothing is queued', async (t) => {
  const { tx } = await start(t);
  const task = tasks.echo(1);
  for (const enqueue of run) {
    await assert.rejects(
      enqueue(tx, task),
      /^TypeError: Expected `tx` to be a Sender, got .*: the task comes first, then the sender$/,
    );
    await assert.rejects(
      enqueue(tasks.echo, tx),
      /^TypeError: Expected a task made by defineTasks or move, got .*: did you forget to call it\?$/,
    );
    for (const wrong of [undefined, null, 7, 'echo', {}, { kind: 'sync', fn: 0, args: [] }])
      await assert.rejects(
        enqueue(wrong, tx),
        /^TypeError: Expected a task made by defineTasks or move, got /,
      );
    for (const wrong of [undefined, null, {}, tx.share()])
      await assert.rejects(enqueue(task, wrong), /^TypeError: Expected `tx` to be a Sender, got /);
  }
  assert.equal(tx.length, 0);
  await assertGoesOn(tx);
});

test('An option that does not exist, or cannot be, is refused everywhere', async (t) => {
  const { tx, runtime } = await start(t);
  const [, rx] = channel<Task>();
  const task = tasks.echo(1);
  for (const enqueue of run) {
    for (const wrong of [{ timout: 5 }, { timeOut: 5 }, { id: 'x' }])
      await assert.rejects(enqueue(task, tx, wrong), /^TypeError: Expected no option but .*got `/);
    for (const wrong of [null, 7, 'x'])
      await assert.rejects(enqueue(task, tx, wrong), /^TypeError: Expected `options` to be an object, got /);
    for (const requestId of ['', 'x'.repeat(65), 'ä', 'a\nb', 7, null])
      await assert.rejects(enqueue(task, tx, { requestId }), /^RangeError: Expected `requestId`/);
  }
  for (const timeout of [-1, Number.NaN, '5', null])
    await assert.rejects(runTask(task, tx, { timeout } as never), /^RangeError: Expected `timeout`/);
  await assert.rejects(runTask(task, tx, { signal: {} } as never), /^TypeError: Expected `signal`/);
  assert.throws(
    () => tryRunTask(task, tx, { timeout: 5 } as never),
    /Expected no option but `requestId`, got `timeout`/,
  );
  assert.throws(
    () => blockingRunTask(task, tx, { signal: AbortSignal.timeout(1) } as never),
    /Expected no option but `timeout`, `requestId`, got `signal`/,
  );
  assert.throws(
    () => channel(32, { maxbytes: 5 } as never),
    /Expected no option but `maxBytes`, got `maxbytes`/,
  );
  await assert.rejects(startRuntime(rx, { tasks: TASKS, concurency: 2 } as never), /got `concurency`/);
  assert.throws(() => runtime.drain({ timout: 2 } as never), /got `timout`/);
  assert.throws(() => syncTask(() => {}, { timeOut: 5 } as never), /got `timeOut`/);
  await assertGoesOn(tx);
});

test('Each option of startRuntime is checked before anything is done', async () => {
  const [, rx] = channel<Task>(8);
  for (const wrong of [null, '200', Number.NaN, 0, -1, 1.5, 2 ** 31, {}, true])
    for (const option of ['concurrency', 'history', 'startTimeout'])
      await assert.rejects(startRuntime(rx, { tasks: TASKS, [option]: wrong }), {
        name: 'RangeError',
        message: new RegExp(`^Expected \`${option}\``),
      });
  await assert.rejects(startRuntime(rx, { tasks: TASKS, concurrency: 257 }), RangeError);
  for (const log of [null, 0, 'no', {}])
    await assert.rejects(startRuntime(rx, { tasks: TASKS, log } as never), /^TypeError: Expected `log`/);
  for (const url of [null, undefined, TASKS.href, {}])
    await assert.rejects(startRuntime(rx, { tasks: url } as never), /^TypeError: Expected `tasks`/);
  for (const wrong of [null, undefined, 7, 'x'])
    await assert.rejects(startRuntime(rx, wrong as never), /^TypeError: Expected `options`/);
  await assert.rejects(startRuntime(null as never, { tasks: TASKS }), /^TypeError: Expected `rx`/);
  const runtime = await startRuntime(rx, { tasks: TASKS, log: false }); // the receiver is still free
  await runtime.close();
});

test('Each option of drain is checked, and a wrong one does not end the runtime', async (t) => {
  const { runtime } = await start(t);
  for (const wrong of [-1, Number.NaN, 2 ** 31, null, '200', Number.POSITIVE_INFINITY]) {
    assert.throws(() => runtime.drain({ timeout: wrong as number }), RangeError);
    assert.throws(() => runtime.drain({ delay: wrong as number }), RangeError);
  }
  for (const options of [null, 7, 'x']) assert.throws(() => runtime.drain(options as never), TypeError);
  assert.equal(runtime.ready, true);
});

test('Without a runtime, before it has started, and after it has failed, `runTask` says so', async (t) => {
  keepStderr(t);
  const [tx, rx] = channel<Task>();
  await assert.rejects(
    runTask(tasks.echo(1), tx),
    /^Error: Expected a runtime on this channel, started by this thread: await startRuntime/,
  );
  const starting = startRuntime(rx, { tasks: TASKS, log: false });
  await assert.rejects(
    runTask(tasks.echo(1), tx),
    /^Error: Expected startRuntime to have resolved: await it before runTask/,
  );
  const runtime = await starting;
  await assertGoesOn(tx);
  await runtime.close();
  await assert.rejects(runTask(tasks.echo(1), tx), { code: 'ERR_CHANNEL_CLOSED' });

  const [other, refused] = channel<Task>();
  const url = tasksFile(t, 'throw Object.assign(new Error("no such database"), { code: "E_DATABASE" });').url;
  await assert.rejects(startRuntime(refused, { tasks: url }), {
    message: 'no such database',
    code: 'E_DATABASE',
  });
  await assert.rejects(runTask(tasks.echo(1), other), (error: Error) => {
    assert.match(error.message, /The runtime could not be started/);
    assert.equal((error.cause as Error).message, 'no such database');
    return true;
  });
});

test('A receiver that has a runtime already is refused, and that one goes on', async (t) => {
  const { tx, rx } = await start(t);
  await assert.rejects(startRuntime(rx, { tasks: TASKS }), /This receiver was handed to another thread/);
  await assertGoesOn(tx);
});

test('A task that the runtime’s module has not, or has as another kind, is refused with those that it has', async (t) => {
  const { tx } = await start(t, {
    tasks: tasksFile(
      t,
      'export const tasks = defineTasks({ one: syncTask(() => 1), two: asyncTask(async () => 2) });',
    ).url,
  });
  const others = defineTasks({
    three: syncTask(() => 3),
    two: syncTask(() => 2),
    one: syncTask(() => 'by its name'),
  });
  await assert.rejects(
    runTask(others.three(), tx),
    /^TypeError: Expected a task of the runtime's tasks module, which has one \(sync\), two \(async\); got three \(sync\)$/,
  );
  await assert.rejects(runTask(others.two(), tx), /got two \(sync\)/);
  assert.equal(await (await runTask(others.one(), tx)).finished(), 1);
  assert.equal(
    await (
      await runTask(
        move({ n: 3 }, ({ n }) => n),
        tx,
      )
    ).finished(),
    3,
  );
});

test('A program in one file, which is its own tasks module, fails at once and says why', async (t) => {
  const { url } = tasksFile(
    t,
    `export const tasks = defineTasks({ one: syncTask(() => 1) });
     const [tx, rx] = channel();
     await startRuntime(rx, { tasks: new URL(import.meta.url) });`,
  );
  const from = performance.now();
  const { code, stderr } = await program(url, '');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Expected startRuntime to be called by the program, not by its tasks module.*put the tasks into a file of their own/,
  );
  assert.ok(performance.now() - from < 10_000);
});

test('startRuntime says what keeps it from starting', async (t) => {
  keepStderr(t);
  for (const [source, expected] of [
    ['process.exit(4);', { message: 'exit code 4' }],
    [
      'export const other = 1;',
      /^TypeError: Expected file:.*tasks\.mjs to export `tasks`, made by defineTasks of /,
    ],
    ['export const tasks = { one() {} };', /made by defineTasks of /],
    [
      'await new Promise(() => {});',
      /exit code 13: the top level of the tasks module awaits what never comes/,
    ],
    ['const a = ;', /^SyntaxError: Expected file:.*tasks\.mjs, .*to compile: Unexpected token/],
    ['export const tasks = defineTasks({ a: 1 });', /Expected task a to be made by syncTask or asyncTask/],
  ] as const) {
    const [tx, rx] = channel<Task>();
    const starting = startRuntime(rx, { tasks: tasksFile(t, source).url });
    await assert.rejects(within(5000, starting, source), expected as Error);
    await assert.rejects(runTask(tasks.echo(1), tx), /could not be started/);
    await assert.rejects(tx.send(tasks.echo(1)), { code: 'ERR_CHANNEL_CLOSED' });
  }
  const [, rx] = channel<Task>();
  await assert.rejects(startRuntime(rx, { tasks: new URL('./missing.js', TASKS) }), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
});

test('An import that never ends is given up after `startTimeout`', async (t) => {
  keepStderr(t);
  const [, rx] = channel<Task>();
  const { url } = tasksFile(t, 'for (;;);');
  const starting = startRuntime(rx, { tasks: url, startTimeout: 200 });
  await assert.rejects(within(5000, starting, 'the start'), {
    code: 'ERR_START_TIMEOUT',
    message: /tasks\.mjs to be imported within 200 ms/,
  });
});
