/** Whatever the bytes are, decoding gives a value or a CorruptMessageError. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Call, CorruptMessageError } from '#codec';
import { decoder, encoder, MAX_BYTES } from './crossing.js';
import { any } from './values.js';

function decode(bytes: Uint8Array, length = bytes.length): void {
  decoder.bytes.fill(0);
  decoder.bytes.set(bytes);
  try {
    decoder.decode(length);
  } catch (error) {
    if (!(error instanceof CorruptMessageError)) throw error;
    assert.equal(error.code, 'ERR_CORRUPT_MESSAGE');
  }
}

const tagLike = fc.oneof(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 255 }));
const noise = fc.array(tagLike, { maxLength: 200 }).map((list) => Uint8Array.from(list));
const TAG_OF_CLONES = 10;

describe('A decoder', () => {
  it('survives random bytes, also in place of a clone', () => {
    // What V8 writes: its version, then values that begin with a letter.
    const letters = fc.array(
      fc.oneof(fc.constantFrom(...Buffer.from('0123456789BDEIMNORSTUZ_;oA\'"Vr^')), tagLike),
    );
    const clone = letters.map((list) => Uint8Array.from([TAG_OF_CLONES, 0xff, 15, ...list]));
    for (const made of [noise, clone])
      fc.assert(
        fc.property(made, (bytes) => decode(bytes)),
        { numRuns: 5000 },
      );
  });

  it('survives messages that were damaged or cut', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
    const check = (value: unknown, changes: [number, number][], cut: number): void => {
      for (const whole of [value, [value, new Error('x')], new Call('sync', 5, [value, /x/])]) {
        const bytes = encoder.bytes.slice(0, encoder.encode(whole));
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        decode(bytes);
        decode(bytes.subarray(0, cut % bytes.length));
      }
    };
    fc.assert(fc.property(any, damage, fc.nat(), check), { numRuns: 1000 });
  });

  it('refuses every message that was cut, bytes after the value, and lengths that are none', () => {
    const byHand = [1, -1, 0.5, 'é', '€'.repeat(30), 'x'.repeat(30), { a: [null, { b: undefined }] }];
    for (const value of [byHand, new Call('async', 'x => x', byHand)]) {
      const length = encoder.encode(value);
      decoder.bytes.set(encoder.bytes);
      for (let cut = 0; cut < length; cut++) assert.throws(() => decoder.decode(cut), CorruptMessageError);
      assert.throws(() => decoder.decode(length + 1), CorruptMessageError);
      assert.deepStrictEqual(decoder.decode(length), value);
      for (const bad of [-1, 0.5, Number.NaN, MAX_BYTES + 1, Infinity])
        assert.throws(() => decoder.decode(bad), CorruptMessageError);
    }
    const clone = [new Date(5), new Map([[1, new Set([/x/g])]]), new Uint8Array(3), 2n ** 70n];
    const length = encoder.encode(clone);
    decoder.bytes.set(encoder.bytes);
    for (let cut = 0; cut < length; cut++) assert.throws(() => decoder.decode(cut), CorruptMessageError);
  });

  it('refuses a call without a function or without a list of arguments', () => {
    for (const bytes of [
      [11, 4, 1, 0, 0, 0, 0],
      [11, 1, 8, 0, 0, 0, 0],
      [12, 129, 120, 9, 0, 0, 0, 0],
      [9, 1, 0, 0, 0, 1, 1], // an object whose key is null
    ]) {
      decoder.bytes.set(bytes);
      assert.throws(() => decoder.decode(bytes.length), CorruptMessageError);
    }
  });

  it('is not led by a count to take memory, nor by nesting to run out of stack', () => {
    const before = process.memoryUsage().rss;
    for (let tag = 0; tag < 256; tag++) {
      const lies = [0, 1, 250, 255].map((size) => [tag, size, size, size, size >> 1]);
      for (const lie of [[tag], [tag, 1, 0, 0, 0], [tag, 16, 0, 0, 0], ...lies])
        decode(Buffer.alloc(MAX_BYTES, Uint8Array.from(lie)));
      decode(Uint8Array.of(tag, 255, 255, 255, 255, 0, 0));
    }
    assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
  });
});
