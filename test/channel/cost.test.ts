/** What a message costs: `Atomics` calls, the price of a message, are counted. */
import assert from 'node:assert/strict';
import { channel } from '#channel';
import { range, test } from './ends.js';

const calls: string[] = [];
for (const name of Object.getOwnPropertyNames(Atomics)) {
  const call: unknown = Reflect.get(Atomics, name);
  if (typeof call !== 'function') continue;
  const counted = (...args: unknown[]) => {
    calls.push(name);
    return Reflect.apply(call, Atomics, args);
  };
  Object.defineProperty(Atomics, name, { value: counted });
}

for (const capacity of [1, 2, 4, 32, 1000])
  test(`a send into a channel with room takes at most 5 calls, a receive at most 3, a notify none (${capacity})`, async () => {
    const [tx, rx] = channel<number>(capacity);
    const sends = [() => tx.trySend(1), () => tx.send(1), () => tx.send(1, { timeout: 5 })];
    const receives = [() => rx.recv(), () => rx.tryRecv(), () => rx.blockingRecv()];
    const laps = Math.ceil(2000 / capacity);
    const most = { send: 5 * laps * capacity, receive: 3 * laps * capacity };
    for (const lap of range(laps))
      for (const [what, ways] of Object.entries({ send: sends, receive: receives })) {
        calls.length = 0;
        for (const _ of range(capacity)) await ways[lap % 3]?.();
        most[what as keyof typeof most] -= calls.length;
        assert.ok(!calls.includes('notify'));
      }
    assert.ok(most.send >= 0 && most.receive >= 0, `${JSON.stringify(most)} calls left`);
  });
