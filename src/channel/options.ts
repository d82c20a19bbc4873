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

/** One listener for each signal, however many sends wait with it. */
export class Signals {
  readonly #sends = new Map<AbortSignal, number>();
  readonly #listener: (event: Event) => void;

  constructor(listener: (event: Event) => void) {
    this.#listener = listener;
  }

  /** So many more sends wait with this signal. */
  add(signal: AbortSignal, count: 1 | -1): void {
    const sends = (this.#sends.get(signal) ?? 0) + count;
    this.#sends.set(signal, sends);
    signal.addEventListener('abort', this.#listener); // a second time it does nothing
    if (sends > 0) return;
    this.#sends.delete(signal);
    signal.removeEventListener('abort', this.#listener);
  }
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
