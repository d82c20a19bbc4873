/** The bounded channel: its eight promises, in the order of the design, then its errors and its limits. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { getEventListeners, once, setMaxListeners } from 'node:events';
import { describe, test as it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import {
  ChannelClosedError,
  channel,
  channelIn,
  Receiver,
  type ReceiverHandle,
  Sender,
  type SenderHandle,
  SendTimeoutError,
} from '#channel';
import { MAX_SENDERS } from '#channel/line';
import { createMemory } from '#channel/memory';
import { CorruptMessageError, NotSendableError, TaskTooLargeError } from '#codec';
import { Remote } from './support/remote.js';
import {
  claimAndDie,
  corrupt,
  moveTo,
  receiverParked,
  senderInLine,
  senderParked,
  tail,
} from './support/state.js';
import { endWithTests, isPending, until } from './support/wait.js';

endWithTests();

/** A test that would wait for ever fails after 10 s instead. */
function test(title: string, run: (t: TestContext) => void | Promise<void>): void {
  it(title, { timeout: 10_000 }, run);
}

/** Sends 0, 1, 2, … until there is no room; returns how many there were. */
function fill(tx: Sender<number>): number {
  let sent = 0;
  while (tx.trySend(sent)) sent += 1;
  return sent;
}

function drain<T>(rx: Receiver<T>): T[] {
  const values: T[] = [];
  for (let value = rx.tryRecv(); value !== undefined; value = rx.tryRecv()) values.push(value);
  return values;
}

async function collect<T>(rx: Receiver<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of rx) values.push(value);
  return values;
}

function range(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

function bytesOf(memory: SharedArrayBuffer): Buffer {
  return Buffer.from(memory.slice(0));
}

function noop(): void {}

/** As many sends as that, all of which give up. */
async function giveUp(tx: Sender<number>, count: number): Promise<void> {
  const given = new AbortController();
  setMaxListeners(0, given.signal); // no warning about many waiting sends
  const half = count >> 1;
  const sends = range(count).map((i) =>
    tx.send(-1, i < half ? { timeout: 0 } : { signal: given.signal }).then(
      () => assert.fail('was admitted'),
      (error) => assert.ok(error instanceof SendTimeoutError || error === 'given up'),
    ),
  );
  given.abort('given up');
  await Promise.all(sends);
}

describe('Promise 1, a hard bound: the channel', () => {
  test('admits 32 messages unless told otherwise, and not one more', () => {
    const [tx, rx] = channel<number>();
    assert.equal(tx.capacity, 32);
    assert.equal(rx.capacity, 32);
    assert.equal(fill(tx), 32);
    assert.equal(tx.length, 32);
    assert.equal(rx.length, 32);
    assert.equal(tx.trySend(99), false);
    assert.deepEqual(drain(rx), range(32));
    assert.equal(rx.length, 0);
  });

  for (const capacity of [1, 3, 33, 65_536]) {
    test(`holds exactly ${capacity} messages if that is its capacity, on every lap`, () => {
      const [tx, rx] = channel<number>(capacity);
      for (let round = 0; round < (capacity > 1000 ? 3 : 300); round++) {
        assert.equal(fill(tx), capacity);
        assert.deepEqual(drain(rx), range(capacity));
      }
    });
  }

  test('makes a 33rd send wait, and admits it when a message is taken', async () => {
    const [tx, rx] = channel<number>();
    fill(tx);
    const waiting = tx.send(32);
    assert.equal(await isPending(waiting), true);
    assert.equal(tx.length, 32);
    assert.equal(rx.tryRecv(), 0);
    await waiting;
    assert.equal(tx.length, 32);
    assert.deepEqual(drain(rx), range(32, 1));
  });

  test('admits one waiting send for each message taken, not more', async () => {
    const [tx, rx] = channel<number>(2);
    const admitted: number[] = [];
    for (const i of range(10)) void tx.send(i).then(() => admitted.push(i));
    for (const taken of range(10)) {
      await until(() => admitted.length === Math.min(10, taken + 2));
      await setImmediate();
      assert.deepEqual(admitted, range(Math.min(10, taken + 2)));
      assert.equal(rx.tryRecv(), taken);
    }
  });

  test('does not admit more to several threads than to one', async (t) => {
    const [tx, rx] = channel<number>(5);
    const remotes = range(3).map(() => new Remote(t, tx.share()));
    let admitted = 0;
    const count = () => {
      admitted += 1;
    };
    for (const remote of remotes) for (const i of range(4)) void remote.run(['tx', 'send', i]).then(count);
    for (const taken of range(12)) {
      await until(() => admitted === Math.min(12, 5 + taken));
      assert.equal(tail(tx.link.memory), Math.min(12, 5 + taken)); // who waits has claimed nothing
      assert.notEqual(rx.tryRecv(), undefined);
    }
  });

  test('counts a message until it has been accepted', () => {
    const [tx, rx] = channel<number>(1);
    tx.trySend(1);
    const seen: unknown[] = [];
    rx.tryRecv((value) => {
      seen.push(value, tx.length, tx.trySend(2));
      return true;
    });
    assert.deepEqual(seen, [1, 1, false]);
    assert.equal(tx.trySend(3), true);
  });

  test('has its room back at once after 100 sends that gave up', async () => {
    const [tx, rx] = channel<number>();
    fill(tx);
    await giveUp(tx, 100);
    assert.equal(tx.trySend(99), false);
    assert.equal(rx.tryRecv(), 0);
    assert.equal(tx.length, 31);
    assert.equal(tx.trySend(32), true);
    assert.equal(tx.trySend(99), false);
    assert.deepEqual(drain(rx), range(32, 1));
  });

  for (const cells of [2, 4, 8]) {
    test(`loses no room when given-up sends filled all ${cells} cells, round after round`, async () => {
      const [tx, rx] = channelIn<number>(createMemory(cells / 2, 64, cells));
      for (const round of range(12)) {
        assert.equal(fill(tx), cells / 2);
        await giveUp(tx, (cells >> 1) + (round % 4));
        assert.equal(tx.length, cells / 2);
        assert.equal(rx.tryRecv(), 0);
        const next = tx.send(cells / 2);
        await next;
        assert.deepEqual(drain(rx), range(cells / 2, 1));
        assert.equal(rx.length, 0);
      }
    });
  }
});

describe('Promise 2, nothing lost and nothing doubled: a send', () => {
  test('that timed out is never received, and gives its value back', async () => {
    const [tx, rx] = channel<number>(1);
    fill(tx);
    await assert.rejects(tx.send(7, { timeout: 5 }), (error) => {
      assert.ok(error instanceof SendTimeoutError);
      assert.equal(error.code, 'ERR_SEND_TIMEOUT');
      assert.equal(error.value, 7);
      assert.match(error.message, /5 ms/);
      return true;
    });
    assert.deepEqual(drain(rx), [0]);
    tx.close();
    assert.equal(await rx.recv(), undefined);
  });

  test('that was aborted while it waited is never received, and rejects with the reason', async () => {
    const [tx, rx] = channel<number>(1);
    fill(tx);
    const controller = new AbortController();
    const reason = new Error('client gone');
    const aborted = tx.send(7, { signal: controller.signal });
    const behind = tx.send(8);
    controller.abort(reason);
    await assert.rejects(aborted, (error) => error === reason);
    assert.equal(rx.tryRecv(), 0);
    await behind;
    assert.deepEqual(drain(rx), [8]);
  });

  test('with a signal that was aborted before does not touch the memory', async () => {
    const [tx] = channel<number>(1, { maxBytes: 64 });
    const before = bytesOf(tx.link.memory);
    await assert.rejects(tx.send(7, { signal: AbortSignal.abort('too late') }), (e) => e === 'too late');
    assert.deepEqual(bytesOf(tx.link.memory), before);
  });

  test('takes no notice of a signal or a timeout after it was admitted', async () => {
    const [tx, rx] = channel<number>(1);
    const controller = new AbortController();
    const { signal } = controller;
    await tx.send(1, { signal, timeout: 0 });
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    const waiting = tx.send(2, { signal, timeout: 60_000 });
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    assert.equal(await rx.recv(), 1);
    await waiting;
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    controller.abort();
    assert.equal(await rx.recv(), 2);
  });

  test('of one signal shared by many waiting sends gives up all of them', async () => {
    const [tx, rx] = channelIn<number>(createMemory(1, 64, 4));
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    fill(tx);
    const sends = range(20).map((i) => tx.send(i, { signal: controller.signal }));
    const settled = Promise.allSettled(sends);
    controller.abort('all');
    for (const result of await settled) assert.deepEqual(result, { status: 'rejected', reason: 'all' });
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    assert.deepEqual(drain(rx), [0]);
    assert.equal(tx.trySend(1), true);
  });

  test('from another thread that blocked and timed out is never received and costs no room', async (t) => {
    const [tx, rx] = channel<number>(1);
    const remote = new Remote(t, tx.share());
    fill(tx);
    for (const timeout of [0, 1, 20]) {
      const timedOut = remote.run(['tx', 'blockingSend', timeout, { timeout }]);
      await assert.rejects(timedOut, { code: 'ERR_SEND_TIMEOUT', value: timeout });
    }
    assert.equal(rx.tryRecv(), 0);
    assert.equal(tx.trySend(5), true);
    assert.deepEqual(drain(rx), [5]);
  });

  test('copies its value at the call', async () => {
    const [tx, rx] = channelIn<number[]>(createMemory(1, 64, 2));
    const value = [0];
    const sends: Promise<void>[] = [];
    for (const i of range(5)) {
      value[0] = i;
      sends.push(tx.send(value));
    }
    for (const i of range(5)) {
      assert.deepEqual(await rx.recv(), [i]);
      await sends[i];
    }
  });

  test('races its timeout against the receiver in another thread, and exactly one of them wins', async (t) => {
    const [tx, rx] = channelIn<number>(createMemory(1, 64, 4));
    const remote = new Remote(t, rx.share());
    const all = range(300);
    const received: unknown[] = [];
    const admitted: number[] = [];
    const receiving = (async () => {
      for (let got = await remote.run(['rx', 'recv']); got !== undefined; ) {
        received.push(got);
        got = await remote.run(['rx', 'recv']);
      }
    })();
    for (const i of all) {
      const sends = [i * 2, i * 2 + 1].map((value) =>
        tx.send(value, { timeout: i % 2 }).then(() => void admitted.push(value), noop),
      );
      if (i % 3 === 0) await Promise.all(sends);
      else await setImmediate();
    }
    tx.close();
    await receiving;
    assert.deepEqual(
      received,
      admitted.sort((a, b) => a - b),
    );
  });
});

describe('Promise 3, first in, first out:', () => {
  test('threads in line send one message each in turn, async and blocking, each its oldest first', async (t) => {
    const [tx, rx] = channel<string>(1);
    const handle = tx.share();
    const remote = new Remote(t, handle);
    await tx.send('x');
    const waiting = ['a1', 'a2', 'a3'].map((value) => tx.send(value));
    const b1 = remote.run(['tx', 'blockingSend', 'b1']);
    await until(() => senderInLine(tx.link.memory, handle.slot));
    waiting.push(tx.send('a4'));
    const order = ['x', 'a1', 'b1', 'a2', 'a3', 'a4'];
    for (const expected of order) assert.equal(await rx.recv(), expected);
    await Promise.all([...waiting, b1]);
  });

  test('two threads that block are admitted in the order in which they came', async (t) => {
    const [tx, rx] = channel<string>(1);
    const handles = [tx.share(), tx.share()] as const;
    const [one, two] = handles.map((handle) => new Remote(t, handle)) as [Remote, Remote];
    for (const round of range(20)) {
      await tx.send('x');
      const first = one.run(['tx', 'blockingSend', 'one']);
      await until(() => senderInLine(tx.link.memory, handles[0].slot));
      const second = two.run(['tx', round % 2 === 0 ? 'blockingSend' : 'send', 'two']);
      await until(() => senderInLine(tx.link.memory, handles[1].slot));
      for (const expected of ['x', 'one', 'two']) assert.equal(await rx.recv(), expected);
      await Promise.all([first, second]);
    }
  });

  test('threads that stand in line have room kept from newcomers, and are not starved', async (t) => {
    const [tx, rx] = channelIn<string>(createMemory(1, 64, 2));
    const handles = [tx.share(), tx.share()] as const;
    const [one, two] = handles.map((handle) => new Remote(t, handle)) as [Remote, Remote];
    await tx.send('x');
    const waiting = tx.send('y');
    const first = one.run(['tx', 'blockingSend', 'one']);
    await until(() => senderInLine(tx.link.memory, handles[0].slot));
    const second = two.run(['tx', 'blockingSend', 'two']);
    await until(() => senderInLine(tx.link.memory, handles[1].slot));
    const order: unknown[] = [];
    while (!order.includes('one') || !order.includes('two')) {
      const value = rx.tryRecv();
      if (value !== undefined) order.push(value);
      const sent = tx.trySend('newcomer');
      assert.ok(!sent || order.length > 2, 'a newcomer got in before either of them');
      await setImmediate();
    }
    assert.deepEqual(order.slice(0, 2), ['x', 'y']);
    assert.notEqual(order[2], 'newcomer');
    await Promise.all([waiting, first, second]);
  });

  test('one thread keeps the order of its sends, however they wait', async (t) => {
    for (const cells of [4, 8, 128]) {
      const [tx, rx] = channelIn<number>(createMemory(2, 64, cells));
      const remote = new Remote(t, tx.share());
      const steps = range(40).map((i) => ['tx', i % 4 === 3 ? 'blockingSend' : 'send', i] as const);
      const sent = remote.run(
        ...steps.map(([end, method, i]): ['tx', typeof method, number] => [end, method, i]),
      );
      for (const i of range(40)) assert.equal(await rx.recv(), i);
      await sent;
    }
  });

  test('trySend gives up when the channel is full and when sends wait before it', async () => {
    const [tx, rx] = channelIn<number>(createMemory(1, 64, 2));
    assert.equal(tx.trySend(0), true);
    assert.equal(tx.trySend(9), false);
    const sends = [1, 2, 3].map((value) => tx.send(value));
    assert.equal(tx.trySend(9), false);
    assert.equal(rx.tryRecv(), 0);
    assert.equal(tx.trySend(9), false);
    for (const expected of [1, 2, 3]) assert.equal(await rx.recv(), expected);
    await Promise.all(sends);
    assert.equal(tx.trySend(4), true);
    assert.deepEqual(drain(rx), [4]);
  });
});

describe('Promise 4, no lost wake-up:', () => {
  test('a parked receiver is woken by every way of sending', async (t) => {
    const [tx, rx] = channel<string>(4);
    const remote = new Remote(t, tx.share());
    for (const round of range(30)) {
      const received = rx.recv();
      await until(() => receiverParked(rx.link.memory));
      const method = (['send', 'trySend', 'blockingSend'] as const)[round % 3] ?? 'send';
      await remote.run(['tx', method, method]);
      assert.equal(await received, method);
    }
  });

  test('a receiver that is blocked is woken, and so is one on the same thread', async (t) => {
    const [tx, rx] = channel<number>(4);
    const own = rx.recv();
    assert.equal(tx.trySend(1), true);
    assert.equal(await own, 1);
    const remote = new Remote(t, rx.share());
    for (const i of range(20)) {
      const received = remote.run(['rx', 'blockingRecv']);
      if (i % 2 === 0) await until(() => receiverParked(rx.link.memory));
      assert.equal(tx.trySend(i), true);
      assert.equal(await received, i);
    }
  });

  test('parked senders are woken, async and blocked, with a cell and in line', async (t) => {
    const [tx, rx] = channelIn<number>(createMemory(1, 64, 2));
    const handle = tx.share();
    const remote = new Remote(t, handle);
    for (const _ of range(10)) {
      fill(tx);
      const sends = [remote.run(['tx', 'blockingSend', 1])];
      await until(() => senderParked(tx.link.memory, handle.slot));
      sends.push(tx.send(2), tx.send(3));
      const received = [rx.blockingRecv()];
      for (const __ of range(3)) received.push(await rx.recv());
      assert.deepEqual(received.sort(), [0, 1, 2, 3]);
      await Promise.all(sends);
    }
  });
});

describe('Promise 5, closing:', () => {
  test('the receiver closing fails new sends of every kind, and gives the value back', async (t) => {
    const [tx, rx] = channel<string>(2);
    const remote = new Remote(t, tx.share());
    rx.close();
    const closed = (error: unknown) => {
      assert.ok(error instanceof ChannelClosedError);
      assert.equal(error.code, 'ERR_CHANNEL_CLOSED');
      assert.equal(error.value, 'v');
      return true;
    };
    await assert.rejects(tx.send('v'), closed);
    assert.throws(() => tx.trySend('v'), closed);
    for (const method of ['send', 'trySend', 'blockingSend'] as const) {
      await assert.rejects(remote.run(['tx', method, 'v']), { code: 'ERR_CHANNEL_CLOSED', value: 'v' });
    }
    assert.equal(await rx.recv(), undefined);
    assert.equal(tx.length, 0);
  });

  for (const cells of [2, 128]) {
    test(`the receiver closing fails all waiting sends, drains what was admitted (${cells} cells)`, async (t) => {
      const [tx, rx] = channelIn<number>(createMemory(1, 64, cells));
      const handles = [tx.share(), tx.share()];
      const remotes = handles.map((handle) => new Remote(t, handle));
      const waiting = (slot = -1) => senderParked(tx.link.memory, slot);
      fill(tx);
      const sends = [
        tx.send(10),
        tx.send(11),
        remotes[0]?.run(['tx', 'send', 12]),
        remotes[1]?.run(['tx', 'blockingSend', 13]),
      ];
      await until(() => waiting(handles[0]?.slot) && waiting(handles[1]?.slot));
      rx.close();
      const results = await Promise.allSettled(sends);
      for (const [i, result] of results.entries()) {
        assert.ok(result.status === 'rejected');
        assert.equal(result.reason.code, 'ERR_CHANNEL_CLOSED');
        assert.equal(result.reason.value, 10 + i);
      }
      assert.deepEqual(await collect(rx), [0]);
      assert.equal(rx.tryRecv(), undefined);
    });
  }

  test('what was admitted before the receiver closed can be received in every way', async () => {
    const [tx, rx] = channel<number>(3);
    fill(tx);
    rx.close();
    rx.close();
    assert.equal(rx.tryRecv(), 0);
    assert.equal(rx.blockingRecv(), 1);
    assert.equal(await rx.recv(), 2);
    assert.equal(await rx.recv(), undefined);
    assert.equal(rx.blockingRecv(), undefined);
    assert.deepEqual(await collect(rx), []);
    assert.throws(() => tx.trySend(3), ChannelClosedError);
  });

  test('trySend says so when the receiver has closed, also while own sends stand in line', async () => {
    const [tx, rx] = channelIn<number>(createMemory(1, 64, 2));
    fill(tx);
    const sends = Promise.allSettled([tx.send(1), tx.send(2)]);
    rx.close();
    assert.throws(() => tx.trySend(3), ChannelClosedError);
    await sends;
  });

  test('the last sender closing ends a receiver that is parked, async or blocked', async (t) => {
    const [tx, rx] = channel<number>(1);
    const ended = rx.recv();
    await until(() => receiverParked(rx.link.memory));
    tx.close();
    assert.equal(await ended, undefined);

    const [tx2, rx2] = channel<number>(1);
    const remote = new Remote(t, rx2.share());
    for (const method of ['recv', 'blockingRecv'] as const) {
      const received = remote.run(['rx', method]);
      await until(() => receiverParked(rx2.link.memory));
      if (method === 'recv') tx2.trySend(1);
      else tx2.close();
      assert.equal(await received, method === 'recv' ? 1 : undefined);
    }
  });

  test('the channel ends only after the last of several senders', async (t) => {
    const [tx, rx] = channel<number>(4);
    const remote = new Remote(t, tx.share());
    const ended = rx.recv();
    tx.close();
    tx.close();
    assert.equal(await isPending(ended), true);
    await remote.run(['tx', 'close']);
    assert.equal(await ended, undefined);
  });

  test('a closed sender refuses, while its waiting sends are still admitted', async () => {
    const [tx, rx] = channelIn<number>(createMemory(1, 64, 2));
    const sends = range(4).map((i) => tx.send(i));
    tx.close();
    await assert.rejects(tx.send(9), ChannelClosedError);
    assert.throws(() => tx.trySend(9), ChannelClosedError);
    assert.deepEqual(await collect(rx), range(4));
    await Promise.all(sends);
  });

  test('the channel ends when the last waiting send of a closed sender gives up', async () => {
    const [tx, rx] = channel<number>(1);
    const controller = new AbortController();
    fill(tx);
    const waiting = tx.send(1, { signal: controller.signal });
    tx.close();
    const accept = () => {
      controller.abort('gone'); // the message still stands in the channel: there is no room yet
      return true;
    };
    assert.equal(await rx.recv(accept), 0);
    await assert.rejects(waiting, (error) => error === 'gone');
    assert.equal(await rx.recv(), undefined);
  });

  test('a thread that has handed the receiver over can still close the channel', async (t) => {
    for (const method of ['recv', 'blockingRecv'] as const) {
      const [tx, rx] = channel<number>(1);
      const remote = new Remote(t, rx.share());
      const ended = remote.run(['rx', method]);
      await until(() => receiverParked(rx.link.memory));
      rx.close();
      assert.equal(await ended, undefined);
      assert.throws(() => tx.trySend(1), ChannelClosedError);
    }
  });

  test('a message sent just before the last sender closes is not lost on a waiting receiver', async (t) => {
    const feeder = new Remote(t);
    for (const round of range(150)) {
      const [tx, rx] = channel<number>(8, { maxBytes: 64 });
      const handle = tx.share();
      tx.close();
      const received = collect(rx);
      const count = round % 8;
      const sends = range(count).map((i): ['tx', 'trySend', number] => ['tx', 'trySend', i]);
      await feeder.run(['attach', handle], ...sends, ['tx', 'close']);
      assert.deepEqual(await received, range(count));
    }
  });

  test('a receiver that polls loses nothing when the last sender closes meanwhile', async (t) => {
    const feeder = new Remote(t);
    for (const round of range(150)) {
      const [tx, rx] = channel<number>(8, { maxBytes: 64 });
      const handle = tx.share();
      tx.close();
      const count = round % 8;
      feeder.unmark();
      const sends = range(count).map((i): ['tx', 'trySend', number] => ['tx', 'trySend', i]);
      const done = feeder.run(['attach', handle], ...sends, ['tx', 'close'], ['mark']);
      const received: number[] = [];
      while (!feeder.marked) received.push(...drain(rx));
      received.push(...drain(rx));
      assert.deepEqual(received, range(count));
      await done;
      assert.equal(rx.blockingRecv(), undefined);
    }
  });
});

describe('Promise 6, death:', () => {
  test('a receiver that is terminated is replaced by one that goes on at the same place', async (t) => {
    const [tx, rx] = channel<number>(4);
    const handle = rx.share();
    let next = 0;
    for (const mode of ['idle', 'recv', 'blockingRecv'] as const) {
      const remote = new Remote(t, handle);
      const sends = range(10, next).map((i) => tx.send(i));
      const taken = mode === 'idle' ? 3 : 10;
      for (const i of range(taken, next)) assert.equal(await remote.run(['rx', 'recv']), i);
      if (mode !== 'idle') {
        void remote.run(['rx', mode]);
        await until(() => receiverParked(rx.link.memory));
      }
      await remote.terminate();
      const successor = new Remote(t, handle);
      for (const i of range(10 - taken, next + taken)) assert.equal(await successor.run(['rx', 'recv']), i);
      await Promise.all(sends);
      await successor.terminate();
      next += 10;
    }
    assert.equal(tx.length, 0);
    assert.equal(fill(tx), 4);
  });

  test('a message is given again if the receiver dies while it accepts it', async (t) => {
    const [tx, rx] = channel<number>(2);
    const handle = rx.share();
    const remote = new Remote(t, handle);
    const sends = range(5).map((i) => tx.send(i));
    assert.equal(await remote.run(['rx', 'recv']), 0);
    void remote.run(['hangInAccept']);
    await until(() => remote.marked);
    assert.equal(tx.length, 2);
    await remote.terminate();
    const received: number[] = [];
    const successor = Receiver.attach(handle);
    while (received.length < 4) received.push(Number(await successor.recv()));
    assert.deepEqual(received, [1, 2, 3, 4]);
    await Promise.all(sends);
  });

  test('a receiver attached again restores the room and the wake-ups', async () => {
    for (const cells of [4, 8]) {
      const [tx, rx] = channelIn<number>(createMemory(2, 64, cells));
      const handle = rx.share();
      let successor: Receiver<number> | undefined;
      for (const round of range(20)) {
        assert.equal(fill(tx), 2);
        await giveUp(tx, round % 5);
        const waiting = tx.send(2);
        successor = Receiver.attach<number>(handle);
        assert.equal(tx.trySend(9), false);
        for (const i of range(3)) assert.equal(await successor.recv(), i);
        await waiting;
        assert.equal(successor.length, 0);
      }
    }
  });

  test('a terminated producer leaves what it has sent, and nothing that waited', async (t) => {
    const [tx, rx] = channel<number>(1);
    const handle = tx.share();
    const remote = new Remote(t, handle);
    await remote.run(['tx', 'send', 0]);
    for (const i of range(3, 1)) void remote.run(['tx', 'send', i]);
    void remote.run(['tx', 'blockingSend', 4]);
    await until(() => senderInLine(tx.link.memory, handle.slot));
    await remote.terminate();
    const waiting = tx.send(5);
    tx.bury(handle);
    tx.close();
    assert.deepEqual(await collect(rx), [0, 5]);
    await waiting;
  });

  for (const tailMoved of [false, true]) {
    test(`a message left half-written ${tailMoved ? 'after' : 'within'} its claim is skipped once buried`, async () => {
      for (const others of [0, 2]) {
        const [tx, rx] = channelIn<number>(createMemory(4, 64, 8));
        const handle = tx.share();
        claimAndDie(tx.link.memory, handle.slot, tailMoved);
        for (const i of range(others)) assert.equal(tx.trySend(i), true);
        const received = rx.recv();
        assert.equal(await isPending(received), true); // it may still be on its way
        tx.bury(handle);
        if (others === 0) tx.trySend(0);
        assert.equal(await received, 0);
        drain(rx);
        assert.equal(fill(tx), 4);
        assert.deepEqual(drain(rx), range(4));
        tx.close();
        assert.equal(await rx.recv(), undefined);
      }
    });
  }

  test('half-written messages of a buried sender cost no room after the receiver was replaced', async () => {
    const [tx, rx] = channelIn<number>(createMemory(2, 64, 4));
    const handle = tx.share();
    claimAndDie(tx.link.memory, handle.slot, true);
    claimAndDie(tx.link.memory, handle.slot, false);
    const waiting = tx.send(0);
    assert.equal(await isPending(waiting), true);
    tx.bury(handle);
    const successor = Receiver.attach<number>(rx.share());
    assert.equal(await successor.recv(), 0);
    await waiting;
    assert.equal(fill(tx), 2);
    assert.deepEqual(drain(successor), [0, 1]);
  });

  test('a producer terminated while it stands in line holds up nobody', async (t) => {
    const [tx, rx] = channelIn<number>(createMemory(1, 64, 2));
    const handle = tx.share();
    const remote = new Remote(t, handle);
    fill(tx);
    const sends = [tx.send(1)];
    void remote.run(['tx', 'blockingSend', 99]);
    await until(() => senderInLine(tx.link.memory, handle.slot));
    sends.push(tx.send(2), tx.send(3));
    await remote.terminate();
    tx.bury(handle);
    for (const i of range(4)) assert.equal(await rx.recv(), i);
    await Promise.all(sends);
  });

  test('burying a handle that no thread attached closes it', async () => {
    const [tx, rx] = channel<number>(1);
    const handle = tx.share();
    tx.close();
    const ended = rx.recv();
    assert.equal(await isPending(ended), true);
    tx.bury(handle);
    assert.equal(await ended, undefined);
  });

  test('a handle is buried in its own channel, whichever sender does it', async () => {
    const [tx, rx] = channel<number>(1);
    const [other, otherRx] = channel<number>(1);
    const handle = tx.share();
    const bystander = Sender.attach<number>(other.share()); // the same number, the same life
    tx.close();
    other.bury(handle);
    assert.equal(await rx.recv(), undefined);
    assert.equal(bystander.trySend(1), true);
    other.close();
    bystander.close();
    assert.equal(await otherRx.recv(), 1);
    assert.equal(await otherRx.recv(), undefined);
    assert.throws(() => other.bury({} as never), { name: 'TypeError', message: /Expected a handle made by/ });
  });

  test('burying a sender that had closed does no harm to the next one', async (t) => {
    const [tx, rx] = channel<number>(1);
    const handle = tx.share();
    const remote = new Remote(t, handle);
    await remote.run(['tx', 'close']);
    const next = Sender.attach<number>(tx.share());
    await remote.terminate();
    tx.bury(handle); // what one does at every exit: the thread may or may not have closed its sender
    tx.close();
    assert.equal(next.trySend(1), true);
    assert.equal(await rx.recv(), 1);
    const more = rx.recv();
    assert.equal(await isPending(more), true);
    next.trySend(2);
    assert.equal(await more, 2);
  });
});

describe('Promise 7, mixing:', () => {
  test('a thread that blocks in blockingRecv goes on with its own sends that wait', () => {
    const [tx, rx] = channel<number>(1);
    for (const n of range(3)) void tx.send(n);
    for (const n of range(3)) assert.equal(rx.blockingRecv(), n);
  });

  test('a blocking send goes on with what waits in other senders of its thread', async (t) => {
    const [tx, rx] = channel<string>(1);
    const other = Sender.attach<string>(tx.share());
    const remote = new Remote(t, rx.share());
    await tx.send('x');
    assert.equal(await remote.run(['rx', 'recv']), 'x'); // from here on it needs nothing of this thread's event loop
    await tx.send('a');
    const waiting = tx.send('b');
    const received = remote.run(...range(3).map((): ['rx', 'blockingRecv'] => ['rx', 'blockingRecv']));
    other.blockingSend('c', { timeout: 5000 });
    await waiting;
    await received;
    assert.equal(tx.length, 0);
  });

  for (const cells of [2, 4, 128]) {
    test(`a blocking send behind pending async sends does not deadlock (${cells} cells)`, async (t) => {
      const [tx, rx] = channelIn<number>(createMemory(1, 64, cells));
      const remote = new Remote(t, tx.share());
      const sent = remote.run(...range(3).map((i): ['tx', 'send', number] => ['tx', 'send', i]), [
        'tx',
        'blockingSend',
        3,
      ]);
      for (const i of range(4)) assert.equal(await rx.recv(), i);
      await sent;
    });
  }

  test('a blocking send that times out leaves the pending async sends alone', async (t) => {
    const [tx, rx] = channelIn<number>(createMemory(1, 64, 2));
    const handle = tx.share();
    const remote = new Remote(t, handle);
    const sends = [
      remote.run(['tx', 'send', 0]),
      remote.run(['tx', 'send', 1]),
      remote.run(['tx', 'send', 2]),
    ];
    await assert.rejects(remote.run(['tx', 'blockingSend', 9, { timeout: 10 }]), {
      code: 'ERR_SEND_TIMEOUT',
    });
    sends.push(remote.run(['tx', 'send', 3]));
    for (const i of range(4)) assert.equal(await rx.recv(), i);
    await Promise.all(sends);
    assert.equal(senderInLine(tx.link.memory, handle.slot), false);
  });

  test('a blocking send settles promptly the async sends that it stood behind', async (t) => {
    const [tx, rx] = channelIn<number>(createMemory(1, 64, 2));
    const remote = new Remote(t, tx.share());
    const times: number[] = [];
    for (const _ of range(5)) {
      const sent = remote.run(
        ['tx', 'send', 0],
        ['tx', 'send', 1],
        ['tx', 'send', 2],
        ['tx', 'blockingSend', 3],
      );
      const start = performance.now();
      for (const i of range(4)) assert.equal(await rx.recv(), i);
      await sent;
      times.push(performance.now() - start);
    }
    assert.ok(Math.min(...times) < 50, `took ${times.map(Math.round)} ms: as if a wake-up had been missed`);
  });
});

describe('Promise 8, blocking with care: blockingSend', () => {
  test('throws on the thread that runs the receiver, room or not', async (t) => {
    const [tx, rx] = channel<number>(1);
    const would = { code: 'ERR_WOULD_DEADLOCK', message: /await send/ };
    assert.throws(() => tx.blockingSend(0), would);
    fill(tx);
    assert.throws(() => tx.blockingSend(1), would);
    const handle = rx.share();
    assert.throws(() => tx.blockingSend(1, { timeout: 1 }), SendTimeoutError); // no receiver here any more
    const remote = new Remote(t, handle);
    await remote.run(['attach', tx.share()]);
    await assert.rejects(remote.run(['tx', 'blockingSend', 2]), { code: 'ERR_WOULD_DEADLOCK' });
    assert.equal(await remote.run(['rx', 'recv']), 0);
    tx.blockingSend(3);
    assert.equal(await remote.run(['rx', 'recv']), 3);
  });

  test('says there, too, that the channel is closed', () => {
    const [tx, rx] = channel<number>(1);
    rx.close();
    assert.throws(() => tx.blockingSend(0), ChannelClosedError);
  });

  test('waits for room no longer than its timeout, and gives the value back', (t) => {
    const [tx, rx] = channel<number>(1);
    const handle = rx.share();
    fill(tx);
    const start = performance.now();
    assert.throws(() => tx.blockingSend(5, { timeout: 150 }), { name: 'SendTimeoutError', value: 5 });
    const took = performance.now() - start;
    assert.ok(took >= 149 && took < 1000, `took ${took} ms`);
    t.diagnostic(`a timeout of 150 ms took ${took.toFixed(1)} ms`);
    assert.deepEqual(drain(Receiver.attach(handle)), [0]);
  });

  test('notices a receiver that closes while it waits', async (t) => {
    const [tx, rx] = channel<number>(1);
    const handle = tx.share();
    const remote = new Remote(t, handle);
    fill(tx);
    const waiting = remote.run(['tx', 'blockingSend', 1]);
    await until(() => senderParked(tx.link.memory, handle.slot));
    rx.close();
    await assert.rejects(waiting, { code: 'ERR_CHANNEL_CLOSED', value: 1 });
  });
});

describe('Receiving:', () => {
  test('recv, tryRecv, blockingRecv and iteration take the same messages in turn', async () => {
    const [tx, rx] = channel<number>(8);
    assert.equal(rx.tryRecv(), undefined);
    for (const i of range(8)) await tx.send(i);
    tx.close();
    assert.equal(await rx.recv(), 0);
    assert.equal(rx.tryRecv(), 1);
    assert.equal(rx.blockingRecv(), 2);
    for await (const value of rx) {
      assert.equal(value, 3);
      break;
    }
    assert.deepEqual(await collect(rx), [4, 5, 6, 7]);
  });

  test('one recv at a time', async () => {
    const [tx, rx] = channel<number>(1);
    const first = rx.recv();
    const refused = { message: /one `recv` at a time/ };
    await assert.rejects(rx.recv(), refused);
    assert.throws(() => rx.tryRecv(), refused);
    assert.throws(() => rx.blockingRecv(), refused);
    assert.throws(() => rx.share(), refused);
    tx.trySend(1);
    assert.equal(await first, 1);
    tx.trySend(2);
    assert.equal(await rx.recv(), 2);
  });

  test('a message whose accept throws is taken, and the next one follows', async () => {
    const [tx, rx] = channel<number>(2);
    fill(tx);
    const refuse = () => {
      throw new Error('refused');
    };
    await assert.rejects(rx.recv(refuse), /refused/);
    assert.deepEqual(drain(rx), [1]);
  });

  test('accept sees each message with its position, and drops those that it does not want', async () => {
    const [tx, rx] = channel<number>(8);
    const seen: number[][] = [];
    const even = (value: unknown, position: number) => {
      seen.push([Number(value), position]);
      return Number(value) % 2 === 0;
    };
    fill(tx);
    assert.equal(await rx.recv(even), 0);
    assert.equal(rx.tryRecv(even), 2);
    assert.equal(await rx.recv(even), 4);
    assert.equal(tx.length, 3);
    rx.tryRecv(even);
    assert.equal(rx.tryRecv(even), undefined); // only 7 was left
    assert.deepEqual(
      seen,
      range(8).map((i) => [i, i]),
    );
    const next = rx.recv(even);
    tx.trySend(9);
    tx.trySend(10);
    assert.equal(await next, 10);
    tx.trySend(11);
    tx.close();
    assert.equal(await rx.recv(even), undefined);
  });

  test('accept sees what is wrong with a message while it still stands in the channel', async () => {
    const [tx, rx] = channel<number>(2);
    fill(tx);
    corrupt(tx.link.memory, 0, { byte: 0xff });
    const seen: unknown[] = [];
    const accept = (value: unknown, position: number) => {
      seen.push(value instanceof CorruptMessageError, position, tx.length);
      return true;
    };
    assert.throws(() => rx.tryRecv(accept), CorruptMessageError);
    assert.deepEqual(seen, [true, 0, 2]);
    assert.equal(rx.tryRecv(accept), 1);
  });

  test('length is right at every step over several laps', () => {
    const [tx, rx] = channel<number>(32);
    let sent = 0;
    let taken = 0;
    for (const step of range(400)) {
      for (const _ of range((step * 7) % 33)) if (tx.trySend(sent)) sent += 1;
      assert.equal(rx.length, sent - taken);
      for (const _ of range((step * 5) % 33)) if (rx.tryRecv() === taken) taken += 1;
      assert.equal(tx.length, sent - taken);
      assert.equal(rx.tryRecv() === undefined, sent === taken);
      if (sent !== taken) taken += 1;
    }
  });
});

describe('Handles', () => {
  test('of a closed sender there are none: the end of a channel is final', async () => {
    const [tx, rx] = channel<number>(1);
    tx.close();
    assert.throws(() => tx.share(), /This sender is closed/);
    assert.equal(await rx.recv(), undefined);
  });

  test('cross in workerData and by postMessage, and their senders carry to the receiver', async (t) => {
    const [tx, rx] = channel<string>(4);
    const inWorkerData = new Remote(t, tx.share());
    const byMessage = new Remote(t);
    await byMessage.run(['attach', tx.share()]);
    await inWorkerData.run(['tx', 'send', 'one']);
    await byMessage.run(['tx', 'send', 'two']);
    const fromThere = (await byMessage.run(['share', 'tx'])) as SenderHandle<string>;
    assert.equal(Sender.attach(fromThere).trySend('three'), true);
    const remote = new Remote(t, rx.share());
    assert.equal(await remote.run(['rx', 'recv']), 'one');
    const back = (await remote.run(['share', 'rx'])) as ReceiverHandle<string>;
    assert.deepEqual(drain(Receiver.attach(back)), ['two', 'three']);
  });

  test('of a receiver that was handed over leave nothing to receive with', async () => {
    const [, rx] = channel<number>(1);
    rx.share();
    const away = { message: /handed to another thread/ };
    await assert.rejects(rx.recv(), away);
    assert.throws(() => rx.tryRecv(), away);
    assert.throws(() => rx.blockingRecv(), away);
    assert.throws(() => rx.share(), away);
  });

  test('of the wrong kind are refused', () => {
    const [tx, rx] = channel<number>(1);
    assert.throws(() => Sender.attach(rx.share() as never), { name: 'TypeError', message: /sender\.share/ });
    assert.throws(() => Receiver.attach(tx.share() as never), {
      name: 'TypeError',
      message: /receiver\.share/,
    });
    assert.throws(() => Sender.attach(undefined as never), TypeError);
    assert.throws(() => Receiver.attach(null as never), TypeError);
  });

  test('are 31 senders at most, and one that closes makes room for another', async () => {
    const [tx, rx] = channel<number>(32);
    const others = range(MAX_SENDERS - 1).map(() => Sender.attach<number>(tx.share()));
    assert.throws(() => tx.share(), { name: 'RangeError', message: /at most 31 open senders/ });
    others[7]?.close();
    const again = Sender.attach<number>(tx.share());
    assert.throws(() => tx.share(), RangeError);
    const open = [tx, ...others.filter((_, i) => i !== 7), again];
    for (const [i, sender] of open.entries()) assert.equal(sender.trySend(i), true);
    for (const sender of open) sender.close();
    assert.deepEqual(await collect(rx), range(31));
  });

  test('carry an annex along, if the channel was given one', async (t) => {
    const [tx, rx] = channel<number>(1);
    tx.link.annex = new SharedArrayBuffer(8);
    assert.equal(rx.share().annex, tx.link.annex);
    assert.equal(Sender.attach<number>(tx.share()).share().annex, tx.link.annex);
    const remote = new Remote(t, tx.share());
    const back = (await remote.run(['share', 'tx'])) as SenderHandle<number>;
    assert.equal(back.annex?.byteLength, 8);
    assert.equal(back.memory.byteLength, tx.link.memory.byteLength);
  });
});

describe('A claimant', () => {
  test('is told the position before the receiver sees the message, however it is sent', async () => {
    const [tx, rx] = channelIn<number>(createMemory(2, 64, 4));
    const log: number[] = [];
    const claimant = {
      claimed(position: number) {
        log.push(position);
        return true;
      },
    };
    const look = (position: number) => rx.tryRecv() === undefined && claimant.claimed(position);
    await tx.send(0, {}, { claimed: look });
    assert.equal(tx.trySend(1, claimant), true);
    const sends = range(4).map((i) => tx.send(2 + i, {}, claimant)); // they wait, and claim nothing
    assert.equal(tx.trySend(9, claimant), false);
    assert.deepEqual(log, range(2));
    const seen: number[] = [];
    const accept = (_: unknown, position: number) => {
      seen.push(position);
      return true;
    };
    for (const i of range(6)) {
      assert.equal(rx.tryRecv(accept) ?? (await rx.recv(accept)), i);
      if (i >= 2) await sends[i - 2];
    }
    assert.deepEqual(seen, range(6));
    assert.deepEqual([...log].sort(), range(6));
  });

  test('that refuses a position gets the next one, and the refused ones cost no room', async () => {
    for (const cells of [4, 8, 128]) {
      const [tx, rx] = channelIn<number>(createMemory(2, 64, cells));
      const third = { claimed: (position: number) => position % 3 === 0 };
      const received: number[] = [];
      const sends = range(30).map((i) => tx.send(i, {}, third));
      tx.close();
      for await (const value of rx) {
        received.push(value);
        assert.ok(rx.length <= 2);
      }
      assert.deepEqual(received, range(30));
      await Promise.all(sends);
    }
  });

  test('that refuses leaves the whole capacity to others', () => {
    const [tx, rx] = channel<number>(4);
    for (const round of range(100)) {
      let refusals = round % 3;
      const claimed = () => refusals-- <= 0;
      const sent = tx.trySend(0, { claimed });
      assert.deepEqual(drain(rx), sent ? [0] : []);
      assert.equal(fill(tx), 4);
      assert.deepEqual(drain(rx), range(4));
    }
  });

  test('leaves positions behind that the receiver is told of, in their order, before they leave the channel', async () => {
    const [tx, first] = channel<number>(8);
    const skipped: [position: number, left: number][] = [];
    const rx: Receiver<number> = Receiver.attach(first.share(), (position) =>
      skipped.push([position, rx.length]),
    );
    const third = { claimed: (position: number) => position % 3 === 2 };
    for (const n of [0, 1]) tx.trySend(n, third);
    assert.deepEqual(skipped, []);
    assert.equal(await rx.recv(), 0);
    assert.equal(rx.tryRecv(), 1);
    assert.deepEqual(skipped, [
      [0, 6],
      [1, 5],
      [3, 3],
      [4, 2],
    ]);
  });
});

describe('Values:', () => {
  test('undefined is refused by every way of sending', async (t) => {
    const [tx, rx] = channel<undefined>(1);
    const refused = { name: 'TypeError', message: /send null/ };
    await assert.rejects(tx.send(undefined), refused);
    assert.throws(() => tx.trySend(undefined), refused);
    const remote = new Remote(t, tx.share());
    await assert.rejects(remote.run(['tx', 'blockingSend', undefined]), refused);
    assert.equal(rx.length, 0);
  });

  test('null and all falsy values arrive, and are not taken for the end', async (t) => {
    const values = [null, false, 0, -0, Number.NaN, '', 0n, [], {}];
    const [tx, rx] = channel<unknown>(values.length);
    const remote = new Remote(t, tx.share());
    const send = () => Promise.all(values.map((value) => tx.send(value)));
    await send();
    for (const value of values) assert.deepEqual(await rx.recv(), value);
    await send();
    for (const value of values) assert.deepEqual(rx.tryRecv(), value);
    await send();
    for (const value of values) assert.deepEqual(rx.blockingRecv(), value);
    for (const value of values) await remote.run(['tx', 'blockingSend', value]);
    await remote.run(['tx', 'close']);
    tx.close();
    assert.deepEqual(await collect(rx), values);
  });

  test('one that cannot be encoded leaves the channel exactly as it was', async () => {
    const [tx, rx] = channel<unknown>(2, { maxBytes: 256 });
    const other = Sender.attach(tx.share());
    const handle = rx.share(); // so that this thread may block
    const unsendable = { deep: [1, { call: noop }] };
    const large = { text: 'x'.repeat(300) };
    for (const room of [true, true, false]) {
      const before = bytesOf(tx.link.memory);
      await assert.rejects(tx.send(unsendable), NotSendableError);
      await assert.rejects(tx.send(large), TaskTooLargeError);
      assert.throws(() => tx.trySend(unsendable), NotSendableError);
      assert.throws(() => tx.trySend(large), TaskTooLargeError);
      assert.throws(() => tx.blockingSend(unsendable), NotSendableError);
      assert.throws(() => tx.blockingSend(large), TaskTooLargeError);
      await assert.rejects(tx.send('x', { timeout: -1 }), RangeError);
      await assert.rejects(tx.send(undefined), TypeError);
      assert.deepEqual(bytesOf(tx.link.memory), before);
      assert.equal(other.trySend('good'), room);
    }
    assert.deepEqual(drain(Receiver.attach(handle)), ['good', 'good']);
  });

  for (const maxBytes of [64, 1000, 65_536, 1 << 20]) {
    test(`those of all sizes up to ${maxBytes} bytes arrive, side by side`, async () => {
      const [tx, rx] = channel<string>(4, { maxBytes });
      const longest = maxBytes - (maxBytes > 256 ? 6 : 2); // tag and size come before the text
      assert.throws(() => tx.trySend('x'.repeat(longest + 1)), TaskTooLargeError);
      const sizes = [
        longest,
        0,
        21,
        22,
        23,
        24,
        25,
        longest - 1,
        longest >> 1,
        longest,
        longest,
        longest,
        longest,
      ];
      const texts = sizes.map((size, i) => String.fromCharCode(97 + i).repeat(size));
      const sends = texts.map((text) => tx.send(text));
      for (const text of texts) assert.ok((await rx.recv()) === text);
      await Promise.all(sends);
    });
  }

  test('an overlong number of laps mixes no long message with a short one', () => {
    const [tx, rx] = channelIn<string>(createMemory(1, 1000, 2));
    for (const i of range(50)) {
      const text = `${i}:`.padEnd((i * 41) % 900, '.');
      assert.equal(tx.trySend(text), true);
      assert.equal(rx.tryRecv(), text);
    }
  });

  const garbage = [
    ...[-1, -2, -5, -(2 ** 31), 0, 65, 2 ** 31 - 1].map((length) => ({ length })),
    ...[0xff, 0x1f, 0x2f].map((byte) => ({ byte })),
  ];
  for (const change of garbage) {
    test(`a corrupt one (${JSON.stringify(change)}) is an error once, and the channel goes on`, async () => {
      const [tx, rx] = channel<string>(4, { maxBytes: 64 });
      for (const receive of [() => rx.recv(), async () => rx.tryRecv(), async () => rx.blockingRecv()]) {
        for (const text of ['one', 'two', 'three']) assert.equal(tx.trySend(text), true);
        corrupt(rx.link.memory, 0, change);
        corrupt(rx.link.memory, 1, change);
        assert.throws(() => rx.tryRecv(), CorruptMessageError);
        await assert.rejects(receive(), (error) => {
          assert.ok(error instanceof CorruptMessageError);
          return true;
        });
        assert.equal(await receive(), 'three');
        assert.equal(fill(tx as Sender<unknown> as Sender<number>), 4);
        assert.equal(drain(rx).length, 4);
      }
    });
  }
});

describe('Positions', () => {
  for (const start of [2 ** 31 - 3, -3, 2 ** 31 - 1, -(2 ** 31), -1]) {
    for (const cells of [2, 4, 8]) {
      test(`from ${start} on wrap around with ${cells} cells`, async () => {
        const capacity = cells / 2;
        const [tx, rx] = channelIn<number>(createMemory(capacity, 64, cells, start));
        const other = Sender.attach<number>(tx.share());
        const handle = rx.share();
        for (const round of range(12)) {
          const receiver = Receiver.attach<number>(handle);
          assert.equal(fill(round % 2 === 0 ? tx : other), capacity);
          assert.equal(receiver.length, capacity);
          if (round % 3 === 0) await giveUp(other, round % 4);
          const sends = [tx.send(capacity), tx.send(capacity + 1)];
          for (const i of range(capacity + 2)) assert.equal(await receiver.recv(), i);
          await Promise.all(sends);
          assert.equal(receiver.length, 0);
        }
        const successor = Receiver.attach<number>(handle);
        tx.close();
        other.close();
        assert.equal(await successor.recv(), undefined);
      });
    }
  }

  for (const passed of [2 ** 31 - 1, 2 ** 31 + 100, 2 ** 32 - 100]) {
    test(`that ran on by ${passed} while a sender slept give it no more room than there is`, () => {
      const memory = createMemory(2, 64, 4);
      const [sleeper] = channelIn<number>(memory);
      moveTo(memory, passed | 0); // as if others had sent that many, and all had been taken
      const receiver = Receiver.attach<number>({ kind: 'receiver', memory });
      assert.equal(sleeper.trySend(0), true);
      assert.equal(sleeper.trySend(1), true);
      assert.equal(sleeper.trySend(2), false);
      assert.deepEqual(drain(receiver), [0, 1]);
    });
  }
});

describe('Arguments out of range:', () => {
  for (const capacity of [0, -1, 1.5, Number.NaN, 65_537, '32' as never, null as never]) {
    test(`a capacity of ${JSON.stringify(capacity)}`, () => {
      const message = `Expected \`capacity\` to be an integer from 1 to 65536, got ${capacity}`;
      assert.throws(() => channel(capacity), { name: 'RangeError', message });
    });
  }

  for (const maxBytes of [0, 63, 64.5, 2 ** 30 + 1, '64' as never]) {
    test(`a maxBytes of ${JSON.stringify(maxBytes)}`, () => {
      const message = `Expected \`maxBytes\` to be an integer from 64 to 1073741824, got ${maxBytes}`;
      assert.throws(() => channel(1, { maxBytes }), { name: 'RangeError', message });
    });
  }

  for (const timeout of [-1, Number.NaN, '5' as never, null as never]) {
    test(`a timeout of ${JSON.stringify(timeout)}`, async () => {
      const [tx, rx] = channel<number>(1);
      rx.share();
      const message = `Expected \`timeout\` to be a number of milliseconds from 0 up, got ${timeout}`;
      await assert.rejects(tx.send(1, { timeout }), { name: 'RangeError', message });
      assert.throws(() => tx.blockingSend(1, { timeout }), { name: 'RangeError', message });
      assert.equal(tx.length, 0);
    });
  }

  for (const full of [false, true]) {
    test(`wrong options of a send are refused before anything is sent, in a ${full ? 'full' : 'free'} channel`, async () => {
      const wrong = [
        { timeout: Number.NaN },
        { timeout: '200' },
        { timeout: null },
        { signal: null },
        { signal: 'abort' },
        { signal: {} },
        { signal: { aborted: false, addEventListener() {} } },
        { signal: null, timeout: 5 },
      ];
      const [tx, rx] = channel<number>(1);
      if (full) fill(tx);
      for (const options of [...wrong, null, 5]) {
        await assert.rejects(tx.send(1, options as never), /^(TypeError|RangeError): Expected `/);
      }
      assert.equal(tx.length, full ? 1 : 0);
      assert.equal(tx.waiting, 0);
      drain(rx);
      tx.close();
      assert.equal(await rx.recv(), undefined);
    });
  }

  test('a signal that throws when nobody listens to it any more costs no send', async () => {
    const [tx, rx] = channel<number>(1);
    fill(tx);
    const fail = () => {
      throw new Error('of another library');
    };
    const signal = { aborted: false, addEventListener: () => {}, removeEventListener: fail } as never;
    const sends = [tx.send(1, { signal }), tx.send(2)];
    for (const i of range(3)) assert.equal(await rx.recv(), i);
    await Promise.all(sends);
  });

  test('a signal of another library gives a send up, if it has the interface', async () => {
    const [tx, rx] = channel<number>(1);
    fill(tx);
    let abort = () => {};
    const signal = {
      aborted: false,
      addEventListener(_: string, listener: () => void) {
        abort = listener;
      },
      removeEventListener() {},
    };
    const waiting = tx.send(1, { signal: signal as never });
    abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    const elsewhere = runInNewContext('new AbortSignal()', { AbortSignal: AbortController }).signal;
    await assert.rejects(tx.send(2, { signal: elsewhere, timeout: 1 }), SendTimeoutError);
    assert.deepEqual(drain(rx), [0]);
  });

  test('a timeout may be longer than a timer can be, or infinite', async () => {
    const [tx, rx] = channel<number>(1);
    fill(tx);
    for (const timeout of [2 ** 31, Number.POSITIVE_INFINITY]) {
      const waiting = tx.send(1, { timeout });
      assert.equal(await isPending(waiting), true);
      rx.tryRecv();
      await waiting;
    }
  });
});

describe('A thread', () => {
  const entry = new URL('./support/alive.js', import.meta.url);
  const scenes = ['pending recv', 'pending send', 'send in line', 'nothing pending', 'closed', 'left open'];
  for (const scene of scenes) {
    test(`stays alive as long as the channel wants it, and no longer: ${scene}`, async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [entry.pathname, scene], {
        timeout: 15_000,
      });
      assert.equal(stdout, 'done\n');
      const worker = new Worker(entry, { argv: [scene] });
      const messages: unknown[] = [];
      worker.on('message', (message) => messages.push(message));
      assert.deepEqual(await once(worker, 'exit'), [0]);
      assert.deepEqual(messages, ['done']);
    });
  }

  test('burns no processor time while its receiver is parked', async (t) => {
    const { stdout } = await promisify(execFile)(process.execPath, [entry.pathname, 'idle']);
    t.diagnostic(`two idle receivers took ${stdout.trim()} µs of processor time in 400 ms`);
    assert.ok(Number(stdout) < 60_000, stdout);
  });
});
