/** Wrong use says what is wrong: what was expected, what came, what to do. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import {
  blockingRunTask,
  channel,
  defineTasks,
  runTask,
  startRuntime,
  syncTask,
  type Task,
  tryRunTask,
} from '#index';
import { tasks } from './fixtures/tasks.js';
import { program, start, TASKS, tasksFile, test } from './support/setup.js';

const { tx, rx, runtime, goesOn } = await start({ after });
const task = tasks.echo(1);

/** What the three ways to enqueue refuse, by the error. */
const REFUSED: readonly (readonly [error: RegExp, ...calls: (readonly unknown[])[]])[] = [
  [/^TypeError: Expected `tx` to be a Sender, got .*: the task comes first, then the sender$/, [tx, task]],
  [/^TypeError: Expected a task .*, got .*: did you forget to call it\?$/, [tasks.echo, tx]],
  [/^TypeError: Expected a task made by defineTasks or move, got /, [undefined, tx], [{ ...task }, tx]],
  [/^TypeError: Expected `tx` to be a Sender, got /, [task, undefined], [task, {}], [task, tx.share()]],
  [/^TypeError: Expected no option but .*got `/, [task, tx, { timout: 5 }], [task, tx, { id: 'x' }]],
  [/^TypeError: Expected `options` to be an object, got /, [task, tx, null], [task, tx, 7], [task, tx, 'x']],
  ...['', 'x'.repeat(65), 'a\nb', 7].map(
    (requestId) => [/^RangeError: Expected `requestId`/, [task, tx, { requestId }]] as const,
  ),
];
/** What only some of them refuse. */
const OPTIONS: readonly (readonly [enqueue: unknown, error: RegExp, ...options: object[]])[] = [
  [runTask, /^RangeError: Expected `timeout`/, { timeout: -1 }, { timeout: Number.NaN }, { timeout: '5' }],
  [runTask, /^TypeError: Expected `signal`/, { signal: {} }],
  [tryRunTask, /^TypeError: Expected no option but `requestId`, got `timeout`/, { timeout: 5 }],
  [blockingRunTask, /no option but `timeout`, `requestId`, got `signal`/, { signal: {} }],
];

test('What is no task, no sender or no option is refused by name, and nothing is queued', async () => {
  const refuses = (enqueue: unknown, error: RegExp, args: readonly unknown[]) =>
    assert.rejects(async () => (enqueue as (...args: unknown[]) => unknown)(...args), error);
  for (const enqueue of [runTask, tryRunTask, blockingRunTask])
    for (const [error, ...calls] of REFUSED) for (const args of calls) await refuses(enqueue, error, args);
  for (const [enqueue, error, ...wrong] of OPTIONS)
    for (const options of wrong) await refuses(enqueue, error, [task, tx, options]);
  assert.equal(tx.length, 0);
  await goesOn();
});

test('Each option of startRuntime is checked before anything is done', async () => {
  const [, rx] = channel<Task>(8);
  const refuses = (options: unknown, error: RegExp) =>
    assert.rejects(startRuntime(rx, options as { tasks: URL }), error);
  for (const concurrency of [null, '200', Number.NaN, 0, -1, 1.5, 257, 2 ** 31, {}, true])
    await refuses({ tasks: TASKS, concurrency }, /^RangeError: Expected `concurrency`/);
  await refuses({ tasks: TASKS, concurency: 2 }, /got `concurency`/);
  for (const log of [null, 0, 'no']) await refuses({ tasks: TASKS, log }, /^TypeError: Expected `log`/);
  for (const tasks of [null, TASKS.href, {}]) await refuses({ tasks }, /^TypeError: Expected `tasks`/);
  for (const wrong of [null, undefined, 7, 'x']) await refuses(wrong, /^TypeError: Expected `options`/);
  await assert.rejects(startRuntime(null as never, { tasks: TASKS }), /^TypeError: Expected `rx`/);
  const [, small] = channel<Task>(8, { maxBytes: 1023 });
  await assert.rejects(startRuntime(small, { tasks: TASKS }), /^RangeError: Expected `maxBytes`/);
  await (await startRuntime(rx, { tasks: TASKS, log: false })).close(); // the receiver is still free
});

test('Each option of drain is checked, and a wrong one does not end the runtime', () => {
  const refuses = (options: unknown, error: RegExp) =>
    assert.throws(() => runtime.drain(options as object), error);
  for (const option of ['timeout', 'delay'])
    for (const wrong of [-1, Number.NaN, 2 ** 31, null, '200', Number.POSITIVE_INFINITY])
      refuses({ [option]: wrong }, new RegExp(`^RangeError: Expected \`${option}\``));
  for (const options of [null, 7, 'x']) refuses(options, /^TypeError: Expected `options`/);
  refuses({ timout: 2 }, /got `timout`/);
  assert.equal(runtime.ready, true);
});

test('Without a runtime, and before it has started, `runTask` says so; a receiver has one runtime', async () => {
  const [other, free] = channel<Task>();
  const refuses = (error: RegExp | object) => assert.rejects(runTask(task, other), error);
  await refuses(/^Error: Expected a runtime on this channel, started by this thread: await startRuntime/);
  const starting = startRuntime(free, { tasks: TASKS, log: false });
  await refuses(/^Error: Expected startRuntime to have resolved: await it before runTask/);
  await (await starting).close();
  await refuses({ code: 'ERR_CHANNEL_CLOSED' });
  await assert.rejects(startRuntime(rx, { tasks: TASKS }), /This receiver was handed to another thread/);
  await goesOn();
});

test('A task that the runtime’s module has not, or has as another kind, is refused with those that it has', async (t) => {
  const source =
    'export const tasks = defineTasks({ one: syncTask(() => 1), two: asyncTask(async () => 2) });';
  const file = tasksFile(t, source);
  const { run } = await start(t, { tasks: file.url });
  const [one, two, three] = [syncTask(() => 'by its name'), syncTask(() => 2), syncTask(() => 3)];
  const others = defineTasks({ one, two, three });
  const message = "Expected a task of the runtime's tasks module, which has one (sync), two (async); got ";
  await assert.rejects(run(others.three()), { name: 'TypeError', message: `${message}three (sync)` });
  await assert.rejects(run(others.two()), { name: 'TypeError', message: `${message}two (sync)` });
  assert.equal(await run(others.one()), 1);
});

test('A program in one file, which is its own tasks module, fails at once and says why', async (t) => {
  const source = `export const tasks = defineTasks({ one: syncTask(() => 1) });
                  await startRuntime(channel()[1], { tasks: new URL(import.meta.url) });`;
  const { code, stderr } = await program(tasksFile(t, source).url);
  assert.equal(code, 1);
  assert.match(stderr, /to be called by the program, not by its tasks module.*into a file of their own/);
});

test('startRuntime says what keeps it from starting, and so does `runTask` afterwards', async (t) => {
  for (const [source, expected] of [
    ['process.exit(4);', { message: 'exit code 4' }],
    ['throw Object.assign(new Error("down"), { code: "E_DB" });', { message: 'down', code: 'E_DB' }],
    ['export const tasks = {};', /^TypeError: Expected file:.*tasks\.mjs to export `tasks`, .*two copies/],
    ['await new Promise(() => {});', /exit code 13: the top level of .* awaits what never comes/],
    ['const a = ;', /^SyntaxError: Expected file:.*tasks\.mjs, .*to compile: Unexpected token/],
    ['import "./missing.js";', { code: 'ERR_MODULE_NOT_FOUND' }],
  ] as const) {
    const [tx, rx] = channel<Task>();
    const starting = startRuntime(rx, { tasks: tasksFile(t, source).url });
    const cause = await starting.catch((thrown) => thrown);
    await assert.rejects(Promise.reject(cause), expected);
    await assert.rejects(runTask(task, tx), { message: 'The runtime could not be started', cause });
    await assert.rejects(tx.send(task), { code: 'ERR_CHANNEL_CLOSED' });
  }
});
