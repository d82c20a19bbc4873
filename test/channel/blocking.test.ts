/** Threads that block: with care, in time, and together with what their event loop would do. */
import assert from 'node:assert/strict';
import { channel, Receiver, Sender } from '#channel';
import { cameToWait, collect, drain, fill, range, test } from './ends.js';
import { Remote, type Step } from './remote.js';

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

test('blockingSend waits for room no longer than its timeout, gives the value back, and costs no room', () => {
  const [tx, rx] = channel<number>(1);
  const handle = rx.share();
  fill(tx);
  for (const timeout of [0, 1, 50]) {
    const begin = performance.now();
    assert.throws(() => tx.blockingSend(5, { timeout }), { name: 'SendTimeoutError', value: 5 });
    const took = performance.now() - begin;
    assert.ok(took >= timeout - 1 && took < timeout + 2000, `took ${took} ms`);
  }
  const heir = Receiver.attach(handle);
  assert.deepEqual(drain(heir), [0]);
  assert.equal(tx.trySend(6), true);
});

test('a blocking send that times out leaves the pending async sends of its thread alone', async () => {
  const [tx, rx] = channel<number>(1);
  const remote = new Remote(tx.share());
  const sends = range(3).map((n) => remote.run(['tx', 'send', n]));
  await assert.rejects(remote.run(['tx', 'blockingSend', 9, { timeout: 30 }]), { code: 'ERR_SEND_TIMEOUT' });
  sends.push(remote.run(['tx', 'send', 3]));
  for (const n of range(4)) assert.equal(await rx.recv(), n);
  await Promise.all(sends);
});

for (const capacity of [1, 2, 8, 32])
  test(`a blocking send behind pending async sends does not deadlock (${capacity})`, async () => {
    const [tx, rx] = channel<number>(capacity);
    const remote = new Remote(tx.share());
    for (const _ of range(5)) {
      const steps = range(2 * capacity).map((n): Step => ['tx', 'send', n]);
      const sent = remote.run(...steps, ['tx', 'blockingSend', 2 * capacity]);
      for (const n of range(2 * capacity + 1)) assert.equal(await rx.recv(), n);
      await sent;
    }
  });

test('a blocking send goes on with what waits in the other senders of its thread, each called and unable to hear it', async () => {
  const [tx, rx] = channel<string>(1);
  const others = range(6).map(() => Sender.attach<string>(tx.share()));
  const remote = new Remote(rx.share());
  await tx.send('x');
  assert.equal(await remote.run(['rx', 'recv']), 'x'); // from here on it needs nothing of this thread's event loop
  await tx.send('first');
  const sends = others.flatMap((other) => [other.send('b'), other.send('c')]);
  const received = remote.run(...range(14).map((): Step => ['rx', 'blockingRecv']));
  tx.blockingSend('last', { timeout: 5000 });
  assert.equal(tx.waiting, 0);
  await Promise.all(sends);
  await received;
});

test('a thread that is busy while it waits for room does not keep the room from the others', async () => {
  const [tx, rx] = channel<string>(4);
  const busy = range(6).map(() => Sender.attach<string>(tx.share()));
  const receiver = new Remote(rx.share());
  await receiver.run(['rx', 'tryRecv']);
  const sends = busy.flatMap((sender) => range(4).map(() => sender.send('busy')));
  const remote = new Remote(tx.share());
  const sent = new Int32Array(new SharedArrayBuffer(4));
  await cameToWait(tx, () => void remote.run(['flood', sent]));
  void receiver.run(['sink', new Int32Array(new SharedArrayBuffer(4))]);
  for (const end = performance.now() + 3000; Atomics.load(sent, 0) < 100; )
    assert.ok(performance.now() < end, `${sent[0]} messages of another thread got in`);
  await Promise.all(sends);
  await remote.terminate();
  await receiver.terminate();
});

test('a thread that blocks in blockingRecv goes on with its own sends that wait', async () => {
  const [tx, rx] = channel<number>(1);
  const sends = range(4).map((n) => tx.send(n));
  for (const n of range(4)) assert.equal(rx.blockingRecv(), n);
  await Promise.all(sends);
  tx.close();
  assert.deepEqual(await collect(rx), []);
});

test('a thread that blocks in blockingRecv goes on with its own sends to another channel', async () => {
  const [tx, there] = channel<number>(1);
  const [back, rx] = channel<string>(1);
  const remote = new Remote(there.share(), back.share());
  await remote.run(['rx', 'tryRecv']);
  const sends = range(4).map((n) => tx.send(n));
  const received = remote.run(...range(4).map((): Step => ['rx', 'blockingRecv']), [
    'tx',
    'blockingSend',
    'all',
  ]);
  const begin = performance.now();
  assert.equal(rx.blockingRecv(), 'all');
  const took = performance.now() - begin;
  assert.ok(took < 3000, `took ${took} ms: each send waited for the end of a slice`);
  await Promise.all([...sends, received]);
});
