/**
 * The bounded channel: many senders, one receiver, in any threads of the process. The names and their meaning are those
 * of tokio's `mpsc`; the algorithm is in `ring.ts`, the waiting in `waiting.ts` and `receiver.ts`.
 *
 * Promises: never more than `capacity` messages sent and not yet taken; nothing lost, nothing doubled; first in,
 * first out, waiting senders in turn; no lost wake-up; closing from either end; a thread may die anywhere.
 */
import { createMemory } from './memory.js';
import { Receiver } from './receiver.js';
import { type Link, Ring } from './ring.js';
import { Sender } from './sender.js';

export { ChannelClosedError, SendTimeoutError } from './errors.js';
export { MAX_SENDERS, STRIDE } from './line.js';
export { checked, type SendOptions } from './options.js';
export { Bell, keepAlive } from './park.js';
export { type Accept, Receiver, type ReceiverHandle } from './receiver.js';
export type { Claimant } from './ring.js';
export { Sender, type SenderHandle } from './sender.js';

/**
 * Makes a channel with room for `capacity` messages (1 to 65,536) of at most `maxBytes` encoded bytes each.
 *
 * @throws RangeError if `capacity` or `maxBytes` is out of range
 */
export function channel<T>(
  capacity = 32,
  { maxBytes = 65_536 }: { maxBytes?: number } = {},
): [Sender<T>, Receiver<T>] {
  expectInteger('capacity', capacity, 1, 65_536);
  expectInteger('maxBytes', maxBytes, 64, 2 ** 30);
  return channelIn(createMemory(capacity, maxBytes));
}

/** A channel in memory that was made with `createMemory`. */
export function channelIn<T>(memory: SharedArrayBuffer): [Sender<T>, Receiver<T>] {
  const link: Link = { memory };
  const ring = new Ring(memory);
  return [new Sender<T>(ring, ring.line.open(), link), new Receiver<T>(new Ring(memory), link)];
}

function expectInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`Expected \`${name}\` to be an integer from ${min} to ${max}, got ${String(value)}`);
}
