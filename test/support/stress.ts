/** What the threads of the stress test share, besides the channel: what became of each message, by producer and number. */
export const MAX_BYTES = 2048;
export const MAX_PRODUCERS = 400;
/** A producer ends after that many. */
export const MAX_ATTEMPTS = 1 << 15;

/** What a producer knows of a message. */
export const Sent = { NOT_YET: 0, TRYING: 1, ADMITTED: 2, REFUSED: 3 } as const;

/** Words of `control`. */
export const STOP = 0;
export const ADMITTED = 1;
export const TAKEN = 2;
/** Number of the producer whose message was taken last, plus one. */
export const LAST_PRODUCER = 3;

export interface Books {
  readonly control: Int32Array;
  /** One byte for each message: a value of `Sent`, written by the producer. */
  readonly sent: Uint8Array;
  /** One byte for each message: 1 once it was received. */
  readonly received: Uint8Array;
  /** For each producer the number of its message that was received last, plus one. */
  readonly last: Int32Array;
}

/** Producer, number, checksum of both and of the text, text. */
export type Message = [producer: number, number: number, sum: number, text: string];

export function openBooks(): Books {
  const bytes = () => new Uint8Array(new SharedArrayBuffer(MAX_PRODUCERS * MAX_ATTEMPTS));
  const words = (count: number) => new Int32Array(new SharedArrayBuffer(count * 4));
  return { control: words(4), sent: bytes(), received: bytes(), last: words(MAX_PRODUCERS) };
}

export function checksum(producer: number, number: number, text: string): number {
  let sum = Math.imul(producer + 1, 0x9e3779b1) ^ number;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  return sum;
}
