/** Whatever the bytes are, decoding gives a value or a CorruptMessageError. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Call, CorruptMessageError } from '#codec';
import { any, decode, decoder, encoder, MAX_BYTES, TAG_OF_CLONES } from './crossing.js';

/** Decodes what may be no message. */
function attempt(bytes: Uint8Array): void {
  try {
    decode(bytes);
  } catch (error) {
    if (!(error instanceof CorruptMessageError)) throw error;
    assert.equal(error.code, 'ERR_CORRUPT_MESSAGE');
  }
}

it('A decoder survives random bytes, also in place of a clone', () => {
  const tagLike = fc.oneof(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 255 }));
  // What V8 writes: its version, then values that begin with a letter.
  const letter = fc.constantFrom(...Buffer.from('0123456789BDEIMNORSTUZ_;oA\'"Vr^'));
  const noise = fc.array(tagLike, { maxLength: 200 });
  const clone = fc.array(fc.oneof(letter, tagLike)).map((list) => [TAG_OF_CLONES, 0xff, 15, ...list]);
  for (const made of [noise, clone])
    fc.assert(
      fc.property(made, (bytes) => attempt(Uint8Array.from(bytes))),
      { numRuns: 5000 },
    );
});

it('A decoder survives messages that were damaged or cut', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
  const check = (value: unknown, changes: [number, number][], cut: number): void => {
    for (const whole of [value, [value, new Error('x')], new Call('sync', 5, [value, /x/])]) {
      const bytes = encoder.bytes.slice(0, encoder.encode(whole));
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      attempt(bytes);
      attempt(bytes.subarray(0, cut % bytes.length));
    }
  };
  fc.assert(fc.property(any, damage, fc.nat(), check), { numRuns: 1000 });
});

it('A decoder refuses every message that was cut, bytes after the value, and lengths that are none', () => {
  const byHand = [1, -1, 0.5, 'é', '€'.repeat(30), 'x'.repeat(30), { a: [null, { b: undefined }] }];
  const clone = [new Date(5), new Map([[1, new Set([/x/g])]]), new Uint8Array(3), 2n ** 70n];
  for (const value of [byHand, new Call('async', 'x => x', byHand), clone]) {
    const length = encoder.encode(value);
    decoder.bytes.set(encoder.bytes);
    const lengths = Array.from({ length }, (_, cut) => cut);
    if (value !== clone) lengths.push(length + 1, -1, 0.5, Number.NaN, MAX_BYTES + 1, Infinity);
    for (const bad of lengths) assert.throws(() => decoder.decode(bad), CorruptMessageError);
    assert.deepStrictEqual(decoder.decode(length), value);
  }
});

it('A decoder is not led by a count to take memory, nor by nesting to run out of stack', () => {
  const before = process.memoryUsage().rss;
  for (let tag = 0; tag < 256; tag++) {
    const lies = [0, 1, 250, 255].map((size) => [tag, size, size, size, size >> 1]);
    for (const lie of [[tag], [tag, 1, 0, 0, 0], [tag, 16, 0, 0, 0], ...lies])
      attempt(Buffer.alloc(MAX_BYTES, Uint8Array.from(lie)));
    attempt(Uint8Array.of(tag, 255, 255, 255, 255, 0, 0));
  }
  assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
});
