/** One encoder, one decoder, and a value's way through both. */
import assert from 'node:assert/strict';
import { Decoder, Encoder, NotSendableError } from '#codec';

export const MAX_BYTES = 64 * 1024;
export const encoder = new Encoder(MAX_BYTES);
export const decoder = new Decoder(MAX_BYTES);

/** What arrives of `value`. */
export function roundTrip(value: unknown): unknown {
  const length = encoder.encode(value);
  decoder.bytes.fill(0xee); // what an earlier message left behind
  decoder.bytes.set(encoder.bytes.subarray(0, length));
  return decoder.decode(length);
}

export function refusal(value: unknown): NotSendableError {
  try {
    encoder.encode(value);
  } catch (error) {
    assert.ok(error instanceof NotSendableError, String(error));
    assert.equal(error.code, 'ERR_NOT_SENDABLE');
    assert.ok(error.message.startsWith(`${error.path} `), error.message);
    assert.equal(roundTrip('still usable'), 'still usable');
    return error;
  }
  throw new assert.AssertionError({ message: 'Expected a NotSendableError' });
}
