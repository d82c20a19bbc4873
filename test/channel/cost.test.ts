/** What a message costs: `Atomics` calls, the price of a message, are counted. */
import assert from 'node:assert/strict';
import { channel } from '#channel';
import { range, test } from './ends.js';

const counts = new Map<string, number>();
for (const name of Object.getOwnPropertyNames(Atomics)) {
  const call: unknown = Reflect.get(Atomics, name);
  if (typeof call !== 'function') continue;
  const counted = (...args: unknown[]) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return Reflect.apply(call, Atomics, args);
  };
  Object.defineProperty(Atomics, name, { value: counted });
}

async function callsOf(action: () => unknown): Promise<number> {
  counts.clear();
  await action();
  return Array.from(counts.values()).reduce((sum, count) => sum + count, 0);
}

for (const capacity of [1, 2, 4, 32, 1000])
  test(`a send into a channel with room takes at most 5 calls, a receive at most 3, a notify none (${capacity})`, async () => {
    const [tx, rx] = channel<number>(capacity);
    const sends = [() => tx.trySend(1), () => tx.send(1), () => tx.send(1, { timeout: 5 })];
    const receives = [() => rx.recv(), () => rx.tryRecv(), () => rx.blockingRecv()];
    const laps = Math.ceil(2000 / capacity);
    let [sent, received] = [0, 0];
    for (const lap of range(laps)) {
      const [send, receive] = [sends[lap % 3], receives[lap % 3]];
      sent += await callsOf(async () => {
        for (let n = 0; n < capacity; n++) await send?.();
      });
      received += await callsOf(async () => {
        for (let n = 0; n < capacity; n++) await receive?.();
      });
      assert.equal(counts.get('notify'), undefined);
    }
    assert.equal(rx.length, 0);
    const messages = laps * capacity;
    assert.ok(sent <= 5 * messages, `${sent / messages} calls for a send`);
    assert.ok(received <= 3 * messages, `${received / messages} calls for a receive`);
  });
