/** What is encoded arrives. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import { Call } from '#codec';
import { encoder, roundTrip } from './crossing.js';
import { any, common } from './values.js';

function assertCrosses(value: unknown): void {
  const copy = roundTrip(value);
  assert.deepStrictEqual(copy, structuredClone(value));
  if (typeof value === 'number') assert.ok(Object.is(copy, value));
}

const TAG_OF_CLONES = 10;

describe('Values', () => {
  it('arrive as structuredClone brings them', () => {
    fc.assert(fc.property(any, assertCrosses), { numRuns: 1000 });
  });

  it('of the common kinds are written by hand', () => {
    const written = (value: unknown): void => {
      assertCrosses(value);
      assert.notEqual(encoder.bytes[0], TAG_OF_CLONES);
    };
    fc.assert(fc.property(common, written), { numRuns: 1000 });
  });

  it('arrive at every boundary of a size', () => {
    for (const exponent of [0, 7, 8, 15, 16, 31, 32, 53]) {
      for (const value of [2 ** exponent, 2 ** exponent - 1])
        for (const n of [value, -value]) assertCrosses(n);
    }
    for (const value of [0.1, Number.NaN, Infinity, Number.MIN_VALUE]) assertCrosses(value);
    for (const length of [0, 1, 15, 16, 17, 24, 25, 127, 128, 255, 256, 12_000]) {
      for (const unit of ['a', '\0', '\xe9', '\u20ac', '\ud800', '😀']) assertCrosses(unit.repeat(length));
      assertCrosses(`${'a'.repeat(length)}\u20ac`);
      assertCrosses(new Array(length).fill(1));
      assertCrosses(new Array(length));
      assertCrosses(new Uint8Array(length).fill(7));
      assertCrosses([...new Array(length).fill(1), 2].concat(new Array(3), 4, new Array(1)));
    }
  });

  it('take few bytes when they are small', () => {
    assert.equal(encoder.encode('abc'), 4);
    assert.equal(encoder.encode(7), 5);
    assert.equal(encoder.encode(new Call('sync', 123456789, ['foo'])), 1 + 5 + 5 + 4);
  });

  it('cannot set a prototype through a key named __proto__', () => {
    for (const text of ['{"__proto__": {"admin": true}}', '{"__proto__": 1}']) {
      const copy = roundTrip(JSON.parse(text)) as { admin?: boolean };
      assert.equal(Object.getPrototypeOf(copy), Object.prototype);
      assert.deepStrictEqual(Object.keys(copy), ['__proto__']);
      assert.equal(copy.admin, undefined);
    }
  });

  it('may be of another realm', () => {
    const source =
      '({ a: [1, { b: new Map([[1, new Set([2])]]) }], d: new Date(5), e: new RangeError("far") })';
    const copy = roundTrip(runInContext(source, createContext())) as { e: unknown };
    assert.ok(copy.e instanceof RangeError);
    const rest = { a: [1, { b: new Map([[1, new Set([2])]]) }], d: new Date(5) };
    assert.deepStrictEqual({ ...copy, e: 0 }, { ...rest, e: 0 });
  });

  it('may contain themselves and be nested deeply', () => {
    const node: { self?: unknown; list: unknown[] } = { list: [] };
    node.self = node;
    node.list.push(node, { node });
    const copy = roundTrip(node) as typeof node;
    assert.equal(copy.self, copy);
    assert.equal(copy.list[0], copy);
    for (const levels of [99, 100, 101, 1000]) {
      let deep: unknown[] = [];
      for (let i = 1; i < levels; i++) deep = [deep];
      assert.equal(JSON.stringify(roundTrip(deep)), JSON.stringify(deep));
    }
  });

  it('that are shared many times over arrive soon, or are refused as too large', () => {
    let value: unknown = 'x';
    for (let i = 0; i < 90; i++) value = [value, value];
    assert.throws(() => encoder.encode(value), { code: 'ERR_TASK_TOO_LARGE' });
    for (let i = 0; i < 20; i++) value = { a: value, b: value };
    assert.ok(roundTrip(value));
    assert.equal((roundTrip(new Array(1e9)) as unknown[]).length, 1e9);
  });

  it('arrive right although a getter changes them meanwhile', () => {
    const array: unknown[] = [1, 2, 3];
    array[0] = {
      get a(): number {
        array.length = 2;
        return 3;
      },
    };
    assert.deepStrictEqual(roundTrip(array), [{ a: 3 }, 2]);
  });
});

describe('Views', () => {
  it('arrive on buffers of their own that hold what the view shows', () => {
    const { buffer } = new Uint16Array([1, 2, 3, 4]);
    const [numbers, data] = roundTrip([new Uint16Array(buffer, 2, 2), new DataView(buffer, 2, 4)]) as [
      Uint16Array,
      DataView,
    ];
    assert.deepStrictEqual(numbers, new Uint16Array([2, 3]));
    assert.deepStrictEqual([numbers.buffer.byteLength, data.buffer.byteLength], [4, 4]);
    assert.equal(data.getUint16(2, true), 3);
    const text = roundTrip(Buffer.from('héllo').subarray(1)) as Buffer;
    assert.ok(Buffer.isBuffer(text));
    assert.deepStrictEqual([text.toString(), text.buffer.byteLength], ['éllo', 5]);
    assert.equal(Object.getPrototypeOf(roundTrip(new Uint8Array(1))), Uint8Array.prototype);
  });

  it('are not changed by the next message', () => {
    const first = roundTrip(Buffer.from('first')) as Buffer;
    roundTrip(Buffer.from('other'));
    assert.equal(first.toString(), 'first');
  });
});

describe('Calls', () => {
  class Task extends Call {
    readonly module = 7;
  }

  it('arrive with their kind, their function, their note and their arguments', () => {
    const kind = fc.constantFrom('sync' as const, 'async' as const);
    const fn = fc.oneof(
      fc.integer(),
      fc.string(),
      fc.string({ unit: 'binary', minLength: 100, maxLength: 300 }),
    );
    const note = fc.option(fc.string(), { nil: undefined });
    const check = (kind: Call['kind'], fn: Call['fn'], args: unknown[], note?: string): void => {
      const copy = roundTrip(new Task(kind, fn, args, note));
      assert.ok(copy instanceof Call && !(copy instanceof Task));
      assert.deepStrictEqual({ ...copy }, { kind, fn, args: structuredClone(args), note });
    };
    fc.assert(fc.property(kind, fn, fc.array(any, { maxLength: 4 }), note, check), { numRuns: 500 });
    for (const args of [new Array(300).fill(1), new Array(3), [new Date(5), 'x']]) check('async', -1, args);
  });

  it('are calls at the top level only', () => {
    assert.deepStrictEqual(roundTrip([new Call('sync', 1, [])]), [
      { kind: 'sync', fn: 1, args: [], note: undefined },
    ]);
  });
});
