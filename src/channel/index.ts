/**
 * The bounded channel: many senders, one receiver, in any threads of the process. The names and their meaning are those
 * of tokio's `mpsc`. It knows nothing of tasks.
 *
 * Promises: never more than `capacity` messages sent and not yet taken; nothing lost, nothing doubled; first in,
 * first out, newcomers after those who wait; no lost wake-up; closing from either end; a thread may die anywhere.
 *
 * To be read in this order: park.ts (how a thread sleeps), cells.ts, memory.ts and ring.ts (the algorithm), look.ts (how
 * long before it sleeps), options.ts and waiting.ts (no room), seats.ts (a thread dies), errors.ts, sender.ts, receiver.ts.
 */
import { expectInteger, expectOptions } from '../expect.js';
import { createMemory } from './memory.js';
import { Receiver } from './receiver.js';
import { Sender } from './sender.js';

export { Cells, createCells, type Layout, type Scratch } from './cells.js';
export { ChannelClosedError, SendTimeoutError } from './errors.js';
export type { OnSent, SendOptions } from './options.js';
export { Bell, duties, keepAlive, SLICE_MS } from './park.js';
export { type Hooks, Receiver, type ReceiverHandle } from './receiver.js';
export { MAX_SENDERS } from './seats.js';
export { Sender, type SenderHandle } from './sender.js';

/**
 * Makes a channel with room for `capacity` messages (1 to 65,536) of at most `maxBytes` encoded bytes each.
 *
 * @throws RangeError if `capacity` or `maxBytes` is out of range
 */
export function channel<T>(capacity = 32, options: { maxBytes?: number } = {}): [Sender<T>, Receiver<T>] {
  expectOptions(options, 'maxBytes');
  const { maxBytes = 65_536 } = options;
  expectInteger('capacity', capacity, 1, 65_536);
  expectInteger('maxBytes', maxBytes, 64, 2 ** 30);
  const memory = createMemory(capacity, maxBytes);
  return [new Sender<T>(memory), new Receiver<T>(memory)];
}
