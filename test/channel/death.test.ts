/** Threads that die: seats, burial, the heir of a receiver. */
import assert from 'node:assert/strict';
import { ChannelClosedError, channel, channelIn, MAX_SENDERS, Receiver, Sender } from '#channel';
import { createMemory, Memory, Phase, TAIL } from '#channel/memory';
import { isPending, until } from '../support/wait.js';
import { cameToWait, collect, drain, fill, range, receiverSleeps, test } from './ends.js';
import { Remote } from './remote.js';

function counter(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** Leaves what a sender leaves that is killed after its claim: before or after it has moved TAIL on. */
function claimAndDie(shared: SharedArrayBuffer, seat: number, tailMoved: boolean): void {
  const memory = new Memory(shared);
  const p = (memory.words[TAIL] ?? 0) >>> 2;
  memory.words[memory.cell(p)] = memory.free(p) | (seat << 2) | Phase.WRITING;
  if (tailMoved) memory.words[TAIL] = memory.next(p) << 2;
}

test('31 senders can be open, and the seats of those that were closed or buried are used again', async () => {
  const [tx, rx] = channel<number>(64);
  for (const round of range(100)) {
    const handles = range(MAX_SENDERS - 1).map(() => tx.share());
    assert.throws(() => tx.share(), /^RangeError: .*at most 31 open senders/);
    for (const [i, handle] of handles.entries()) {
      const sender = Sender.attach(handle);
      assert.equal(sender.trySend(i), true);
      if ((i + round) % 2 === 0) sender.close();
      else tx.bury(handle);
    }
    assert.deepEqual(drain(rx), range(MAX_SENDERS - 1));
  }
  tx.close();
  assert.equal(await rx.recv(), undefined);
});

test('a handle that is attached too late is a closed sender, and harms the next one of its seat in no way', async () => {
  const [tx, rx] = channel<number>(4);
  const [buried, closed] = [tx.share(), tx.share()];
  tx.bury(buried);
  Sender.attach(closed).close();
  const next = range(2).map(() => Sender.attach(tx.share()));
  for (const handle of [buried, closed]) {
    const late = Sender.attach(handle);
    assert.throws(() => late.trySend(1), ChannelClosedError);
    await assert.rejects(late.send(1), ChannelClosedError);
    late.close();
    tx.bury(handle); // as done at every exit, whether or not the thread has closed its sender
  }
  tx.close();
  const received = rx.recv();
  assert.equal(await isPending(received), true);
  assert.equal(next[0]?.trySend(5), true);
  assert.equal(await received, 5);
  for (const sender of next) sender.close();
  assert.equal(await rx.recv(), undefined);
});

test('a sender is buried in its own channel, whichever sender does it', async () => {
  const [tx, rx] = channel<number>(1);
  const [other, otherRx] = channel<number>(1);
  const handle = tx.share();
  const bystander = Sender.attach<number>(other.share()); // the same seat, the same opening
  tx.close();
  other.bury(handle);
  assert.equal(await rx.recv(), undefined);
  assert.equal(bystander.trySend(1), true);
  assert.equal(await otherRx.recv(), 1);
});

for (const tailMoved of [false, true])
  test(`a message left half-written ${tailMoved ? 'after' : 'before'} TAIL has moved is skipped once buried`, async () => {
    for (const capacity of [1, 2, 4]) {
      const [tx, rx] = channelIn<number>(createMemory(capacity, 64));
      const handle = tx.share();
      claimAndDie(tx.memory, handle.seat, tailMoved);
      assert.equal(fill(tx), capacity - 1);
      const more = tx.send(capacity);
      const received = rx.recv();
      assert.equal(await isPending(received), true); // it may still be on its way
      tx.bury(handle);
      assert.equal(await received, capacity === 1 ? 1 : 0);
      drain(rx);
      await more;
      drain(rx);
      assert.equal(rx.length, 0);
      assert.equal(fill(tx), capacity);
    }
  });

test('the length is right after the burial of a sender that has not moved TAIL on', () => {
  const [tx, rx] = channel<number>(4);
  const handle = tx.share();
  claimAndDie(tx.memory, handle.seat, false);
  tx.bury(handle);
  assert.equal(rx.tryRecv(), undefined);
  assert.deepEqual([tx.length, rx.length], [0, 0]);
  assert.equal(fill(tx), 4);
});

test('a terminated thread leaves what it has sent, nothing that waited, and holds up nobody', async () => {
  for (const method of ['send', 'blockingSend'] as const) {
    const [tx, rx] = channel<number>(1);
    const handle = tx.share();
    const remote = new Remote(handle);
    await remote.run(['tx', 'send', 0]);
    await cameToWait(tx, () => remote.run(['tx', 'send', 1], ['tx', method, 2]).catch(() => {}));
    const waiting = [tx.send(5), tx.send(6)];
    await remote.terminate();
    tx.bury(handle);
    tx.close();
    assert.deepEqual(await collect(rx), [0, 5, 6]);
    await Promise.all(waiting);
  }
});

for (const capacity of [1, 4, 32])
  test(`senders terminated while they send, then buried: the others go on (${capacity})`, async () => {
    const [tx, rx] = channel<number>(capacity);
    const sink = counter();
    const receiver = new Remote(rx.share());
    void receiver.run(['sink', sink]);
    const other = new Remote(tx.share());
    const count = counter();
    void other.run(['flood', count]);
    for (const _ of range(4)) {
      const handle = tx.share();
      const remote = new Remote(handle);
      const own = counter();
      void remote.run(['flood', own]);
      await until(() => Atomics.load(own, 0) > 0);
      await remote.terminate();
      tx.bury(handle);
      const before = Atomics.load(count, 0);
      await until(() => Atomics.load(count, 0) > before + 2 * capacity);
      await tx.send(-1);
    }
    await other.terminate();
    await receiver.terminate();
  });

test('the heir of a terminated receiver goes on where it stopped: at most one message went down with it', async () => {
  const [tx, rx] = channel<number>(8);
  const handle = rx.share();
  const sender = new Remote(tx.share());
  void sender.run(['flood', counter()]);
  let next = 0;
  for (const _ of range(4)) {
    const sink = counter();
    const remote = new Remote(handle);
    void remote.run(['sink', sink]);
    await until(() => Atomics.load(sink, 0) > next + 20);
    await remote.terminate();
    const reported = Atomics.load(sink, 0);
    const heir = Receiver.attach<number>(handle);
    const first = (await heir.recv()) ?? -1;
    assert.ok(first === reported || first === reported + 1, `${first} came after ${reported - 1}`);
    for (next = first + 1; next < first + 50; next++) assert.equal(await heir.recv(), next);
  }
  await sender.terminate();
});

test('an heir finds what its predecessor left, asleep or not, and wakes the senders that wait', async () => {
  const [tx, rx] = channel<number>(4);
  const handle = rx.share();
  for (const mode of ['idle', 'recv', 'blockingRecv'] as const) {
    const remote = new Remote(handle);
    const sends = range(10).map((n) => tx.send(n));
    const taken = mode === 'idle' ? 3 : 10;
    for (const n of range(taken)) assert.equal(await remote.run(['rx', 'recv']), n);
    if (mode !== 'idle') void remote.run(['rx', mode]);
    if (mode !== 'idle') await receiverSleeps(rx);
    await remote.terminate();
    const heir = Receiver.attach<number>(handle);
    for (const n of range(10 - taken, taken)) assert.equal(await heir.recv(), n);
    await Promise.all(sends);
  }
  assert.equal(tx.length, 0);
});
