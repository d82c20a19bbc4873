/** The runtime: start, crashes, deadlines, cancelling, the end. Each test has a worker thread of its own. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { after, describe, test as it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import {
  ChannelClosedError,
  channel,
  move,
  type Receiver,
  type Runtime,
  type RuntimeOptions,
  runTask,
  Sender,
  startRuntime,
  type Task,
  type TaskHandle,
} from '#index';
import { eventually, idleShare, sharedWords, within } from './fixtures/gates.js';
import { tasks } from './fixtures/runtime-tasks.js';
import { corrupt, senderParked } from './support/state.js';
import { keepStderr } from './support/stderr.js';

const words = sharedWords();

// What a failed test has left pending must not keep the process alive.
after(() => void globalThis.setTimeout(() => process.exit(1), 2000).unref());

let nextWord = 16;
/** A word that no other test uses. */
const word = () => nextWord++;
const reached = (at: number) => eventually(() => Atomics.load(words, at) > 0);
const release = (at: number) => {
  Atomics.store(words, at, 2);
  Atomics.notify(words, at);
};
const fixture = (name: string) => new URL(`./fixtures/${name}.js`, import.meta.url);

/** A test that would wait for ever fails after a minute instead. */
function test(title: string, run: (t: TestContext) => void | Promise<void>): void {
  it(title, { timeout: 60_000 }, run);
}

interface Setup {
  readonly tx: Sender<Task>;
  readonly rx: Receiver<Task>;
  readonly runtime: Runtime;
  readonly errors: string[];
}

async function start(
  t: TestContext,
  options: Partial<RuntimeOptions> & { capacity?: number } = {},
): Promise<Setup> {
  const { capacity = 32, ...others } = options;
  const errors = keepStderr(t);
  const [tx, rx] = channel<Task>(capacity);
  const runtime = await startRuntime(rx, { tasks: fixture('runtime-tasks'), log: false, ...others });
  t.after(() => runtime.close());
  return { tx, rx, runtime, errors };
}

/** What `finished` rejects with; fails if it takes too long, or does not reject. */
async function failure(handle: TaskHandle<unknown>, ms = 2000): Promise<Error & { code?: string }> {
  return within(
    ms,
    handle.finished().then(
      () => assert.fail('Expected the task to fail'),
      (error) => error,
    ),
    'the task',
  );
}

/** The queue still works. */
async function assertGoesOn(tx: Sender<Task>): Promise<void> {
  assert.equal(await within(2000, (await runTask(tasks.echo('on'), tx)).finished(), 'the next task'), 'on');
}

describe('startRuntime', () => {
  test('rejects promptly when the tasks cannot be loaded, with the cause', async (t) => {
    keepStderr(t);
    for (const [name, expected] of [
      ['missing-tasks', { code: 'ERR_MODULE_NOT_FOUND' }],
      ['throwing-tasks', { message: 'no such database', code: 'E_DATABASE' }],
      ['exiting-tasks', { message: 'exit code 4' }],
      [
        'gates',
        { name: 'TypeError', message: /^Expected file:.*gates\.js to export `tasks`, made by defineTasks$/ },
      ],
      ['other-tasks', { name: 'TypeError', message: /made by defineTasks/ }],
    ] as const) {
      const [tx, rx] = channel<Task>();
      await assert.rejects(within(2000, startRuntime(rx, { tasks: fixture(name) }), name), expected);
      const closure = move({}, () => 1);
      await assert.rejects(runTask(closure, tx), ChannelClosedError, 'nobody will receive');
    }
  });

  test('leaves no task open that was sent before it failed', async (t) => {
    keepStderr(t);
    const [tx, rx] = channel<Task>();
    const starting = startRuntime(rx, { tasks: fixture('throwing-tasks') });
    const handle = await runTask(
      move({}, () => 1),
      tx,
    );
    await assert.rejects(starting);
    await failure(handle);
    assert.equal(handle.status()?.state, 'cancelled');
  });

  test('checks its options', async () => {
    const [, rx] = channel<Task>(8);
    const url = fixture('runtime-tasks');
    await assert.rejects(startRuntime(rx, { tasks: 'tasks.js' as unknown as URL }), TypeError);
    for (const wrong of [
      { concurrency: 0 },
      { concurrency: 257 },
      { concurrency: 1.5 },
      { history: 15 },
      { history: 2 ** 20 + 1 },
      { history: Number.NaN },
    ]) {
      await assert.rejects(
        startRuntime(rx, { tasks: url, ...wrong }),
        /^RangeError: Expected `(concurrency|history)`/,
      );
    }
  });

  test('refuses a receiver that has a runtime already, which goes on', async (t) => {
    const { tx, rx } = await start(t);
    await assert.rejects(startRuntime(rx, { tasks: fixture('runtime-tasks') }));
    await assertGoesOn(tx);
  });

  test('is needed before runTask', async () => {
    const [tx] = channel<Task>();
    await assert.rejects(async () => runTask(tasks.echo(1), tx), /Expected a runtime on this channel/);
  });

  test('knows the names of the tasks', async (t) => {
    const { tx, runtime } = await start(t);
    const handle = await runTask(tasks.count(word()), tx);
    await handle.finished();
    const record = handle.status();
    assert.ok(record);
    assert.equal(runtime.nameOf(record), 'count');
    assert.equal(runtime.nameOf({ ...record, fn: -1 }), 'closure');
  });
});

describe('A handle', () => {
  test('tells the state of its task while the worker thread is blocked', async (t) => {
    const { tx } = await start(t);
    const at = word();
    const holding = await runTask(tasks.tellHold(at, 0.4), tx);
    const queued = await runTask(tasks.echo(1), tx);
    await reached(at);
    assert.equal(holding.status()?.state, 'running');
    assert.equal(holding.status()?.progress, 0.4);
    assert.equal(queued.status()?.state, 'queued');
    assert.ok(queued.id > holding.id);
    release(at);
    await queued.finished();
    assert.equal(holding.status()?.state, 'succeeded');
    const { enqueued = 0, started = 0, finished = 0 } = holding.status() ?? {};
    assert.ok(enqueued <= started && started <= finished && finished <= Date.now());
  });

  test('resolves in all places where its end is awaited, also afterwards', async (t) => {
    const { tx } = await start(t);
    const handle = await runTask(tasks.later('x', 20), tx);
    assert.deepEqual(await Promise.all([handle.finished(), handle.finished()]), ['x', 'x']);
    assert.equal(await handle.finished(), 'x');
  });

  test('rejects with what the task threw, and with both stacks', async (t) => {
    const { tx, errors } = await start(t);
    const handle = await runTask(tasks.fails('out of range'), tx);
    const error = await failure(handle);
    assert.ok(error instanceof RangeError);
    assert.equal(error.message, 'out of range');
    assert.equal(error.code, 'E_RANGE');
    assert.equal((error.cause as Error).message, 'the cause');
    const [thrown, awaited] = error.stack?.split('---- awaited ----') ?? [];
    assert.match(thrown ?? '', /runtime-tasks\.ts:\d+/);
    assert.match(awaited ?? '', /runtime\.test\.(ts|js):\d+/);
    assert.deepEqual(errors, [], 'the worker has a console of its own');
  });

  test('says when the result was too large to keep, and when the record is gone', async (t) => {
    const { tx } = await start(t, { capacity: 2, history: 4 });
    const large = await runTask(tasks.echo('x'.repeat(20_000)), tx);
    const error = await failure(large);
    assert.equal(error.code, 'ERR_OUTCOME_OMITTED');
    assert.ok((large.status()?.omittedBytes ?? 0) > 20_000);
    for (let n = 0; n < 300; n++) await runTask(tasks.echo(n), tx);
    assert.equal(large.status(), undefined);
    assert.equal(large.cancel(), undefined);
    assert.equal((await failure(large)).code, 'ERR_TASK_EXPIRED');
  });

  test('works in another thread, with a sender of its own, and blocking', async (t) => {
    const { tx, runtime } = await start(t);
    const producer = new Worker(fixture('producer'), { workerData: tx.share() });
    const [{ id, ...told }] = await once(producer, 'message');
    const echoes = Array.from({ length: 50 }, (_, n) => n);
    const ended = { result: 'from another thread', state: 'succeeded', code: 'E_RANGE' };
    assert.deepEqual(told, { ...ended, echoes, refused: 'ERR_SEND_TIMEOUT' });
    assert.equal(runtime.ledger.read(id)?.outcome, 'from another thread');
  });
});

describe('When the worker thread dies, the task that ran fails and the queue goes on', () => {
  test('after process.exit', async (t) => {
    const { tx, errors } = await start(t);
    const at = word();
    const dying = await runTask(tasks.exit(at, 3), tx);
    const behind: TaskHandle<unknown>[] = [];
    for (let n = 0; n < 10; n++) behind.push(await runTask(tasks.echo(n), tx));
    const error = await failure(dying);
    assert.equal(error.code, 'ERR_WORKER_CRASHED');
    assert.equal((error.cause as Error).message, 'exit code 3');
    assert.equal(dying.status()?.state, 'failed');
    for (const [n, handle] of behind.entries()) assert.equal(await within(2000, handle.finished()), n);
    assert.equal(Atomics.load(words, at), 1, 'it is not run again');
    const log = errors.join('\n');
    assert.match(
      log,
      new RegExp(`^task failed: exit, id ${dying.id}\nWorkerCrashedError \\[ERR_WORKER_CRASHED\\]`, 'm'),
    );
    assert.match(log, /worker thread ended: \[?Error: exit code 3/);
  });

  test('after an uncaught error', async (t) => {
    const { tx } = await start(t);
    const error = await failure(await runTask(tasks.throwLater(word(), false), tx));
    assert.equal(error.code, 'ERR_WORKER_CRASHED');
    assert.equal((error.cause as Error).message, 'from a timer');
    await assertGoesOn(tx);
  });

  test('after an uncaught error that cannot be sent as it is', async (t) => {
    const { tx } = await start(t);
    const error = await failure(await runTask(tasks.throwLater(word(), true), tx));
    assert.match(error.message, /from a timer/);
    await assertGoesOn(tx);
  });

  test('and senders that wait for room go on', async (t) => {
    const { tx } = await start(t, { capacity: 2 });
    const at = word();
    await runTask(tasks.hold(at), tx);
    await reached(at);
    const dying = await runTask(tasks.exit(word(), 1), tx);
    await runTask(tasks.echo('queued'), tx);
    const waiting = Array.from({ length: 20 }, (_, n) => runTask(tasks.echo(n), tx));
    release(at);
    assert.equal((await failure(dying)).code, 'ERR_WORKER_CRASHED');
    for (const [n, sent] of waiting.entries()) assert.equal(await within(2000, (await sent).finished()), n);
  });

  test('with concurrency, all that ran fail', async (t) => {
    const { tx } = await start(t, { concurrency: 3 });
    const running = [await runTask(tasks.holdAsync(word()), tx), await runTask(tasks.holdAsync(word()), tx)];
    const dying = await runTask(tasks.throwLater(word(), false), tx);
    for (const handle of [...running, dying])
      assert.equal((await failure(handle)).code, 'ERR_WORKER_CRASHED');
    await assertGoesOn(tx);
  });

  test('at whatever call of Atomics it dies, each task ends once, and those who wait for it hear of it', async (t) => {
    for (let count = 1; count <= 16; count++) {
      const { tx, runtime } = await start(t); // a runtime of its own: nothing is delayed by former deaths
      const at = [word(), word(), word()] as const;
      const armed = await runTask(tasks.armExit(at[0], count, count % 2 === 0), tx);
      const handles = [armed, await runTask(tasks.count(at[1]), tx), await runTask(tasks.count(at[2]), tx)];
      const ends = handles.map((each) => each.finished().catch((error) => error.code));
      const outcomes = await within(3000, Promise.all(ends), `all when it dies at call ${count}`);
      for (const [n, handle] of handles.entries()) {
        const runs = Atomics.load(words, at[n] ?? 0);
        const { state } = handle.status() ?? {};
        assert.ok(state === 'succeeded' || outcomes[n] === 'ERR_WORKER_CRASHED', `${state} ${outcomes[n]}`);
        assert.ok(state === 'succeeded' ? runs === 1 : runs <= 1, `${state}, run ${runs} times`);
      }
      await runtime.close();
    }
  });

  test('after running out of memory', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--max-old-space-size=64',
      fixture('process').pathname,
      'memory',
    ]);
    assert.deepEqual(JSON.parse(stdout.split('\n').at(-2) ?? ''), [
      'ERR_WORKER_CRASHED',
      'ERR_WORKER_OUT_OF_MEMORY',
      'next',
      1,
    ]);
  });
});

describe('A thread that keeps dying at once', () => {
  test('is started later and later, and the runtime is not ready until one lives on', async (t) => {
    Atomics.store(words, 0, 1);
    Atomics.store(words, 1, 0);
    const { runtime, errors } = await start(t, { tasks: fixture('dying-tasks') });
    assert.equal(runtime.ready, true);
    await eventually(() => !runtime.ready);
    await eventually(() => errors.some((line) => line.includes('starting another in 200 ms')));
    Atomics.store(words, 0, 0);
    assert.equal(runtime.ready, false);
    await eventually(() => runtime.ready);
    assert.ok(Atomics.load(words, 1) <= 5);
    const delays = errors.map((line) => /in (\d+) ms/.exec(line)?.[1]);
    assert.deepEqual(delays.slice(0, 3), ['0', '100', '200']);
  });

  test('counts as such, too, if its start takes longer than a life would have to', async (t) => {
    for (const [at, value] of [1, 0, 1100].entries()) Atomics.store(words, at, value);
    t.after(() => void Atomics.store(words, 2, 0));
    const { runtime, errors } = await start(t, { tasks: fixture('dying-tasks') });
    await eventually(() => errors.some((line) => line.includes('starting another in 100 ms')));
    assert.equal(runtime.ready, false);
  });

  test('leaves a runtime that is not ready while the next one takes long to start', async (t) => {
    for (const [at, value] of [1, 0, 0].entries()) Atomics.store(words, at, value);
    t.after(() => void Atomics.store(words, 2, 0));
    const { runtime } = await start(t, { tasks: fixture('dying-tasks') });
    for (const [at, value] of [0, 0, 2000].entries()) Atomics.store(words, at, value);
    await eventually(() => !runtime.ready);
    assert.equal(runtime.failing, true);
    await eventually(() => runtime.ready);
    assert.equal(Atomics.load(words, 1), 1);
  });
});

describe('A deadline', () => {
  test('over a thread that cannot be ended leaves a runtime that is not ready, until there is another', async (t) => {
    const { tx, runtime } = await start(t);
    const stuck = await runTask(tasks.program(4), tx);
    const next = await runTask(tasks.echo('next'), tx);
    assert.equal((await failure(stuck)).name, 'TaskTimeoutError');
    await within(
      3500,
      eventually(() => !runtime.ready),
      'the end of a second of grace',
    );
    assert.equal(next.status()?.state, 'queued');
    assert.equal(await next.finished(), 'next');
    assert.equal(runtime.ready, true);
  });

  test('ends a sync task that never returns, and the next task runs within a second', async (t) => {
    const { tx, errors } = await start(t);
    const at = word();
    const endless = await runTask(tasks.spin(at), tx);
    const next = await runTask(tasks.echo('next'), tx);
    const error = await failure(endless, 1000);
    assert.equal(error.name, 'TaskTimeoutError');
    assert.equal(error.message, 'The task ran for longer than its timeout of 60 ms');
    assert.equal(await within(1000, next.finished()), 'next');
    assert.equal(Atomics.load(words, at), 1);
    const log = errors.join('\n');
    assert.match(log, new RegExp(`^task failed: spin, id ${endless.id}\nTaskTimeoutError`, 'm'));
    assert.match(log, /worker thread ended: .*timeout/);
  });

  test('ends an async task that never lets the event loop go on', async (t) => {
    const { tx } = await start(t);
    const endless = await runTask(tasks.spinAsync(word()), tx);
    assert.equal((await failure(endless)).code, 'ERR_TASK_TIMEOUT');
    await assertGoesOn(tx);
  });

  test('ends with it what else runs in that thread, and nothing else: what is queued runs in the next one', async (t) => {
    const { tx } = await start(t, { concurrency: 3 });
    const beside = await runTask(tasks.holdAsync(word()), tx);
    const endless = await runTask(tasks.spinAsync(word()), tx);
    const queued = [await runTask(tasks.echo(1), tx), await runTask(tasks.later(2, 1), tx)];
    assert.equal((await failure(endless)).code, 'ERR_TASK_TIMEOUT');
    const crashed = await failure(beside);
    assert.equal(crashed.code, 'ERR_WORKER_CRASHED');
    assert.match(crashed.message, /a task ran past its timeout/);
    const results = await within(2000, Promise.all(queued.map((each) => each.finished())));
    assert.deepEqual(results, [1, 2]);
  });

  test('aborts the signal of an async task, and does not cost the thread', async (t) => {
    const { tx, errors } = await start(t);
    const aborted = word();
    const stuck = await runTask(tasks.stuck(word(), aborted), tx);
    assert.equal((await failure(stuck)).code, 'ERR_TASK_TIMEOUT');
    await reached(aborted);
    await assertGoesOn(tx);
    assert.deepEqual(errors, [], 'no thread has ended');
  });

  test('counts from the start of the task', async (t) => {
    const { tx } = await start(t);
    const at = word();
    await runTask(tasks.hold(at), tx);
    const aborted = word();
    const stuck = await runTask(tasks.stuck(word(), aborted), tx);
    await sleep(100);
    assert.equal(stuck.status()?.deadline, undefined);
    release(at);
    await failure(stuck);
    const { started = 0, deadline = 0 } = stuck.status() ?? {};
    assert.equal(deadline - started, 60);
  });
});

describe('Cancel', () => {
  test('keeps a queued task from running', async (t) => {
    const { tx } = await start(t);
    const [at, never] = [word(), word()];
    await runTask(tasks.hold(at), tx);
    const queued = await runTask(tasks.count(never), tx);
    const end = failure(queued);
    assert.equal(queued.cancel(), 'queued');
    assert.equal((await end).code, 'ERR_TASK_CANCELLED');
    release(at);
    await assertGoesOn(tx);
    assert.equal(Atomics.load(words, never), 0);
  });

  test('is seen by a sync task that looks, and by the signal of an async one', async (t) => {
    const { tx } = await start(t);
    for (const task of [tasks.spinUntilCancelled, tasks.waitUntilCancelled]) {
      const at = word();
      const handle = await runTask(task(at), tx);
      await reached(at);
      assert.equal(handle.cancel(), 'running');
      const error = await failure(handle);
      assert.equal(error.code, 'ERR_TASK_CANCELLED');
      assert.equal((error.cause as Error).name, 'AbortError');
      assert.equal(handle.status()?.state, 'cancelled');
      assert.equal(handle.cancel(), 'cancelled');
    }
    await assertGoesOn(tx);
  });

  test('is no more than a question to a task that does not look', async (t) => {
    const { tx } = await start(t);
    const at = word();
    const handle = await runTask(tasks.hold(at), tx);
    await reached(at);
    assert.equal(handle.cancel(), 'running');
    assert.equal(handle.status()?.cancelRequested, true);
    release(at);
    await handle.finished();
    assert.equal(handle.status()?.state, 'succeeded');
    assert.equal(handle.cancel(), 'succeeded');
  });
});

describe('The end', () => {
  test('drain runs what is queued and refuses what is new', async (t) => {
    const { tx, runtime } = await start(t);
    const handles: TaskHandle<unknown>[] = [];
    for (let n = 0; n < 20; n++) handles.push(await runTask(tasks.later(n, 2), tx));
    assert.equal(runtime.ready, true);
    const draining = runtime.drain();
    assert.equal(runtime.ready, false);
    assert.equal(runtime.ending, true);
    await assert.rejects(runTask(tasks.echo(1), tx), ChannelClosedError);
    const { finished, unfinished } = await draining;
    assert.deepEqual(unfinished, []);
    assert.ok(finished.length > 0 && finished.every(({ state }) => state === 'succeeded'));
    assert.deepEqual(
      handles.map((each) => each.status()?.outcome),
      Array.from({ length: 20 }, (_, n) => n),
    );
    assert.equal(runtime.drain(), draining, 'asked again, it is the same drain');
  });

  test('drain reports a task, too, whose sender had its place before the end and wrote the record after it', async (t) => {
    const { tx, runtime } = await start(t);
    const task = tasks.echo('late');
    let id = -1;
    let draining: ReturnType<Runtime['drain']> | undefined;
    const claimed = (position: number) => {
      draining = runtime.drain();
      id = runtime.ledger.enqueue(position, task.number, task.kind);
      return true;
    };
    assert.equal(tx.trySend(task, { claimed }), true);
    const { finished = [], unfinished } = (await draining) ?? {};
    assert.deepEqual(
      finished.map(({ id, state }) => [id, state]),
      [[id, 'succeeded']],
    );
    assert.deepEqual(unfinished, []);
  });

  test('drain that gives up says what was not finished, and leaves no record open', async (t) => {
    const { tx, runtime } = await start(t, { capacity: 4 });
    const at = word();
    const held = await runTask(tasks.hold(at), tx);
    await reached(at);
    const queued = [await runTask(tasks.echo(1), tx), await runTask(tasks.echo(2), tx)];
    const { finished, unfinished } = await within(2000, runtime.drain({ timeout: 50 }));
    assert.deepEqual(finished, []);
    assert.deepEqual(
      unfinished.map(({ id, state }) => [id, state]),
      [
        [held.id, 'failed'],
        [queued[0]?.id, 'cancelled'],
        [queued[1]?.id, 'cancelled'],
      ],
    );
    assert.deepEqual(
      unfinished.map((record) => runtime.nameOf(record)),
      ['hold', 'echo', 'echo'],
    );
    assert.equal((await failure(held)).code, 'ERR_WORKER_CRASHED');
    for (const handle of queued) assert.equal((await failure(handle)).code, 'ERR_TASK_CANCELLED');
    assert.deepEqual(runtime.ledger.open(), []);
  });

  test('drain goes on after a crash', async (t) => {
    const { tx, runtime } = await start(t);
    const at = word();
    await runTask(tasks.hold(at), tx);
    const dying = await runTask(tasks.exit(word(), 1), tx);
    const behind = await runTask(tasks.echo('behind'), tx);
    await reached(at);
    const draining = runtime.drain();
    release(at);
    const { finished, unfinished } = await draining;
    assert.deepEqual(unfinished, []);
    assert.deepEqual(
      finished.map(({ state }) => state),
      ['succeeded', 'failed', 'succeeded'],
    );
    assert.equal(dying.status()?.state, 'failed');
    assert.equal(behind.status()?.outcome, 'behind');
  });

  test('drain tells senders that wait for room that they came too late', async (t) => {
    const { tx, runtime } = await start(t, { capacity: 2 });
    const at = word();
    await runTask(tasks.hold(at), tx);
    await reached(at);
    await runTask(tasks.echo(1), tx);
    await runTask(tasks.echo(2), tx);
    const waiting = Array.from({ length: 5 }, () => runTask(tasks.echo(3), tx));
    const refused = Promise.all(waiting.map((sent) => assert.rejects(sent, ChannelClosedError)));
    const { finished, unfinished } = await runtime.drain({ timeout: 0 });
    await within(1000, refused);
    const reported = [...finished, ...unfinished];
    assert.equal(reported.length, 3, 'what was never accepted is not reported');
    assert.ok(reported.every(({ state }) => state === 'failed' || state === 'cancelled'));
    assert.deepEqual(runtime.ledger.open(), []);
  });

  test('close ends the thread at once, whatever it does, and cuts a drain short', async (t) => {
    const { tx, runtime } = await start(t);
    const at = word();
    const held = await runTask(tasks.hold(at), tx);
    await reached(at);
    const draining = runtime.drain();
    await within(1000, runtime.close(), 'close');
    const { unfinished } = await within(100, draining);
    assert.deepEqual(
      unfinished.map(({ id }) => id),
      [held.id],
    );
    await runtime.close();
  });

  test('a message that was spoilt in the queue does not spoil the end', async (t) => {
    const { tx, rx, runtime } = await start(t);
    const at = word();
    await runTask(tasks.hold(at), tx);
    await reached(at);
    const handles = [await runTask(tasks.echo(1), tx), await runTask(tasks.echo(2), tx)];
    corrupt(rx.link.memory, 0, { byte: 0xff });
    await within(2000, runtime.close(), 'close');
    for (const handle of handles) await failure(handle);
    assert.deepEqual(runtime.ledger.open(), []);
  });

  test('a producer that died in the middle of a send does not keep what is behind it from its end', async (t) => {
    const { tx, runtime } = await start(t);
    const at = word();
    await runTask(tasks.hold(at), tx);
    await reached(at);
    const dying = Sender.attach<Task>(tx.share());
    const die = () => {
      throw new Error('as if its thread had ended here');
    };
    assert.throws(() => dying.trySend(tasks.echo(1), { claimed: die }));
    const behind = await runTask(tasks.echo(2), tx);
    const { unfinished } = await within(2000, runtime.drain({ timeout: 50 }), 'drain');
    assert.deepEqual(
      unfinished.map(({ state }) => state),
      ['failed', 'cancelled'],
    );
    assert.equal((await failure(behind)).code, 'ERR_TASK_CANCELLED');
    assert.deepEqual(runtime.ledger.open(), []);
  });

  test('leaves no record open of a producer that died while it waited for room', async (t) => {
    const { tx, runtime } = await start(t);
    const at = word();
    const running = await runTask(tasks.hold(at), tx);
    await reached(at);
    const handle = tx.share();
    const dying = new Worker(fixture('blocked-producer'), { workerData: handle });
    await eventually(() => senderParked(handle.memory, handle.slot));
    await dying.terminate();
    tx.bury(handle);
    const accepted = runtime.ledger.open().slice(0, 1 + tx.capacity);
    const { finished, unfinished } = await within(2000, runtime.drain({ timeout: 0 }), 'drain');
    assert.deepEqual(runtime.ledger.open(), []);
    assert.equal(accepted[0], running.id);
    assert.deepEqual(
      unfinished.map(({ id }) => id),
      accepted,
    );
    assert.deepEqual(finished, []);
  });

  test('await using closes the runtime', async (t) => {
    const { runtime } = await start(t);
    await runtime[Symbol.asyncDispose]();
    assert.equal(runtime.ending, true);
  });

  test('drain checks its timeout', async (t) => {
    const { runtime } = await start(t);
    for (const timeout of [-1, Number.NaN, 2 ** 31]) {
      await assert.rejects(async () => runtime.drain({ timeout }), RangeError);
    }
    assert.equal(runtime.ending, false);
  });

  for (const [scene, said] of [
    ['close', 'closed'],
    ['drain', 'late'],
    ['last sender', 'late'],
    ['pending', 'late'],
  ] as const) {
    test(`a process ends by itself after its work, scene: ${scene}`, async () => {
      const ended = promisify(execFile)(process.execPath, [fixture('process').pathname, scene]);
      const { stdout } = await within(5000, ended, 'the process');
      assert.equal(stdout.trim(), JSON.stringify(said));
    });
  }
});

test('An idle runtime takes less than a hundredth of a core', async (t) => {
  const { tx } = await start(t);
  await assertGoesOn(tx);
  const share = await idleShare(); // of all threads
  assert.ok(share < 0.01, `${share} of a core`);
});
