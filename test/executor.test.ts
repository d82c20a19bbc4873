/** The executor: order, outcomes, the event loop's turns, overlap. It runs in the test's own thread here. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, test as it, type TestContext } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { channelIn, type Receiver, type Sender } from '#channel';
import { createMemory } from '#channel/ring';
import {
  asyncTask,
  currentTask,
  type Definition,
  defineTasks,
  move,
  runTask,
  syncTask,
  type Task,
  type TaskHandle,
  type Tasks,
  tryRunTask,
} from '#index';
import { taskExec } from '#runtime/executor';
import { Ledger } from '#runtime/ledger';
import { createLedgerMemory } from '#runtime/records';
import { moduleOf } from '#runtime/task';
import { eventually, idleShare, within } from './fixtures/gates.js';
import { heapInUse } from './fixtures/heap.js';
import { corrupt } from './support/state.js';
import { until } from './support/wait.js';

process.setSourceMapsEnabled(true);

// What a failed test has left pending must not keep the process alive.
after(() => void globalThis.setTimeout(() => process.exit(1), 2000).unref());

interface Setup<D> {
  readonly tx: Sender<Task>;
  readonly rx: Receiver<Task>;
  readonly tasks: Tasks<D>;
  readonly ledger: Ledger;
  /** What the executor wrote to stderr, and to its log. */
  readonly errors: string[];
  readonly lines: string[];
  /** Starts the executor. Resolves when the channel is closed and drained. */
  start(): Promise<void>;
}

interface Options {
  readonly concurrency?: number;
  readonly capacity?: number;
  readonly history?: number;
}

/** A test that would wait for ever fails after 20 s instead. */
function test(title: string, run: (t: TestContext) => void | Promise<void>): void {
  it(title, { timeout: 20_000 }, run);
}

function prepare<const D extends Readonly<Record<string, Definition>>>(
  t: TestContext,
  definitions: D,
  { concurrency = 1, capacity = 32, history = 1024 }: Options = {},
): Setup<D> {
  const tasks = defineTasks(definitions);
  const module = moduleOf(tasks);
  assert.ok(module);
  const [tx, rx] = channelIn<Task>(createMemory(capacity, 4096, 2 ** Math.ceil(Math.log2(2 * capacity))));
  const ledger = new Ledger(createLedgerMemory(history, 4096, concurrency > 1));
  ledger.module = module.id;
  rx.link.companion = ledger.memory;
  const errors: string[] = [];
  const lines: string[] = [];
  t.mock.method(console, 'error', (text: string) => errors.push(text));
  let ended: Promise<void> | undefined;
  const start = () => {
    ended ??= taskExec(rx, { module, ledger, concurrency, log: (line) => lines.push(line) });
    return ended;
  };
  t.after(async () => {
    tx.close();
    ledger.open().map((id) => ledger.cancel(id));
    if (ended !== undefined) await within(1000, ended, 'the executor').catch(() => {});
  });
  return { tx, rx, tasks, ledger, errors, lines, start };
}

/** The clock of the executor and the ledger stands where `ms` says. */
function setClock(t: TestContext, ms: () => number): void {
  t.mock.method(process, 'hrtime', () => [Math.floor(ms() / 1000), (ms() % 1000) * 1e6]);
}

/** A promise, and the function that resolves it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('Tasks run one after the other, in the order of the queue, and async ones are awaited', async (t) => {
  const trace: string[] = [];
  const { tx, tasks, start } = prepare(t, {
    sync: syncTask((n: number) => {
      trace.push(`start ${n}`, `end ${n}`);
    }),
    async: asyncTask(async (n: number) => {
      trace.push(`start ${n}`);
      await sleep(n % 3);
      trace.push(`end ${n}`);
    }),
  });
  const executor = start();
  for (let n = 0; n < 60; n++) await runTask(n % 2 === 0 ? tasks.sync(n) : tasks.async(n), tx);
  tx.close();
  await executor;
  assert.deepEqual(trace, Array.from({ length: 60 }, (_, n) => [`start ${n}`, `end ${n}`]).flat());
});

test('A task gets its arguments, and its handle its result', async (t) => {
  const { tx, tasks, start } = prepare(t, {
    join: syncTask((...words: string[]) => words.join(' ')),
    later: asyncTask(async (value: unknown) => [value]),
    nothing: syncTask(() => {}),
  });
  void start();
  assert.equal(await (await runTask(tasks.join('a', 'b', 'c'), tx)).finished(), 'a b c');
  const value = { map: new Map([[1, new Date(5)]]) };
  assert.deepEqual(await (await runTask(tasks.later(value), tx)).finished(), [value]);
  const nothing = await runTask(tasks.nothing(), tx);
  assert.equal(await nothing.finished(), undefined);
  assert.equal(nothing.status()?.state, 'succeeded');
});

test('The log tells of the start and of each task, in the words of the template', async (t) => {
  const { tx, tasks, lines, start } = prepare(t, { nothing: syncTask(() => {}) });
  const executor = start();
  for (let n = 0; n < 2; n++) await runTask(tasks.nothing(), tx);
  tx.close();
  await executor;
  assert.deepEqual(lines, ['task executor started', 'start new task', 'start new task']);
});

test('A task that throws or rejects is logged with name, arguments and stack, and the loop goes on', async (t) => {
  const { tx, tasks, errors, start } = prepare(t, {
    throws: syncTask((_text: string, _options: { depth: number }) => {
      throw Object.assign(new RangeError('too deep', { cause: new Error('the cause') }), { code: 'E_DEEP' });
    }),
    rejects: asyncTask(async (_n: number) => {
      await setImmediate();
      throw new Error('later');
    }),
    throwsText: syncTask(() => {
      throw 'only text';
    }),
    fine: syncTask(() => 'fine'),
  });
  void start();
  const throws = await runTask(tasks.throws('foo', { depth: 3 }), tx);
  const rejects = await runTask(tasks.rejects(42), tx);
  const text = await runTask(tasks.throwsText(), tx);
  const fine = await runTask(tasks.fine(), tx);
  await assert.rejects(throws.finished(), (error: RangeError & { code?: string }) => {
    assert.ok(error instanceof RangeError);
    assert.equal(error.message, 'too deep');
    assert.equal(error.code, 'E_DEEP');
    assert.equal((error.cause as Error).message, 'the cause');
    return true;
  });
  await assert.rejects(rejects.finished(), { message: 'later' });
  await assert.rejects(text.finished(), (error) => error === 'only text');
  assert.equal(await fine.finished(), 'fine');
  assert.equal(throws.status()?.state, 'failed');
  assert.equal(errors.length, 3);
  assert.match(errors[0] ?? '', /^task failed: throws\('foo', \{ depth: 3 \}\)\nRangeError: too deep/);
  assert.match(errors[0] ?? '', /executor\.test\.ts:\d+:\d+/);
  assert.match(errors[0] ?? '', /the cause/);
  assert.match(errors[1] ?? '', /^task failed: rejects\(42\)\nError: later/);
  assert.match(errors[1] ?? '', /executor\.test\.ts:\d+:\d+/);
  assert.match(errors[2] ?? '', /^task failed: throwsText\(\)\n'only text'/);
});

test('A long argument is shortened in the log', async (t) => {
  const { tx, tasks, errors, start } = prepare(t, {
    throws: syncTask((_text: string, _deep: unknown) => {
      throw new Error('no');
    }),
  });
  void start();
  const handle = await runTask(tasks.throws('x'.repeat(3000), { a: { b: { c: { d: 1 } } } }), tx);
  await assert.rejects(handle.finished());
  assert.ok((errors[0]?.split('\n')[0]?.length ?? 0) < 250, errors[0]);
});

test('A sync task that returns a promise fails and says why', async (t) => {
  const { tx, tasks, start } = prepare(t, {
    promising: syncTask(((fails: boolean) =>
      fails ? Promise.reject(new Error('unseen')) : Promise.resolve(1)) as unknown as (
      fails: boolean,
    ) => number),
  });
  void start();
  for (const fails of [false, true]) {
    const handle = await runTask(tasks.promising(fails), tx);
    await assert.rejects(
      handle.finished(),
      /^TypeError: Expected a sync task to return no promise: use asyncTask/,
    );
  }
  const closure = await runTask(
    move({}, () => Promise.resolve(1)),
    tx,
  );
  await assert.rejects(closure.finished(), /TypeError: Expected a sync task to return no promise/);
});

test('A result that cannot cross fails the task with the path to what is in the way', async (t) => {
  const result = { user: { save() {} } } as unknown as number;
  const { tx, tasks, start } = prepare(t, {
    sync: syncTask(() => result),
    async: asyncTask(async () => result),
  });
  void start();
  for (const task of [tasks.sync(), tasks.async()]) {
    const handle = await runTask(task, tx);
    await assert.rejects(handle.finished(), { name: 'NotSendableError', code: 'ERR_NOT_SENDABLE' });
    await assert.rejects(handle.finished(), /value\.user\.save is a function/);
  }
});

test('Whatever a task throws, it ends as failed and the loop goes on', async (t) => {
  const knot = new Error('knot');
  knot.cause = knot;
  const hostile = {
    [Symbol.for('nodejs.util.inspect.custom')]() {
      throw new Error('not to be shown');
    },
  };
  const thrown: unknown[] = [
    () => {},
    Symbol('s'),
    undefined,
    null,
    knot,
    { f() {} },
    new (class Odd {})(),
    hostile,
  ];
  const { tx, tasks, start } = prepare(t, {
    throws: syncTask((n: number) => {
      throw thrown[n];
    }),
    rejects: asyncTask(async (n: number) => {
      throw thrown[n];
    }),
    fine: syncTask(() => 'fine'),
  });
  void start().catch(() => {});
  for (const n of thrown.keys()) {
    for (const task of [tasks.throws(n), tasks.rejects(n)]) {
      const handle = await runTask(task, tx);
      await within(
        1000,
        handle.finished().catch(() => {}),
        `what throws ${n}`,
      );
      assert.equal(handle.status()?.state, 'failed');
    }
  }
  assert.equal(await (await runTask(tasks.fine(), tx)).finished(), 'fine');
});

test('A closure of move sees its captures, globals and what it imports', async (t) => {
  const { tx, start } = prepare(t, {});
  void start();
  const someVar = 'foo';
  const sync = await runTask(
    move({ someVar }, ({ someVar }) => `${someVar} ${typeof setTimeout} ${Math.max(1, 2)}`),
    tx,
  );
  assert.equal(await sync.finished(), 'foo function 2');
  const async = await runTask(
    move({ someVar }, async ({ someVar }) => (await import('node:path')).join(someVar, 'bar')),
    tx,
  );
  assert.equal(await async.finished(), 'foo/bar');
  const named = await runTask(
    move({ n: 5 }, function factorial({ n }): number {
      return n <= 1 ? 1 : n * factorial({ n: n - 1 });
    }),
    tx,
  );
  assert.equal(await named.finished(), 120);
});

declare const globalEval: unknown;

test('A closure of move that uses anything else of its place fails and names it', async (t) => {
  const { tx, errors, start } = prepare(t, {});
  void start();
  const outer = 'outer';
  for (const task of [move({}, () => outer), move({}, async () => outer)]) {
    const handle = await runTask(task, tx);
    await assert.rejects(handle.finished(), /^ReferenceError: outer is not defined/);
  }
  assert.match(errors[0] ?? '', /^task failed: closure\(\{\}\)\nReferenceError: outer is not defined/);
  const module = await runTask(
    move({}, () => typeof globalEval as string),
    tx,
  );
  assert.equal(await module.finished(), 'undefined', "nor does it see the executor's names");
});

test('A closure of move gets its context as the second parameter', async (t) => {
  const { tx, start } = prepare(t, {});
  void start();
  const handle = await runTask(
    move({ part: 0.5 }, ({ part }, context) => {
      context.progress(part);
      throw context.id;
    }),
    tx,
  );
  assert.equal(await handle.finished().catch((id) => id), handle.id);
  assert.equal(handle.status()?.progress, 0.5);
});

test('currentTask knows the task that runs, and nothing outside of one', async (t) => {
  const { tx, tasks, start } = prepare(t, {
    sync: syncTask(() => currentTask().id),
    async: asyncTask(async () => {
      const context = currentTask();
      await setImmediate();
      assert.throws(
        currentTask,
        /^Error: Expected a running task: call currentTask\(\) before the first await/,
      );
      return context.id;
    }),
  });
  void start();
  for (const task of [tasks.sync(), tasks.async()]) {
    const handle = await runTask(task, tx);
    assert.equal(await handle.finished(), handle.id);
  }
  assert.throws(currentTask);
});

test('Progress is a number from 0 to 1, and 1 when the task has succeeded', async (t) => {
  const { tx, tasks, start } = prepare(t, {
    tell: syncTask((part: number) => currentTask().progress(part)),
    tellAndFail: syncTask((part: number) => {
      currentTask().progress(part);
      throw new Error('on purpose');
    }),
  });
  void start();
  for (const wrong of [-0.1, 1.1, Number.NaN]) {
    const handle = await runTask(tasks.tell(wrong), tx);
    await assert.rejects(handle.finished(), RangeError);
  }
  const handle = await runTask(tasks.tell(1 / 3), tx);
  await handle.finished();
  assert.equal(handle.status()?.progress, 1);
  const failing = await runTask(tasks.tellAndFail(1 / 3), tx);
  await assert.rejects(failing.finished());
  assert.equal(failing.status()?.progress, 0.333333);
});

test('A task of another module is refused, not mistaken for the one with its number', async (t) => {
  const { tx, ledger } = prepare(t, { mine: syncTask(() => 'mine') });
  const other = defineTasks({ other: syncTask(() => 'other'), more: syncTask(() => 'more') });
  for (const task of [other.other(), other.more()]) {
    await assert.rejects(runTask(task, tx), /^TypeError: Expected a task of the runtime's own tasks module/);
  }
  assert.equal(tx.length, 0);
  assert.deepEqual(ledger.open(), []);
});

test('A task whose send fails leaves no record', async (t) => {
  const { tx, rx, tasks, ledger } = prepare(t, { wait: syncTask((_value?: unknown) => {}) }, { capacity: 2 });
  const given = new AbortController();
  await assert.rejects(
    runTask(
      tasks.wait(() => {}),
      tx,
    ),
    { code: 'ERR_NOT_SENDABLE' },
  );
  await assert.rejects(runTask(tasks.wait('x'.repeat(10_000)), tx), { code: 'ERR_TASK_TOO_LARGE' });
  await assert.rejects(
    runTask(tasks.wait(), tx, { signal: AbortSignal.abort('early') }),
    (reason) => reason === 'early',
  );
  await runTask(tasks.wait(), tx);
  await runTask(tasks.wait(), tx);
  await assert.rejects(runTask(tasks.wait(), tx, { timeout: 5 }), { code: 'ERR_SEND_TIMEOUT' });
  const waiting = runTask(tasks.wait(), tx, { signal: given.signal });
  given.abort('given up');
  await assert.rejects(waiting, (reason) => reason === 'given up');
  const late = runTask(tasks.wait(), tx);
  rx.close();
  await assert.rejects(late, { code: 'ERR_CHANNEL_CLOSED' });
  await assert.rejects(runTask(tasks.wait(), tx), { code: 'ERR_CHANNEL_CLOSED' });
  assert.deepEqual(
    ledger.open().map((id) => ledger.read(id)?.state),
    ['queued', 'queued'],
  );
});

test('A task that meets a channel which closes in the middle of its send leaves no record', async (t) => {
  const { tx, rx, tasks, ledger } = prepare(t, { wait: syncTask(() => {}) });
  const enqueue = Ledger.prototype.enqueue;
  t.mock.method(Ledger.prototype, 'enqueue', function (this: Ledger, ...args: Parameters<typeof enqueue>) {
    rx.close(); // by another thread, after the position was claimed
    return enqueue.apply(this, args);
  });
  await assert.rejects(runTask(tasks.wait(), tx), { code: 'ERR_CHANNEL_CLOSED' });
  assert.deepEqual(ledger.open(), []);
});

test('Tasks that were sent with a plain send run too, without a record to read', async (t) => {
  const seen: number[] = [];
  const { tx, tasks, ledger, start } = prepare(t, { see: syncTask((n: number) => seen.push(n)) });
  for (let n = 0; n < 10; n++) await tx.send(tasks.see(n));
  const executor = start();
  for (let n = 10; n < 200; n++) await (n % 3 === 0 ? runTask(tasks.see(n), tx) : tx.send(tasks.see(n)));
  tx.close();
  await executor;
  assert.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, n) => n),
  );
  for (let id = 0; id < 200; id++) {
    const recorded = id >= 10 && id % 3 === 0;
    assert.equal(ledger.read(id)?.state, recorded ? 'succeeded' : undefined);
  }
});

test('The event loop has its turn whenever a millisecond has passed, however full the queue is', async (t) => {
  let ran = 0;
  let over = false;
  let fired = 0;
  let clock = 1e6;
  const atTurn: number[] = [];
  const turn = () => {
    atTurn.push(ran);
    if (!over) globalThis.setImmediate(turn);
  };
  setClock(t, () => clock);
  /** A task that takes the part of a millisecond that `each` tasks share. */
  const work = (each: number) => {
    ran += 1;
    if (ran % each === 0) clock += 1;
  };
  const { tx, tasks, start } = prepare(t, {
    leave: syncTask(() => {
      const timer = setInterval(() => {
        fired += 1;
        if (over) clearInterval(timer);
      }, 1);
    }),
    short: syncTask(() => work(100)),
    async: asyncTask(async () => work(100)),
    long: syncTask(() => work(1)),
  });
  t.after(() => {
    over = true; // a failure here must not keep the loop busy under the tests that follow
  });
  void start();
  await (await runTask(tasks.leave(), tx)).finished();
  turn();
  // Twice as many, for this test's own turn may come before or after the executor's.
  for (const [task, atMost] of [
    [tasks.short(), 200],
    [tasks.async(), 200],
    [tasks.long(), 2],
  ] as const) {
    await (await runTask(task, tx)).finished(); // the ones before it have all run
    atTurn.length = 0;
    const from = ran;
    fired = 0;
    for (const end = performance.now() + 150; performance.now() < end; ) await tx.send(task);
    const gaps = [...atTurn, ran].map((count, i) => count - (atTurn[i - 1] ?? from));
    assert.ok(Math.max(...gaps) <= atMost, `${Math.max(...gaps)} tasks between two turns`);
    assert.ok(fired > 3, `the timer fired ${fired} times while ${ran - from} tasks ran`);
  }
});

test('Timers and sockets of earlier tasks go on while the executor is idle', async (t) => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const echoed = gate();
  const ticked = gate();
  const { tx, tasks, start } = prepare(t, {
    leave: syncTask((port: number) => {
      setTimeout(ticked.open, 5);
      const socket = connect(port, '127.0.0.1', () => socket.write('hello'));
      socket.on('data', () => {
        socket.destroy();
        echoed.open();
      });
    }),
  });
  void start();
  const { port } = server.address() as { port: number };
  await (await runTask(tasks.leave(port), tx)).finished();
  await within(2000, Promise.all([echoed.opened, ticked.opened]));
});

test('An idle executor takes less than a hundredth of a core', async (t) => {
  const { tx, tasks, start } = prepare(t, { nothing: syncTask(() => {}) });
  void start();
  await (await runTask(tasks.nothing(), tx)).finished();
  const share = await idleShare();
  assert.ok(share < 0.01, `${share} of a core`);
});

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

// One executor has a thread for itself, so a thread listens for the signals of one ledger: no other test before this one.
test('Many async tasks wait for their signals at once, and each gets its own', async (t) => {
  const { tx, tasks, start } = prepare(
    t,
    {
      wait: asyncTask(async () => {
        const { signal } = currentTask();
        await once(signal, 'abort');
        return signal.reason.name as string;
      }),
    },
    { concurrency: 16 },
  );
  void start();
  const handles: TaskHandle<string>[] = [];
  for (let n = 0; n < 16; n++) handles.push(await runTask(tasks.wait(), tx));
  await eventually(() => handles.every((each) => each.status()?.state === 'running'));
  for (const n of [3, 0, 15, 7]) {
    const handle = handles[n] ?? assert.fail();
    assert.equal(handle.cancel(), 'running');
    assert.equal(await within(1000, handle.finished()), 'AbortError');
  }
  assert.equal(handles.filter((each) => each.status()?.state === 'running').length, 12);
  for (const handle of handles) handle.cancel();
  await within(1000, Promise.all(handles.map((each) => each.finished())));
});

test('Sync tasks that look at their signal leave nothing behind', async (t) => {
  const { tx, tasks, start } = prepare(t, { look: syncTask(() => currentTask().signal.aborted) });
  void start();
  const send = async (count: number) => {
    for (let n = 0; n < count; n++) await tx.send(tasks.look());
  };
  await send(500);
  const before = heapInUse();
  await send(5000);
  const grown = heapInUse() - before;
  assert.ok(grown < 500_000, `${Math.round(grown / 5000)} bytes for each task`);
});

test('A message that cannot be decoded does not end the loop, and its task fails', async (t) => {
  for (const change of [{ byte: 0xff }, { length: 0x7fff_ffff }]) {
    const { tx, rx, tasks, ledger, start } = prepare(t, { echo: syncTask((text: string) => text) });
    const first = await runTask(tasks.echo('a'), tx);
    const spoilt = await runTask(tasks.echo('b'), tx);
    const last = await runTask(tasks.echo('c'), tx);
    corrupt(rx.link.memory, 1, change);
    void start().catch(() => {});
    assert.equal(await within(1000, first.finished()), 'a');
    assert.equal(await within(1000, last.finished(), 'the task behind the corrupt message'), 'c');
    await assert.rejects(within(1000, spoilt.finished(), 'the task of the corrupt message'), {
      code: 'ERR_CORRUPT_MESSAGE',
    });
    assert.equal(spoilt.status()?.state, 'failed');
    assert.deepEqual(ledger.open(), []);
  }
});

test('What is not a task does not end the loop', async (t) => {
  const { tx, tasks, start } = prepare(t, { echo: syncTask((text: string) => text) });
  for (const wrong of ['text', { kind: 'sync' }, 1, null]) await tx.send(wrong as unknown as Task);
  const handle = await runTask(tasks.echo('a'), tx);
  void start().catch(() => {});
  assert.equal(await within(1000, handle.finished(), 'the task behind them'), 'a');
});

test('A queued task that is cancelled is skipped', async (t) => {
  const ran: number[] = [];
  const { tx, tasks, start } = prepare(t, { run: syncTask((n: number) => ran.push(n)) });
  const handles: TaskHandle<number>[] = [];
  for (let n = 0; n < 10; n++) handles.push(await runTask(tasks.run(n), tx));
  for (const n of [0, 3, 4, 9]) assert.equal(handles[n]?.cancel(), 'queued');
  const executor = start();
  tx.close();
  await executor;
  assert.deepEqual(ran, [1, 2, 5, 6, 7, 8]);
  await assert.rejects(handles[3]?.finished() ?? assert.fail(), { code: 'ERR_TASK_CANCELLED' });
});

test('An async task is over when its time is up, even if it goes on', async (t) => {
  const finish = gate();
  let aborted: unknown;
  const { tx, tasks, start } = prepare(t, {
    stubborn: asyncTask(
      async () => {
        currentTask().signal.addEventListener('abort', (event) => {
          aborted = (event.target as AbortSignal).reason;
        });
        await finish.opened;
      },
      { timeout: 30 },
    ),
    fine: syncTask(() => 'fine'),
  });
  void start();
  const handle = await runTask(tasks.stubborn(), tx);
  const fine = await runTask(tasks.fine(), tx);
  await assert.rejects(within(1000, handle.finished()), {
    name: 'TaskTimeoutError',
    code: 'ERR_TASK_TIMEOUT',
  });
  assert.equal((aborted as Error).name, 'TaskTimeoutError');
  assert.equal(await within(1000, fine.finished()), 'fine');
  const record = handle.status();
  assert.equal(record?.state, 'failed');
  assert.equal((record.deadline ?? 0) - (record.started ?? 0), 30);
  finish.open();
});

test('A deadline that passes after somebody asked the task to stop still ends it as failed', async (t) => {
  const finish = gate();
  const { tx, tasks, start } = prepare(t, { deaf: asyncTask(() => finish.opened, { timeout: 30 }) });
  void start();
  const handle = await runTask(tasks.deaf(), tx);
  await until(() => handle.status()?.state === 'running');
  assert.equal(handle.cancel(), 'running');
  await assert.rejects(within(1000, handle.finished()), { code: 'ERR_TASK_TIMEOUT' });
  assert.equal(handle.status()?.state, 'failed');
  finish.open();
});

test('A task that waited for nothing is started after it was enqueued, also behind a dropped one', async (t) => {
  let clock = 1e6;
  setClock(t, () => clock);
  const { tx, tasks, ledger, start } = prepare(t, { nothing: syncTask(() => {}) });
  void start();
  await (await runTask(tasks.nothing(), tx)).finished();
  const dropped = tryRunTask(tasks.nothing(), tx);
  assert.equal(dropped?.cancel(), 'queued');
  await until(() => tx.length === 0);
  clock += 5000;
  const handle = await runTask(tasks.nothing(), tx);
  await handle.finished();
  assert.deepEqual(
    [handle.status()?.enqueued, handle.status()?.started].map((time) =>
      Math.round((time ?? 0) - ledger.wallTime(clock)),
    ),
    [0, 0],
  );
});

test('The first task starts when it is taken, however long the executor took to begin', async (t) => {
  let clock = 1e6;
  setClock(t, () => clock);
  const { tx, tasks, ledger, lines, start } = prepare(t, { nothing: syncTask(() => {}) });
  (lines as string[]).push = () => {
    clock += 5;
    return 0;
  };
  const handle = await runTask(tasks.nothing(), tx);
  void start();
  await handle.finished();
  assert.deepEqual(
    [handle.status()?.enqueued, handle.status()?.started].map((time) =>
      Math.round((time ?? 0) - ledger.wallTime(1e6)),
    ),
    [0, 5],
  );
});

test('The receiver may doze only while nobody awaits an end, and tasks do not overlap', async (t) => {
  for (const [concurrency, patient] of [
    [1, [true, true, false]],
    [2, [false, false, false]],
  ] as const) {
    const finish = gate();
    const definitions = { nothing: syncTask(() => {}), wait: asyncTask(() => finish.opened) };
    const { tx, rx, tasks, start } = prepare(t, definitions, { concurrency });
    const recv = t.mock.method(rx, 'recv');
    void start();
    await until(() => recv.mock.callCount() === 1);
    tryRunTask(tasks.nothing(), tx);
    await until(() => recv.mock.callCount() === 2);
    const handle = await runTask(tasks.wait(), tx);
    const ended = handle.finished();
    await until(() => handle.status()?.state === 'running');
    finish.open();
    await ended;
    await until(() => recv.mock.callCount() >= 3);
    assert.deepEqual(
      recv.mock.calls.slice(0, 3).map(({ arguments: [, may] }) => may),
      patient,
    );
  }
});

test('Two senders that had the same number both hear of the end of their tasks', async (t) => {
  const gates = [gate(), gate()] as const;
  const { tx, tasks, start } = prepare(
    t,
    { wait: asyncTask((n: number) => gates[n as 0 | 1].opened) },
    { concurrency: 2 },
  );
  const { Sender } = await import('#channel');
  void start();
  const former = Sender.attach<Task>(tx.share());
  const first = await runTask(tasks.wait(0), former);
  former.close(); // its number is free, while its handle still waits for the end
  const latter = Sender.attach<Task>(tx.share());
  assert.equal(latter.slot, former.slot);
  const second = await runTask(tasks.wait(1), latter);
  const secondEnd = second.finished();
  const firstEnd = first.finished();
  gates[0].open();
  await within(1000, firstEnd, 'the task of the first sender');
  gates[1].open();
  await within(1000, secondEnd, 'the task of the second sender');
  latter.close();
});
