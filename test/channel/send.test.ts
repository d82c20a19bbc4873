/** Sending: the bound and the order, waiting for room and giving up, what is refused, threads that block. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { channel, Sender, type SendOptions } from '#channel';
import { TaskTooLargeError } from '#codec';
import { until } from '../support/wait.js';
import { cameToWait, drain, fill, range, test } from './ends.js';
import { Remote, type Step } from './remote.js';

for (const capacity of [1, 32, 65_536])
  test(`a channel for ${capacity} admits ${capacity} and not one more, from one thread and, lap after lap, from three`, async () => {
    const [tx, rx] = capacity === 32 ? channel<number>() : channel<number>(capacity);
    assert.equal(fill(tx), capacity);
    const more = tx.send(capacity);
    assert.deepEqual([tx.capacity, rx.capacity, tx.length, rx.length], Array(4).fill(capacity));
    assert.equal(tx.waiting, 1);
    assert.deepEqual(drain(rx), range(capacity));
    await more;
    assert.deepEqual(drain(rx), [capacity]);
    const counts = range(3).map(() => new Int32Array(new SharedArrayBuffer(4)));
    const remotes = counts.map(() => new Remote(tx.share()));
    await cameToWait(tx, () => {
      for (const [i, count] of counts.entries()) void remotes[i]?.run(['flood', count]);
    });
    for (let taken = 0; taken < 2 * capacity && taken < 3000; taken++) {
      const sent = counts.reduce((sum, count) => sum + Atomics.load(count, 0), 0);
      assert.ok(tx.length <= capacity && sent - taken <= capacity, `${sent} sent, ${taken} taken`);
      await rx.recv();
    }
  });

test('a newcomer does not overtake a thread that waits', async () => {
  const [tx, rx] = channel<string>(4);
  const remote = new Remote(tx.share());
  while (tx.trySend('old'));
  await cameToWait(tx, () => void remote.run(['tx', 'blockingSend', 'waits']));
  assert.equal(rx.tryRecv(), 'old');
  assert.equal(tx.trySend('new'), false);
  await until(() => tx.length === 4);
  assert.deepEqual(drain(rx), ['old', 'old', 'old', 'waits']);
});

test('a send that times out, blocking or not, is never received, gives its value back, and leaves its room to others', async () => {
  const [tx, rx] = channel<number>(32);
  const [remote, receiver] = [new Remote(tx.share()), new Remote(rx.share())];
  const ways = [
    (options: SendOptions) => tx.send(-7, options),
    async (options: SendOptions) => tx.blockingSend(-7, options),
    (options: SendOptions) => remote.run(['tx', 'blockingSend', -7, options]),
  ];
  let next = fill(tx);
  for (const timeout of [0, 1, 50])
    for (const send of ways) {
      const begin = performance.now();
      const message = new RegExp(`full for ${timeout} ms`);
      await assert.rejects(send({ timeout }), { code: 'ERR_SEND_TIMEOUT', value: -7, message });
      const took = performance.now() - begin;
      assert.ok(took >= timeout - 1 && took < timeout + 2000, `took ${took} ms`);
      assert.equal(await receiver.run(['rx', 'tryRecv']), next - 32);
      await until(() => tx.trySend(next));
      next += 1;
      assert.equal(tx.trySend(next), false);
    }
});

test('a send is given up for the reason of its signal, also if that is aborted before, or by a getter of the value', async () => {
  const [tx] = channel<object>(1);
  const controller = new AbortController();
  const value = {
    get trap() {
      return controller.abort('by a getter');
    },
  };
  await assert.rejects(tx.send(value, { signal: controller.signal }), (e) => e === 'by a getter');
  await assert.rejects(tx.send([], { signal: controller.signal }), (e) => e === 'by a getter');
  assert.equal(tx.length, 0);
});

test('20,000 waiting sends that share a signal have one listener, until none waits, and are all given up at once', async () => {
  const [tx, rx] = channel<number>(1);
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = () => getEventListeners(signal, 'abort').length;
  await tx.send(0, { signal, timeout: 0 });
  assert.equal(listeners(), 0);
  const admitted = [1, 2].map((n) => tx.send(n, { signal, timeout: 60_000 }));
  for (const n of [0, 1]) {
    assert.equal(listeners(), 1);
    assert.equal(await rx.recv(), n);
    await admitted[n];
  }
  assert.equal(listeners(), 0);
  const sends = Promise.allSettled(range(20_000).map((n) => tx.send(n, { signal })));
  const others = [tx.send(3), tx.send(4, { signal: new AbortController().signal })];
  assert.equal(listeners(), 1);
  const begin = performance.now();
  controller.abort('all');
  const results = await sends;
  assert.ok(performance.now() - begin < 5000);
  for (const result of results) assert.deepEqual(result, { status: 'rejected', reason: 'all' });
  assert.deepEqual([tx.waiting, listeners()], [2, 0]);
  for (const n of [2, 3, 4]) assert.equal(await rx.recv(), n);
  await Promise.all(others);
});

test('wrong values and options are refused by every way of sending before anything is sent, with room and without', async () => {
  const wrong: [value: unknown, options: unknown, text: RegExp][] = [
    [undefined, {}, /^TypeError: Expected a message, got undefined/],
    [() => {}, {}, /^NotSendableError/],
    ['x'.repeat(65), {}, /^TaskTooLargeError/],
    [1, { timeOut: 5 }, /^TypeError: Expected no option but `timeout`, `signal`, got `timeOut`/],
    [1, 5, /^TypeError: Expected `options` to be an object/],
  ];
  for (const timeout of [-1, Number.NaN, '200', null])
    wrong.push([1, { timeout }, /^RangeError: Expected `timeout` to be a number of milliseconds/]);
  for (const signal of [null, 'abort', {}, { aborted: false, addEventListener() {} }])
    wrong.push([1, { signal }, /^TypeError: Expected `signal` to be an AbortSignal/]);
  const [tx, rx] = channel<unknown>(1, { maxBytes: 64 });
  rx.share();
  for (const full of [0, 1]) {
    for (const [value, options, text] of wrong) {
      await assert.rejects(tx.send(value, options as never), text);
      assert.throws(() => tx.blockingSend(value, options as never), text);
      if (value !== 1) assert.throws(() => tx.trySend(value), text);
    }
    assert.deepEqual([tx.length, tx.waiting], [full, 0]);
    assert.equal(tx.trySend(null), full === 0);
  }
});

test('a channel is refused with a wrong capacity, a wrong maxBytes, or an option that it has not', () => {
  const refused = (make: () => unknown, text: RegExp) => assert.throws(make, text);
  for (const capacity of [0, -1, 1.5, Number.NaN, 65_537, '32' as never, null as never])
    refused(() => channel(capacity), /^RangeError: Expected `capacity` to be an integer from 1 to 65536/);
  for (const maxBytes of [0, 63, 64.5, 2 ** 30 + 1, '64' as never])
    refused(() => channel(1, { maxBytes }), /^RangeError: Expected `maxBytes` to be an integer from 64/);
  refused(() => channel(1, { maxbytes: 64 } as never), /^TypeError: .*got `maxbytes`/);
  refused(() => channel(1, null as never), /^TypeError/);
});

for (const maxBytes of [64, 65, 1000])
  test(`messages of every size up to ${maxBytes} bytes cross undamaged, sent at once or after a wait`, async () => {
    const [tx, rx] = channel<string[]>(3, { maxBytes });
    const most = maxBytes - 10; // beside the array and the length
    const value: [string] = ['x'.repeat(most + 1)];
    assert.throws(() => tx.trySend(value), TaskTooLargeError);
    const sizes = [...range(80), maxBytes >> 1, most].filter((size) => size <= most);
    const texts = sizes.map((size) => String.fromCharCode(97 + (size % 26)).repeat(size));
    const sends = texts.map((text) => {
      value[0] = text; // what waits has been copied at the call
      return tx.send(value);
    });
    for (const text of texts) assert.ok((await rx.recv())?.[0] === text);
    await Promise.all(sends);
  });

test('blockingSend throws on the thread that runs the receiver, room or not', async () => {
  const [tx, rx] = channel<number>(1);
  const would = { code: 'ERR_WOULD_DEADLOCK', message: /await send/ };
  assert.throws(() => tx.blockingSend(0), would);
  assert.equal(fill(tx), 1);
  assert.throws(() => tx.blockingSend(1), would);
  const handle = rx.share();
  assert.throws(() => tx.blockingSend(1, { timeout: 1 }), { code: 'ERR_SEND_TIMEOUT' });
  const remote = new Remote(handle, tx.share());
  await assert.rejects(remote.run(['tx', 'blockingSend', 2]), { code: 'ERR_WOULD_DEADLOCK' });
  assert.equal(await remote.run(['rx', 'recv']), 0);
  tx.blockingSend(3);
  assert.equal(await remote.run(['rx', 'recv']), 3);
});

test('a blocking send behind async sends of its thread waits for them, or times out and leaves them alone', async () => {
  const [tx, rx] = channel<number>(2);
  const remote = new Remote(tx.share());
  const sends = range(4).map((n): Step => ['tx', 'send', n]);
  const waiting = remote.run(...sends);
  await assert.rejects(remote.run(['tx', 'blockingSend', 4, { timeout: 30 }]), { code: 'ERR_SEND_TIMEOUT' });
  for (const n of range(4)) assert.equal(await rx.recv(), n);
  await waiting;
  const sent = remote.run(...sends, ['tx', 'blockingSend', 4]);
  for (const n of range(5)) assert.equal(await rx.recv(), n);
  await sent;
});

test('a thread that is busy while it waits for room does not keep the room from the others', async () => {
  const [tx, rx] = channel<string>(4);
  const busy = range(6).map(() => Sender.attach<string>(tx.share()));
  const [receiver, sender] = [new Remote(rx.share()), new Remote(tx.share())];
  await receiver.run(['rx', 'tryRecv']);
  const sends = busy.flatMap((each) => range(4).map(() => each.send('busy')));
  const sent = new Int32Array(new SharedArrayBuffer(4));
  await cameToWait(tx, () => void sender.run(['flood', sent]));
  void receiver.run(['sink']);
  for (const end = performance.now() + 3000; Atomics.load(sent, 0) < 100; )
    assert.ok(performance.now() < end, `${sent[0]} messages of another thread got in`);
  await Promise.all(sends);
});

test('a thread that blocks in blockingRecv goes on with its own sends to another channel', async () => {
  const [tx, there] = channel<number>(1);
  const [back, rx] = channel<string>(1);
  const remote = new Remote(there.share(), back.share());
  await remote.run(['rx', 'tryRecv']);
  const sends = range(4).map((n) => tx.send(n));
  const receives = range(4).map((): Step => ['rx', 'blockingRecv']);
  const done = remote.run(...receives, ['tx', 'blockingSend', 'all']);
  const begin = performance.now();
  assert.equal(rx.blockingRecv(), 'all');
  const took = performance.now() - begin;
  assert.ok(took < 3000, `took ${took} ms: each send waited for the end of a slice`);
  await Promise.all([...sends, done]);
});
