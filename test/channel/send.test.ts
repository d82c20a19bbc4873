/** Sends that wait, and those that give up: timeouts, signals, options, what crosses. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { channel, channelIn, Sender, SendTimeoutError } from '#channel';
import { createMemory } from '#channel/memory';
import { NotSendableError, TaskTooLargeError } from '#codec';
import { isPending, until } from '../support/wait.js';
import { collect, drain, fill, range, receiverSleeps, test } from './ends.js';
import { Remote } from './remote.js';

test('a send that timed out is never received, and gives its value back', async () => {
  const [tx, rx] = channel<number>(1);
  fill(tx);
  await assert.rejects(tx.send(7, { timeout: 5 }), (error) => {
    assert.ok(error instanceof SendTimeoutError);
    assert.equal(error.code, 'ERR_SEND_TIMEOUT');
    assert.equal(error.value, 7);
    assert.match(error.message, /5 ms/);
    return true;
  });
  tx.close();
  assert.deepEqual(await collect(rx), [0]);
});

test('a send does not time out while there is room, though the receiver has not freed half of it', async () => {
  const [tx, rx] = channel<number>(32);
  fill(tx);
  await assert.rejects(tx.send(32, { timeout: 1 }), SendTimeoutError);
  for (const timeout of [1, 30, 1000]) {
    const waiting = tx.send(timeout, { timeout });
    rx.tryRecv();
    await waiting;
    assert.equal(tx.length, 32);
  }
});

test('room is free for trySend soon after all waiting sends have given up', async () => {
  const [tx, rx] = channel<number>(32);
  const other = tx.share();
  const remote = new Remote(other);
  fill(tx);
  await assert.rejects(remote.run(['tx', 'blockingSend', 1, { timeout: 5 }]), { code: 'ERR_SEND_TIMEOUT' });
  await assert.rejects(tx.send(1, { timeout: 1 }), SendTimeoutError);
  rx.tryRecv();
  await until(() => tx.trySend(32));
  assert.equal(tx.trySend(33), false);
});

test('a timeout may be longer than a timer can be, or infinite', async () => {
  const [tx, rx] = channel<number>(1);
  for (const timeout of [2 ** 31, Number.POSITIVE_INFINITY]) {
    fill(tx);
    const waiting = tx.send(1, { timeout });
    assert.equal(await isPending(waiting), true);
    drain(rx);
    await waiting;
    drain(rx);
  }
});

test('a send with a signal that is aborted rejects with its reason: before, by a getter, or while it waits', async () => {
  const [tx, rx] = channel<object>(1);
  await assert.rejects(tx.send([1], { signal: AbortSignal.abort('before') }), (e) => e === 'before');
  const controller = new AbortController();
  const { signal } = controller;
  const value = {
    get trap() {
      controller.abort('by a getter');
      return 1;
    },
  };
  await assert.rejects(tx.send(value, { signal }), (e) => e === 'by a getter');
  assert.equal(tx.length, 0);
  await tx.send([0]);
  const later = new AbortController();
  const aborted = tx.send([7], { signal: later.signal });
  const behind = tx.send([8]);
  later.abort('while it waits');
  await assert.rejects(aborted, (e) => e === 'while it waits');
  assert.deepEqual(rx.tryRecv(), [0]);
  await behind;
  assert.deepEqual(drain(rx), [[8]]);
});

test('20,000 waiting sends that share a signal have one listener, and are all given up at once', async () => {
  const [tx, rx] = channel<number>(1);
  fill(tx);
  const controller = new AbortController();
  const { signal } = controller;
  const sends = Promise.allSettled(range(20_000).map((n) => tx.send(n, { signal })));
  const others = [tx.send(1), tx.send(2, { signal: new AbortController().signal })];
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  const begin = performance.now();
  controller.abort('all');
  const results = await sends;
  assert.ok(performance.now() - begin < 5000);
  for (const result of results) assert.deepEqual(result, { status: 'rejected', reason: 'all' });
  assert.equal(tx.waiting, 2);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  for (const n of range(3)) assert.equal(await rx.recv(), n);
  await Promise.all(others);
});

test('a signal is let go when its last waiting send is admitted, and does nothing after that', async () => {
  const [tx, rx] = channel<number>(1);
  const controller = new AbortController();
  const { signal } = controller;
  await tx.send(0, { signal, timeout: 0 });
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  const sends = [1, 2].map((n) => tx.send(n, { signal, timeout: 60_000 }));
  for (const n of [0, 1]) {
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    assert.equal(await rx.recv(), n);
    await sends[n];
  }
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  controller.abort();
  assert.equal(await rx.recv(), 2);
});

test('a signal of another library gives a send up', async () => {
  const [tx, rx] = channel<number>(1);
  fill(tx);
  let abort = () => {};
  const listen = (_: string, listener: () => void) => {
    abort = listener;
  };
  const signal = { aborted: false, addEventListener: listen, removeEventListener() {} } as never;
  const waiting = tx.send(1, { signal });
  abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  assert.equal(await rx.recv(), 0);
  assert.equal(rx.tryRecv(), undefined);
});

test('wrong options are refused before anything is sent, with room and without', async () => {
  const wrong = [
    ...[-1, Number.NaN, '200', null].map((timeout) => ({ timeout })),
    ...[null, 'abort', {}, { aborted: false, addEventListener() {} }].map((signal) => ({ signal })),
    { timeOut: 5 },
    null,
    5,
  ] as never[];
  const [tx, rx] = channel<number>(1);
  rx.share();
  for (const full of [0, 1]) {
    for (const options of wrong) {
      await assert.rejects(tx.send(1, options), /^(TypeError|RangeError): Expected /);
      assert.throws(() => tx.blockingSend(1, options), /^(TypeError|RangeError): Expected /);
    }
    assert.deepEqual([tx.length, tx.waiting], [full, 0]);
    fill(tx);
  }
  await assert.rejects(tx.send(1, { timeOut: 5 } as never), /got `timeOut`/);
});

test('a channel is refused with a wrong capacity, a wrong maxBytes, or an option that it has not', () => {
  for (const capacity of [0, -1, 1.5, Number.NaN, 65_537, '32' as never, null as never])
    assert.throws(
      () => channel(capacity),
      /^RangeError: Expected `capacity` to be an integer from 1 to 65536/,
    );
  for (const maxBytes of [0, 63, 64.5, 2 ** 30 + 1, '64' as never])
    assert.throws(
      () => channel(1, { maxBytes }),
      /^RangeError: Expected `maxBytes` to be an integer from 64/,
    );
  assert.throws(() => channel(1, { maxbytes: 64 } as never), /^TypeError: .*got `maxbytes`/);
  assert.throws(() => channel(1, null as never), TypeError);
});

test('a value that cannot be sent is refused by every way of sending, and the next one is sent', async () => {
  const [tx, rx] = channel<unknown>(2, { maxBytes: 64 });
  rx.share();
  const values: [unknown, object][] = [
    [undefined, TypeError],
    [() => {}, NotSendableError],
    ['x'.repeat(65), TaskTooLargeError],
  ];
  for (const [value, error] of values) {
    await assert.rejects(tx.send(value), error as never);
    assert.throws(() => tx.trySend(value), error as never);
    assert.throws(() => tx.blockingSend(value), error as never);
  }
  assert.equal(tx.trySend(null), true);
  assert.equal(tx.length, 1);
});

for (const maxBytes of [64, 65, 1000, 65_536])
  test(`messages of every size up to ${maxBytes} bytes cross undamaged, sent at once or after a wait`, async () => {
    const [tx, rx] = channelIn<string>(createMemory(3, maxBytes));
    const overhead = 5;
    const longest = 'z'.repeat(maxBytes - overhead);
    assert.throws(() => tx.trySend('z'.repeat(maxBytes)), TaskTooLargeError);
    const sizes = [...range(80), maxBytes >> 1, longest.length].filter((size) => size <= longest.length);
    const texts = sizes.map((size, i) => String.fromCharCode(97 + (i % 26)).repeat(size));
    const sends = texts.map((text) => tx.send(text));
    for (const text of texts) assert.ok((await rx.recv()) === text);
    await Promise.all(sends);
  });

test('a waiting send has copied its value at the call', async () => {
  const [tx, rx] = channel<number[]>(1);
  const value = [0];
  const sends = range(5).map((n) => {
    value[0] = n;
    return tx.send(value);
  });
  for (const n of range(5)) assert.deepEqual(await rx.recv(), [n]);
  await Promise.all(sends);
});

test('a late send wakes the receiver in a later turn of the event loop, or when its thread blocks', async () => {
  const [tx, rx] = channel<number>(4);
  for (const n of range(3)) {
    const received = rx.recv();
    await setImmediate();
    await tx.send(n, {}, undefined, true);
    assert.equal(await received, n);
  }
  const [answer, answers] = channel<string>(1);
  const remote = new Remote(rx.share(), answer.share() as never);
  const done = remote.run(['rx', 'blockingRecv'], ['tx', 'trySend', 'woken']);
  await receiverSleeps(rx);
  void tx.send(3, {}, undefined, true);
  assert.equal(answers.blockingRecv(), 'woken');
  await done;
});

test('the receiver of a send is told its position in the same turn; a message can be taken back until it is taken', async () => {
  const [tx, rx] = channel<string>(4);
  const positions: number[] = [];
  const note = { sent: (position: number) => void positions.push(position) };
  for (const text of ['a', 'b', 'c', 'd']) void tx.send(text, {}, note);
  assert.deepEqual(positions, range(4));
  assert.equal(tx.position, 3);
  const waiting = tx.send('e', {}, note);
  assert.equal(tx.takeBack(1), true);
  assert.equal(tx.takeBack(1), false);
  assert.deepEqual(
    range(4).map((p) => tx.isHere(p)),
    [true, false, true, true],
  );
  assert.equal(rx.tryRecv(), 'a');
  assert.equal(tx.takeBack(0), false);
  assert.equal(rx.isHere(0), false);
  assert.equal(rx.tryRecv(), 'c');
  await waiting;
  assert.deepEqual(positions, range(5));
  assert.deepEqual(drain(rx), ['d', 'e']);
});

test('a sender takes back no message of another one', () => {
  const [tx, rx] = channel<string>(4);
  const other = Sender.attach<string>(tx.share());
  assert.equal(tx.trySend('mine'), true);
  assert.equal(other.takeBack(tx.position), false);
  assert.equal(rx.tryRecv(), 'mine');
});
