/** What the threads of the stress test share, besides the channel: what became of each message, by sender and number. */
import type { ReceiverHandle, SenderHandle } from '#channel';

export const MAX_BYTES = 2048;
export const MAX_SENDERS_EVER = 400;
/** A sender ends after that many. */
export const MAX_MESSAGES = 1 << 15;

/** What a sender knows of a message. */
export const Fate = { NOT_YET: 0, TRYING: 1, SENT: 2, REFUSED: 3 } as const;

/** Words of `control`. */
export const STOP = 0;
export const SENT = 1;
export const TAKEN = 2;
export const RECEIVERS = 3;

export interface Books {
  readonly control: Int32Array;
  /** One byte for each message: a value of `Fate`, written by the sender. */
  readonly fates: Uint8Array;
  /** One byte for each message: how often it was received. */
  readonly received: Uint8Array;
  /** For each sender, the number of its message that was received last, plus one. */
  readonly last: Int32Array;
}

/** Sender, number, checksum of both and of the text, text. */
export type Message = [sender: number, number: number, sum: number, text: string];

export interface SenderData {
  readonly handle: SenderHandle<Message>;
  readonly books: Books;
  readonly sender: number;
  readonly seed: number;
}

export interface ReceiverData {
  readonly handle: ReceiverHandle<Message>;
  readonly books: Books;
  readonly seed: number;
}

export function openBooks(): Books {
  const bytes = () => new Uint8Array(new SharedArrayBuffer(MAX_SENDERS_EVER * MAX_MESSAGES));
  const words = (count: number) => new Int32Array(new SharedArrayBuffer(count * 4));
  return { control: words(4), fates: bytes(), received: bytes(), last: words(MAX_SENDERS_EVER) };
}

export function checksum(sender: number, number: number, text: string): number {
  let sum = Math.imul(sender + 1, 0x9e3779b1) ^ number;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  return sum;
}
