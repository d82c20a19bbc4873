/** One encoder, one decoder, and a value's way through both; random values of every kind that crosses. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Decoder, Encoder, NotSendableError } from '#codec';

export const MAX_BYTES = 64 * 1024;
export const TAG_OF_CLONES = 10;
export const encoder = new Encoder(MAX_BYTES);
export const decoder = new Decoder(MAX_BYTES);

/** What arrives of `value`. */
export function roundTrip(value: unknown): unknown {
  return decode(encoder.bytes.slice(0, encoder.encode(value)));
}

export function decode(bytes: Uint8Array): unknown {
  decoder.bytes.fill(0xee); // what an earlier message left behind
  decoder.bytes.set(bytes);
  return decoder.decode(bytes.length);
}

export function refusal(value: unknown): NotSendableError {
  try {
    encoder.encode(value);
  } catch (error) {
    assert.ok(error instanceof NotSendableError, String(error));
    assert.equal(error.code, 'ERR_NOT_SENDABLE');
    assert.equal(roundTrip('still usable'), 'still usable');
    return error;
  }
  return assert.fail('Expected a NotSendableError');
}

const buffer = fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.slice(0, bytes.length & ~7).buffer);
const units = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max }), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes));

const byHand: fc.Arbitrary<unknown>[] = [
  fc.constantFrom(undefined, null, true, false, -0, 0, 255, 256, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53),
  fc.integer(),
  fc.double(),
  fc.string({ maxLength: 300, unit: 'binary' }),
  units(0xffff), // lone surrogates
  units(0xff),
];
const byClone: fc.Arbitrary<unknown>[] = [
  fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }),
  fc.date({ noInvalidDate: true }), // Older Node.js versions hold two invalid dates for different ones.
  fc.constantFrom(/a(?<b>.)\/\n/giu, /(?:)/, /[\u{1f600}]/su),
  fc.constantFrom(new RangeError('far', { cause: 'near' }), Object(1n)),
  buffer,
  buffer.map((memory) => new DataView(memory)),
];
const key = fc.oneof(fc.string(), fc.constantFrom('constructor', '7', ''));

/** Of the kinds that are written by hand. */
export const common: fc.Arbitrary<unknown> = fc.anything({
  key: key.filter((name) => name !== '__proto__'),
  values: byHand,
  maxDepth: 5,
});
export const any: fc.Arbitrary<unknown> = fc.anything({
  key: fc.oneof(key, fc.constant('__proto__')),
  values: [...byHand, ...byClone],
  maxDepth: 5,
  withMap: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});
