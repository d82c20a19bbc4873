/** What a caller may say about a send, and what is wrong with it. */
import { expectOptions, shown } from '../expect.js';

/** How long a send may wait for room. */
export interface SendOptions {
  /** In milliseconds. Default: for ever. */
  readonly timeout?: number | undefined;
  /** Gives the send up when it aborts. */
  readonly signal?: AbortSignal | undefined;
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
  if (signal !== undefined && !isSignal(signal))
    throw new TypeError(`Expected \`signal\` to be an AbortSignal, got ${shown(signal)}`);
  return { timeout, signal };
}

/** Of this realm, of another one, or of a library that has the interface. */
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  const listens = typeof addEventListener === 'function' && typeof removeEventListener === 'function';
  return typeof aborted === 'boolean' && listens;
}

/** A signal of another library may have no reason. */
export function abortReason(signal: AbortSignal | undefined): unknown {
  return signal?.reason ?? new DOMException('This operation was aborted', 'AbortError');
}
