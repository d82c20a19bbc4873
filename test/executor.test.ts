/** The executor: order, outcomes, the log, the event loop's turns. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CorruptMessageError } from '#codec';
import { asyncTask, runTask, syncTask, type Task, type TaskHandle, tryRunTask } from '#index';
import { gate, prepare, test } from './fixtures/executor.js';
import { idleShare, within } from './fixtures/gates.js';
import { setClock } from './support/clock.js';
import { corrupt } from './support/state.js';
import { until } from './support/wait.js';

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
    const begin = performance.now();
    const spent = () => performance.now() - begin;
    while (spent() < 150 || (fired <= 3 && spent() < 10_000)) await tx.send(task);
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
  const { enqueued = 0, started = 0 } = handle.status() ?? {};
  assert.deepEqual(
    [enqueued, started].map((time) => Math.round(time - ledger.wallTime(clock))),
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
  const { enqueued = 0, started = 0 } = handle.status() ?? {};
  assert.deepEqual(
    [enqueued, started].map((time) => Math.round(time - ledger.wallTime(1e6))),
    [0, 5],
  );
});

test('The event loop has its turn in a flow of messages that are no tasks, too', async (t) => {
  let clock = 1e6;
  setClock(t, () => clock);
  const { tx, rx, ledger, tasks, start } = prepare(t, { nothing: syncTask(() => {}) });
  let turns = 0;
  const tryRecv = t.mock.method(rx, 'tryRecv', () => {
    clock += 1;
    if (turns < 3 && tryRecv.mock.callCount() < 100) {
      throw Object.assign(new CorruptMessageError('no task'), { position: ledger.idAt(0) });
    }
    tryRecv.mock.restore();
    return undefined;
  });
  setImmediate(function turn() {
    if (++turns < 3) setImmediate(turn);
  });
  void start();
  await (await runTask(tasks.nothing(), tx)).finished();
  assert.equal(turns, 3);
});

test('The receiver may nap only where tasks do not overlap', async (t) => {
  for (const [concurrency, patient] of [
    [1, true],
    [2, false],
  ] as const) {
    const { rx, start } = prepare(t, { nothing: syncTask(() => {}) }, { concurrency });
    const recv = t.mock.method(rx, 'recv');
    void start();
    await until(() => recv.mock.callCount() === 1);
    assert.equal(recv.mock.calls[0]?.arguments[1], patient);
  }
});
