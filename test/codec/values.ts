/** Random values of every kind that crosses. */
import fc from 'fast-check';

const buffer = fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.slice(0, bytes.length & ~7).buffer);
const units = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max }), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes));

const byHand: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(undefined, null, true, false, -0, 0, 255, 256, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53),
  fc.integer(),
  fc.double(),
  fc.string({ maxLength: 300, unit: 'binary' }),
  units(0xffff), // lone surrogates
  units(0xff),
);
const byClone: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({ withBigInt: true, withTypedArray: true, withSparseArray: true, maxDepth: 1 }),
  fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }),
  fc.date({ noInvalidDate: true }), // Older Node.js versions hold two invalid dates for different ones.
  fc.constantFrom(/a(?<b>.)\/\n/giu, /(?:)/, /[\u{1f600}]/su),
  fc.constantFrom(new RangeError('far', { cause: 'near' }), Object(1n)),
  buffer,
  buffer.map((memory) => new DataView(memory)),
  fc.constantFrom(BigInt64Array, Float64Array, Uint8Array).chain((type) => buffer.map((b) => new type(b))),
);

/** Trees of `leaf`: arrays and plain objects, and of `extra`. */
function trees(leaf: fc.Arbitrary<unknown>, cloned: boolean): fc.Arbitrary<unknown> {
  const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '7', ''));
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', maxDepth: 5 },
      leaf,
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(key, tie('value')),
      ...(cloned ? [fc.sparseArray(tie('value'), { maxNumElements: 5, maxLength: 40 })] : []),
      ...(cloned ? [fc.array(tie('value'), { maxLength: 5 }).map((elements) => new Set(elements))] : []),
      ...(cloned
        ? [fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 5 }).map((pairs) => new Map(pairs))]
        : []),
    ),
  })).value;
}

/** Of the kinds that are written by hand. */
export const common: fc.Arbitrary<unknown> = trees(byHand, false);
export const any: fc.Arbitrary<unknown> = trees(fc.oneof(byHand, byClone), true);
