/** Receiving in every way, and closing from either end. */
import assert from 'node:assert/strict';
import { ChannelClosedError, channel, Receiver, type ReceiverHandle, Sender } from '#channel';
import { Memory } from '#channel/memory';
import { CorruptMessageError } from '#codec';
import { isPending } from '../support/wait.js';
import { cameToWait, collect, drain, fill, range, receiverSleeps, test } from './ends.js';
import { Remote, type Step } from './remote.js';

test('recv, tryRecv, blockingRecv and iteration take the same messages in turn', async () => {
  const [tx, rx] = channel<number>(8);
  assert.equal(rx.tryRecv(), undefined);
  assert.equal(fill(tx), 8);
  tx.close();
  assert.equal(await rx.recv(), 0);
  assert.equal(rx.tryRecv(), 1);
  assert.equal(rx.blockingRecv(), 2);
  for await (const value of rx) {
    assert.equal(value, 3);
    break;
  }
  assert.deepEqual(await collect(rx), [4, 5, 6, 7]);
  for (const end of [await rx.recv(), rx.blockingRecv(), rx.tryRecv()]) assert.equal(end, undefined);
});

test('a receiver that sleeps is woken by every way of sending, from its own thread and from another', async () => {
  const [tx, rx] = channel<string>(4);
  const remote = new Remote(tx.share());
  for (const round of range(40)) {
    const received = rx.recv();
    await receiverSleeps(rx);
    const method = (['send', 'trySend', 'blockingSend'] as const)[round % 3] ?? 'send';
    if (round % 4 === 0) assert.equal(tx.trySend(method), true);
    else await remote.run(['tx', method, method]);
    assert.equal(await received, method);
  }
  const receiver = new Remote(rx.share());
  for (const round of range(20)) {
    const received = receiver.run(['rx', 'blockingRecv']);
    if (round % 2 === 0) await receiverSleeps(rx);
    assert.equal(tx.trySend('blocked'), true);
    assert.equal(await received, 'blocked');
  }
});

test('one recv at a time', async () => {
  const [tx, rx] = channel<number>(1);
  const first = rx.recv();
  const refused = /one `recv` at a time/;
  await assert.rejects(rx.recv(), refused);
  for (const call of [() => rx.tryRecv(), () => rx.blockingRecv(), () => rx.share()])
    assert.throws(call, refused);
  tx.trySend(1);
  assert.equal(await first, 1);
  tx.trySend(2);
  assert.equal(await rx.recv(), 2);
});

test('a message that is damaged is an error once, and the next one follows', async () => {
  const [tx, rx] = channel<string>(4, { maxBytes: 64 });
  const memory = new Memory(tx.memory);
  for (const round of range(6)) {
    for (const text of ['one', 'two', 'three']) assert.equal(tx.trySend(text), true);
    const first = round * 3;
    memory.words[memory.cell(first) + 1] = [0, -1, -(2 ** 31), 65, 2 ** 31 - 1, 1][round] ?? 0; // its length
    memory.words[memory.cell(first + 1) + 2] = -1; // its first bytes
    await assert.rejects(rx.recv(), CorruptMessageError);
    assert.throws(() => rx.tryRecv(), CorruptMessageError);
    assert.deepEqual(drain(rx), ['three']);
  }
});

test('a closed receiver fails new sends of every kind, and gives the value back', async () => {
  const [tx, rx] = channel<string>(2);
  const remote = new Remote(tx.share());
  rx.close();
  const closed = { name: 'ChannelClosedError', code: 'ERR_CHANNEL_CLOSED', value: 'v' };
  await assert.rejects(tx.send('v'), closed);
  assert.throws(() => tx.trySend('v'), closed);
  assert.throws(() => tx.blockingSend('v'), closed);
  for (const method of ['send', 'trySend', 'blockingSend'] as const)
    await assert.rejects(remote.run(['tx', method, 'v']), closed);
  assert.equal(await rx.recv(), undefined);
});

for (const capacity of [1, 4])
  test(`a receiver that closes fails all waiting sends, and drains what was sent (${capacity})`, async () => {
    for (const round of range(4)) {
      const [tx, rx] = channel<number>(capacity);
      const remotes = range(round === 0 ? 3 : 1).map(() => new Remote(tx.share()));
      fill(tx);
      const sends: Promise<unknown>[] = [tx.send(10), tx.send(11)];
      for (const remote of remotes)
        for (const method of ['send', 'send', 'blockingSend'] as const)
          sends.push((await cameToWait(tx, () => remote.run(['tx', method, 9]))).done);
      rx.close();
      assert.throws(() => tx.trySend(9), ChannelClosedError);
      for (const result of await Promise.allSettled(sends)) {
        assert.ok(result.status === 'rejected');
        assert.equal(result.reason.code, 'ERR_CHANNEL_CLOSED');
        assert.ok(result.reason.value >= 9);
      }
      assert.deepEqual(await collect(rx), range(capacity));
      await Promise.all(remotes.map((remote) => remote.terminate()));
    }
  });

test('the last sender closing ends a receiver that sleeps, async or blocked; a former one does not', async () => {
  for (const method of ['recv', 'blockingRecv'] as const) {
    const [tx, rx] = channel<number>(4);
    const sender = new Remote(tx.share());
    const receiver = new Remote(rx.share());
    const ended = receiver.run(['rx', method]);
    await receiverSleeps(rx);
    tx.close();
    tx.close();
    assert.equal(await isPending(ended), true);
    await sender.run(['tx', 'close']);
    assert.equal(await ended, undefined);
  }
});

test('a thread that has handed the receiver over can close the channel, and can do no more with it', async () => {
  const times: number[] = [];
  for (const method of ['recv', 'blockingRecv'] as const) {
    const [tx, rx] = channel<number>(1);
    const remote = new Remote(rx.share());
    const away = /handed to another thread/;
    await assert.rejects(rx.recv(), away);
    for (const call of [() => rx.tryRecv(), () => rx.blockingRecv(), () => rx.share()])
      assert.throws(call, away);
    const ended = remote.run(['rx', method]);
    await receiverSleeps(rx);
    const begin = performance.now();
    rx.close();
    assert.equal(await ended, undefined);
    times.push(performance.now() - begin);
    assert.throws(() => tx.trySend(1), ChannelClosedError);
  }
  assert.ok(Math.min(...times) < 1500, 'woken by the end of its slice only');
});

test('a closed sender refuses, while its waiting sends are still admitted or give up; then the channel ends', async () => {
  const [tx, rx] = channel<number>(1);
  const controller = new AbortController();
  const sends = [tx.send(0), tx.send(1), tx.send(2, { signal: controller.signal })];
  tx.close();
  await assert.rejects(tx.send(9), ChannelClosedError);
  assert.throws(() => tx.trySend(9), ChannelClosedError);
  assert.throws(() => tx.share(), /This sender is closed/);
  controller.abort();
  await assert.rejects(sends.pop() ?? Promise.resolve(), { name: 'AbortError' });
  assert.deepEqual(await collect(rx), [0, 1]);
  await Promise.all(sends);
});

test('a message sent just before the last sender closes is not lost', async () => {
  const remote = new Remote();
  for (const round of range(200)) {
    const [tx, rx] = channel<number>(8, { maxBytes: 64 });
    const handle = tx.share();
    tx.close();
    const sends = range(round % 8).map((n): Step => ['tx', 'trySend', n]);
    const done = remote.run(['attach', handle as never], ...sends, ['tx', 'close']);
    assert.deepEqual(await collect(rx), range(round % 8));
    await done;
  }
});

test('discard closes the channel, and gives what is left, each with its position', async () => {
  const [tx, rx] = channel<string>(4);
  for (const text of ['a', 'b', 'c', 'd']) void tx.send(text);
  const waiting = assert.rejects(tx.send('e'), ChannelClosedError);
  assert.equal(rx.tryRecv(), 'a');
  tx.takeBack(2);
  const left: unknown[] = [];
  rx.discard((position, decode) => left.push([position, decode()]));
  assert.deepEqual(left.slice(0, 2), [
    [1, 'b'],
    [3, 'd'],
  ]);
  await waiting;
  assert.equal(await rx.recv(), undefined);
});

test('handles cross to other threads and back, and those of the wrong kind are refused', async () => {
  const [tx, rx] = channel<string>(4);
  const remote = new Remote(tx.share());
  await remote.run(['tx', 'send', 'one']);
  const back = Sender.attach((await remote.run(['tx', 'share'])) as ReturnType<typeof tx.share>);
  assert.equal(back.trySend('two'), true);
  const receiver = new Remote(rx.share());
  assert.equal(await receiver.run(['rx', 'recv']), 'one');
  const again = Receiver.attach((await receiver.run(['rx', 'share'])) as ReceiverHandle<string>);
  assert.deepEqual(drain(again), ['two']);
  assert.throws(() => Sender.attach(again.share() as never), /^TypeError: .*sender\.share/);
  for (const handle of [tx.share(), null, undefined])
    assert.throws(() => Receiver.attach(handle as never), /^TypeError: .*receiver\.share/);
  for (const handle of [{}, undefined])
    assert.throws(() => tx.bury(handle as never), /^TypeError: .*sender\.share/);
});
