/** Receiving, closing from either end, and the death of a thread. Threads that are killed at random: stress.test.ts. */
import assert from 'node:assert/strict';
import { ChannelClosedError, channel, MAX_SENDERS, Receiver, Sender, type SenderHandle } from '#channel';
import { BELL, Memory, Phase } from '#channel/memory';
import { CorruptMessageError } from '#codec';
import { isPending, until } from '../support/wait.js';
import { cameToWait, collect, drain, fill, range, test } from './ends.js';
import { Remote } from './remote.js';

test('a receiver has one recv at a time, and none once it was handed to another thread', async () => {
  const [tx, rx] = channel<number>(1);
  const isRefused = async (text: RegExp) => {
    await assert.rejects(rx.recv(), text);
    for (const call of [() => rx.tryRecv(), () => rx.blockingRecv(), () => rx.share()])
      assert.throws(call, text);
  };
  const first = rx.recv();
  await isRefused(/one `recv` at a time/);
  tx.trySend(1);
  assert.equal(await first, 1);
  rx.share();
  await isRefused(/handed to another thread/);
});

test('a message that is damaged is an error once, and the next one follows', async () => {
  const [tx, rx] = channel<string>(4, { maxBytes: 64 });
  const memory = new Memory(tx.memory);
  for (const [round, length] of [0, -1, -(2 ** 31), 65, 2 ** 31 - 1, 1].entries()) {
    for (const text of ['one', 'two', 'three']) assert.equal(tx.trySend(text), true);
    memory.words[memory.cell(round * 3) + 1] = length;
    memory.words[memory.cell(round * 3 + 1) + 2] = -1; // its first bytes
    await assert.rejects(rx.recv(), CorruptMessageError);
    assert.throws(() => rx.tryRecv(), CorruptMessageError);
    assert.deepEqual(drain(rx), ['three']);
  }
});

test('a receiver that closes fails all waiting and new sends, and drains what was sent', async () => {
  const [tx, rx] = channel<number>(4);
  const remotes = range(3).map(() => new Remote(tx.share()));
  const closed = { name: 'ChannelClosedError', code: 'ERR_CHANNEL_CLOSED', value: 9 };
  const failures: Promise<void>[] = [];
  const fails = (send: Promise<unknown>) => void failures.push(assert.rejects(send, closed));
  fill(tx);
  fails(tx.send(9));
  for (const remote of remotes)
    for (const method of ['send', 'send', 'blockingSend'] as const)
      await cameToWait(tx, () => fails(remote.run(['tx', method, 9])));
  rx.close();
  for (const send of [() => tx.trySend(9), () => tx.blockingSend(9)]) assert.throws(send, closed);
  fails(tx.send(9));
  for (const remote of remotes) fails(remote.run(['tx', 'trySend', 9]));
  await Promise.all(failures);
  assert.deepEqual(await collect(rx), range(4));
});

test('a receiver that sleeps is ended by the last sender that closes, or by the thread that handed it over', async () => {
  let took = 0;
  for (const method of ['recv', 'blockingRecv'] as const)
    for (const closes of ['sender', 'receiver']) {
      const [tx, rx] = channel<number>(4);
      const [sender, receiver] = [new Remote(tx.share()), new Remote(rx.share())];
      const ended = receiver.run(['rx', method]);
      await until(() => Atomics.load(new Int32Array(rx.memory), BELL) === 1); // it sleeps
      tx.close();
      tx.close();
      assert.throws(() => tx.share(), /This sender is closed/);
      assert.equal(await isPending(ended), true);
      took -= performance.now();
      if (closes === 'receiver') rx.close();
      else await sender.run(['tx', 'close']);
      assert.equal(await ended, undefined);
      took += performance.now();
      await assert.rejects(sender.run(['tx', 'trySend', 1]), { code: 'ERR_CHANNEL_CLOSED' });
    }
  assert.ok(took < 3000, 'woken by the end of a slice only');
});

test('handles of the wrong kind are refused', () => {
  const [tx, rx] = channel<string>(4);
  for (const handle of [rx.share(), null, {}, undefined] as never[]) {
    assert.throws(() => Sender.attach(handle), /^TypeError: .*sender\.share/);
    assert.throws(() => tx.bury(handle), /^TypeError: .*sender\.share/);
  }
  for (const handle of [tx.share(), null, undefined] as never[])
    assert.throws(() => Receiver.attach(handle), /^TypeError: .*receiver\.share/);
});

test('31 senders can be open, and seats are used again; a handle that is attached too late harms no new sender', () => {
  const [tx, rx] = channel<number>(64);
  let former: SenderHandle<number>[] = [];
  for (const round of range(100)) {
    const handles = range(MAX_SENDERS - 1).map(() => tx.share());
    assert.throws(() => tx.share(), /^RangeError: .*at most 31 open senders/);
    for (const handle of former) {
      const late = Sender.attach(handle);
      assert.throws(() => late.trySend(1), ChannelClosedError);
      late.close();
      tx.bury(handle); // as done at every exit, whether or not the thread has closed its sender
    }
    for (const [i, handle] of handles.entries()) {
      const sender = Sender.attach(handle);
      assert.equal(sender.trySend(i), true);
      if ((i + round) % 2 === 0) sender.close();
      else tx.bury(handle);
    }
    assert.deepEqual(drain(rx), range(MAX_SENDERS - 1));
    former = handles;
  }
});

test('a message that a dead sender left half-written is skipped once it is buried', async () => {
  const [tx, rx] = channel<number>(2);
  const handle = tx.share();
  const memory = new Memory(tx.memory);
  memory.words[memory.cell(0)] = memory.free(0) | (handle.seat << 2) | Phase.WRITING; // TAIL has not moved
  const received = rx.recv();
  assert.equal(await isPending(received), true);
  tx.bury(handle);
  assert.equal(tx.trySend(1), true);
  assert.equal(await received, 1);
});

test('a terminated thread leaves what it has sent, nothing that waited, and holds up nobody once any sender buries it', async () => {
  for (const method of ['send', 'blockingSend'] as const) {
    const [tx, rx] = channel<number>(1);
    const [other, otherRx] = channel<number>(1);
    const handle = tx.share();
    const bystander = Sender.attach<number>(other.share()); // the same seat, the same opening, another channel
    const remote = new Remote(handle);
    await remote.run(['tx', 'send', 0]);
    await cameToWait(tx, () => void remote.run(['tx', 'send', 1], ['tx', method, 2]));
    const waiting = [tx.send(5), tx.send(6)];
    await remote.worker.terminate();
    other.bury(handle);
    tx.close();
    assert.deepEqual(await collect(rx), [0, 5, 6]);
    await Promise.all(waiting);
    assert.equal(bystander.trySend(1), true);
    assert.equal(otherRx.tryRecv(), 1);
  }
});
