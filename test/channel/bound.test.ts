/** The bound and the order: never more than `capacity` messages, first in, first out. */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { channel } from '#channel';
import { isPending, until } from '../support/wait.js';
import { cameToWait, collect, drain, fill, range, test } from './ends.js';
import { Remote, type Step } from './remote.js';

test('a channel admits 32 messages unless told otherwise', () => {
  const [tx, rx] = channel<number>();
  assert.equal(fill(tx), 32);
  assert.deepEqual([tx.capacity, rx.capacity, tx.length, rx.length], [32, 32, 32, 32]);
});

for (const capacity of [1, 2, 3, 32, 1000, 65_536]) {
  test(`a channel for ${capacity} admits ${capacity} and not one more, lap after lap`, async () => {
    const [tx, rx] = channel<number>(capacity);
    for (let lap = 0; lap < (capacity > 1000 ? 3 : 20); lap++) {
      assert.equal(fill(tx), capacity);
      const more = tx.send(capacity);
      assert.equal(tx.length, capacity);
      assert.equal(tx.waiting, 1);
      assert.deepEqual(drain(rx), range(capacity));
      await more;
      assert.deepEqual(drain(rx), [capacity]);
      assert.equal(rx.length, 0);
    }
  });

  test(`a channel for ${capacity} holds no more with three threads that send to it`, async () => {
    const [tx, rx] = channel<number>(capacity);
    const remotes = range(3).map(() => new Remote(tx.share()));
    const counts = remotes.map(() => new Int32Array(new SharedArrayBuffer(4)));
    const sent = () => counts.reduce((sum, count) => sum + Atomics.load(count, 0), 0);
    await cameToWait(tx, () => {
      for (const [i, count] of counts.entries()) void remotes[i]?.run(['flood', count]);
    });
    for (let taken = 0; taken < 2 * capacity && taken < 3000; taken++) {
      assert.ok(tx.length <= capacity);
      assert.ok(sent() - taken <= capacity, `${sent()} sent, ${taken} taken`);
      await rx.recv();
    }
    await Promise.all(remotes.map((remote) => remote.terminate()));
  });
}

test('room for one message admits one waiting send, though others wait', async () => {
  const [tx, rx] = channel<number>(32);
  const admitted: number[] = [];
  for (const i of range(40)) void tx.send(i).then(() => admitted.push(i));
  for (const taken of range(8)) {
    await until(() => admitted.length === 32 + taken);
    await setImmediate();
    assert.deepEqual(admitted, range(32 + taken));
    assert.equal(rx.tryRecv(), taken);
  }
});

test('messages arrive in the order of the sends of each thread, however it sends', async () => {
  for (const capacity of [1, 3, 32]) {
    const [tx, rx] = channel<number[]>(capacity);
    const remotes = range(3).map(() => new Remote(tx.share()));
    const methods = ['send', 'blockingSend', 'send', 'send'] as const;
    const done = remotes.map((remote, by) => {
      const steps = range(100).map((n): Step => ['tx', methods[n % 4] ?? 'send', [by, n]]);
      return remote.run(...steps, ['tx', 'close']);
    });
    tx.close();
    const received = await collect(rx);
    for (const by of range(3)) {
      const own = received.filter((message) => message[0] === by).map((message) => message[1]);
      assert.deepEqual(own, range(100));
    }
    await Promise.all(done);
  }
});

test('a newcomer does not overtake a thread that waits', async () => {
  const [tx, rx] = channel<string>(4);
  const remote = new Remote(tx.share());
  while (tx.trySend('old'));
  const { done } = await cameToWait(tx, () => remote.run(['tx', 'blockingSend', 'waits']));
  assert.equal(rx.tryRecv(), 'old');
  assert.equal(tx.trySend('new'), false);
  await done;
  assert.equal(tx.length, 4);
  assert.deepEqual(drain(rx), ['old', 'old', 'old', 'waits']);
});

test('trySend does not overtake the sends of its own thread', async () => {
  const [tx, rx] = channel<number>(1);
  const sends = range(4).map((n) => tx.send(n));
  assert.equal(tx.trySend(9), false);
  assert.equal(rx.tryRecv(), 0);
  assert.equal(tx.trySend(9), false);
  for (const n of [1, 2, 3]) assert.equal(await rx.recv(), n);
  await Promise.all(sends);
  assert.equal(tx.trySend(4), true);
});

test('the length is never more than what is in the channel, while another thread sends and receives', async () => {
  const [tx, rx] = channel<number>(1000);
  const remote = new Remote(tx.share(), rx.share());
  const done = remote.run(
    ...range(40_000).map((n): Step => (n % 2 ? ['rx', 'tryRecv'] : ['tx', 'trySend', n])),
  );
  while (await isPending(done)) for (let n = 0; n < 2000; n++) assert.ok(tx.length <= 1, `${tx.length}`);
});
