/** What a caller may say about a send, and what is wrong with it. */
import { expectOptions, shown } from '../expect.js';

/** How long a send may wait for room. */
export interface SendOptions {
  /** In milliseconds. Default: for ever. */
  readonly timeout?: number | undefined;
  /** Gives the send up when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Told the position of a message, as soon as it is sent. */
export interface OnSent {
  sent(position: number): void;
}

export const NO_OPTIONS: SendOptions = Object.freeze({});

/** @throws TypeError or RangeError if an option is not what it should be */
export function checked(options: SendOptions): { timeout: number; signal: AbortSignal | undefined } {
  if (options !== NO_OPTIONS) expectOptions(options, 'timeout', 'signal');
  const { timeout = Number.POSITIVE_INFINITY, signal } = options;
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw new RangeError(
      `Expected \`timeout\` to be a number of milliseconds from 0 up, got ${shown(timeout)}`,
    );
  }
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`Expected \`signal\` to be an AbortSignal, got ${shown(signal)}`);
  return { timeout, signal };
}
