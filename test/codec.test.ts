import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import {
  CorruptMessageError,
  Decoder,
  Encoder,
  NotSendableError,
  registerWireClass,
  TaskTooLargeError,
} from '#codec';

const MAX_BYTES = 64 * 1024;
const encoder = new Encoder(MAX_BYTES);
const decoder = new Decoder(MAX_BYTES);

function roundTrip(value: unknown): unknown {
  const length = encoder.encode(value);
  decoder.bytes.fill(0xee); // What an earlier message left behind.
  decoder.bytes.set(encoder.bytes.subarray(0, length));
  return decoder.decode(length);
}

function assertCrosses(value: unknown): void {
  const copy = roundTrip(value);
  const expected = structuredClone(value);
  assert.deepStrictEqual(copy, expected);
  if (typeof value === 'number') assert.ok(Object.is(copy, value));
}

function refusal(value: unknown): NotSendableError {
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

function tooLarge(value: unknown, by: Encoder = encoder): TaskTooLargeError {
  try {
    by.encode(value);
  } catch (error) {
    assert.ok(error instanceof TaskTooLargeError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'Expected a TaskTooLargeError' });
}

class Point {
  readonly x: unknown;
  readonly args: unknown;
  constructor(x: unknown, args: unknown) {
    this.x = x;
    this.args = args;
  }
}
/** A value of another realm. */
function foreign(source: string): unknown {
  return runInContext(source, createContext());
}

/** The same, after its memory has gone to somebody else. */
function transferred<T extends ArrayBuffer | ArrayBufferView>(value: T): T {
  const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  return value;
}

class Unregistered {
  x = 1;
}
const pointWire = {
  tag: 15,
  type: Point,
  write(to: Encoder, point: Point): void {
    to.write(point.x);
    to.writeNamed('args', point.args);
  },
  read: (from: Decoder): Point => new Point(from.read(), from.read()),
};
registerWireClass(pointWire);

const binary = fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.slice(0, bytes.length & ~7).buffer);
const lone = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 });
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({ withBigInt: true, withTypedArray: true, withSparseArray: true, maxDepth: 0 }),
  fc.integer(),
  fc.double(),
  fc.constantFrom(-0, 0, 255, 256, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53, Number.NaN, -Infinity),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }),
  fc.constantFrom(0n, -1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n),
  fc.string({ maxLength: 300, unit: 'binary' }),
  fc.string({ maxLength: 300 }),
  lone.map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.integer({ min: 0, max: 0xff }), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units)),
  fc.date({ noInvalidDate: true }), // Older Node.js versions hold two invalid dates for different ones.
  fc.constantFrom(/a(?<b>.)\/\n/giu, /(?:)/, /[\u{1f600}]/su),
  binary,
  binary.map((buffer) => new DataView(buffer)),
  fc
    .constantFrom(BigInt64Array, BigUint64Array, Float64Array)
    .chain((type) => binary.map((b) => new type(b))),
);
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    leaf,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.sparseArray(tie('value'), { maxNumElements: 5, maxLength: 40 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '7', '')), tie('value')),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 5 }).map((elements) => new Set(elements)),
  ),
}));

describe('values', () => {
  it('arrive as structuredClone brings them', () => {
    fc.assert(fc.property(anyValue, assertCrosses), { numRuns: 1500 });
  });

  it('keep their size class at every boundary', () => {
    for (const value of [
      0,
      1,
      255,
      256,
      -1,
      65536,
      2 ** 31 - 1,
      2 ** 31,
      -(2 ** 31),
      -(2 ** 31) - 1,
      -0,
      0.1,
    ]) {
      assertCrosses(value);
    }
    for (const length of [0, 1, 16, 17, 24, 25, 254, 255, 256, 15_000]) {
      for (const unit of ['a', '\0', '\xe9', '\u20ac', '\ud800', '😀']) assertCrosses(unit.repeat(length));
      assertCrosses(new Array(length).fill(1));
      assertCrosses(new Uint8Array(length).fill(7));
      assertCrosses([...new Array(length).fill(1), 2].concat(new Array(3), 4, new Array(1)));
    }
  });

  it('take few bytes when they are small', () => {
    assert.equal(encoder.encode(7), 2);
    assert.equal(encoder.encode('abc'), 5);
    assert.equal(encoder.encode(new Point(1, ['foo'])), 1 + 2 + 2 + 5);
  });

  it('may be plain objects without a prototype or of another realm', () => {
    assert.deepStrictEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
    const far = foreign(
      '({ a: [1, { b: new Map([[1, new Set([2])]]) }], d: new Date(5), e: new RangeError("far"), u: new Uint8Array(2) })',
    );
    const copy = roundTrip(far) as { e: unknown };
    assert.ok(copy.e instanceof RangeError);
    assert.deepStrictEqual(
      { ...copy, e: 0 },
      { a: [1, { b: new Map([[1, new Set([2])]]) }], d: new Date(5), u: new Uint8Array(2), e: 0 },
    );
  });

  it('cannot set a prototype through a key named __proto__', () => {
    const copy = roundTrip(JSON.parse('{"__proto__": {"admin": true}}')) as { admin?: boolean };
    assert.equal(Object.getPrototypeOf(copy), Object.prototype);
    assert.deepStrictEqual(Object.keys(copy), ['__proto__']);
    assert.equal(copy.admin, undefined);
  });

  it('may be dates that are none', () => {
    const copy = roundTrip([new Date(Number.NaN)]) as [Date];
    assert.ok(copy[0] instanceof Date && Number.isNaN(copy[0].getTime()));
  });

  it('have their getters read once', () => {
    let reads = 0;
    const value = {
      get once(): number {
        return ++reads;
      },
    };
    assert.deepStrictEqual(roundTrip(value), { once: 1 });
    assert.equal(reads, 1);
  });

  it('arrive as views on buffers of their own that hold no more than the view shows', () => {
    const view = new Uint16Array(new Uint16Array([1, 2, 3, 4]).buffer, 2, 2);
    const copy = roundTrip(view) as Uint16Array;
    assert.deepStrictEqual(copy, new Uint16Array([2, 3]));
    assert.equal(copy.buffer.byteLength, 4);
    const data = roundTrip(new DataView(view.buffer, 2, 4)) as DataView;
    assert.equal(data.buffer.byteLength, 4);
    const buffer = roundTrip(Buffer.from('héllo').subarray(1)) as Buffer;
    assert.ok(Buffer.isBuffer(buffer));
    assert.equal(buffer.toString(), 'éllo');
    assert.equal(buffer.buffer.byteLength, 5);
    assert.equal(Object.getPrototypeOf(roundTrip(new Uint8Array(1))), Uint8Array.prototype);
    const growing = Reflect.construct(ArrayBuffer, [3, { maxByteLength: 9 }]) as ArrayBuffer;
    assertCrosses(new Uint8Array(growing));
    assert.deepStrictEqual(roundTrip(growing), new ArrayBuffer(3));
    const float16 = Reflect.get(globalThis, 'Float16Array') as Float32ArrayConstructor | undefined;
    if (float16 !== undefined) assertCrosses(new float16([1.5, -0]));
  });

  it('arrive as separate copies when one object is referred to twice', () => {
    const shared = { a: 1 };
    const copy = roundTrip([shared, shared]) as object[];
    assert.deepStrictEqual(copy, [shared, shared]);
    assert.notEqual(copy[0], copy[1]);
  });

  it('survive a map and an array that a getter changes while they are encoded', () => {
    const map = new Map<unknown, unknown>([['a', 1]]);
    const array: unknown[] = [1, 2, 3];
    map.set('b', {
      get c(): number {
        map.set('d', 4);
        array.length = 0;
        return 3;
      },
    });
    array[0] = map;
    const copy = new Map<string, unknown>([['a', 1]]).set('b', { c: 3 });
    assert.deepStrictEqual(roundTrip(array), [copy].concat(new Array(2)));
  });
});

describe('errors', () => {
  it('keep type, name, message, stack, code and cause, and which of them are enumerable', () => {
    for (const type of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
      const error = Object.assign(new type('broke', { cause: { why: [1] } }), { code: 'ERR_X' });
      const copy = roundTrip(error) as Error & { code: string };
      assert.ok(copy instanceof type);
      assert.deepStrictEqual(copy, error);
      assert.deepStrictEqual(Object.keys(copy), ['code']);
      assert.deepStrictEqual([copy.name, copy.message, copy.code], [type.name, 'broke', 'ERR_X']);
      assert.equal(copy.stack, error.stack);
      assert.deepStrictEqual(copy.cause, { why: [1] });
    }
    assert.equal(Object.hasOwn(roundTrip(new Error()) as Error, 'cause'), false);
  });

  it('keep the errors of an AggregateError', () => {
    const copy = roundTrip(new AggregateError([new TypeError('one'), 2], 'many')) as AggregateError;
    assert.ok(copy instanceof AggregateError);
    assert.ok(copy.errors[0] instanceof TypeError);
    assert.deepStrictEqual([copy.message, copy.errors[0].message, copy.errors[1]], ['many', 'one', 2]);
    assert.deepStrictEqual(Object.keys(copy), []);
  });

  it('of other classes arrive as the nearest standard class, with their name', () => {
    class HttpError extends RangeError {
      override name = 'HttpError';
    }
    const http = roundTrip(new HttpError('418')) as Error;
    assert.equal(Object.getPrototypeOf(http), RangeError.prototype);
    assert.equal(String(http), 'HttpError: 418');
    const { reason } = AbortSignal.abort();
    const abort = roundTrip(reason) as DOMException;
    assert.ok(abort instanceof DOMException);
    assert.equal(String(abort), 'AbortError: This operation was aborted');
    assert.deepStrictEqual([abort.code, abort.stack], [DOMException.ABORT_ERR, reason.stack]);
    let thrown: unknown;
    try {
      Buffer.alloc(-1);
    } catch (error) {
      thrown = error;
    }
    assert.equal((roundTrip(thrown) as { code: string }).code, 'ERR_OUT_OF_RANGE');
  });
});

describe('what an error holds besides', () => {
  it('arrives, as far as it can cross', () => {
    const error = Object.assign(new Error('no'), {
      errno: -2,
      path: '/x',
      detail: { at: [1] },
      errors: ['a'],
    });
    assert.deepStrictEqual(roundTrip(error), error);
    const bare = new Error('no');
    const request = Object.assign(bare, { status: 502, socket: new Unregistered(), code: () => 1 });
    const odd = Object.defineProperty(request, 'odd', {
      enumerable: true,
      get: () => {
        throw new Error('not this one');
      },
    });
    const copy = roundTrip([odd, 'after']) as [Error, string];
    assert.deepStrictEqual(Object.keys(copy[0]), ['status']);
    assert.equal(copy[0].stack, bare.stack);
    assert.equal(copy[1], 'after');
    assert.equal(Object.getPrototypeOf(roundTrip(JSON.parse('{"__proto__":1}'))), Object.prototype);
  });

  it('is left behind as a whole if it leads back to the error, or does not fit', () => {
    const error = Object.assign(new Error('no'), { self: {}, twice: {}, left: 'y' });
    error.self = { error };
    error.twice = [error, error];
    assert.deepStrictEqual(Object.keys(roundTrip(error) as Error), ['left']);
    const large = Object.assign(new Error('no'), { stdout: 'x'.repeat(MAX_BYTES), exitCode: 1 });
    assert.deepStrictEqual(Object.keys(roundTrip(large) as Error), ['exitCode']);
    let deep: unknown[] = [];
    for (let i = 1; i < 500; i++) deep = [deep];
    assertCrosses(deep);
  });
});

describe('registered classes', () => {
  it('arrive as instances', () => {
    const point = new Point(1, [new Point(2, 'foo bar baz')]);
    const copy = roundTrip({ point });
    assert.deepStrictEqual(copy, { point });
  });

  it('are registered once, with a tag of their own from 0 to 15', () => {
    assert.throws(() => registerWireClass({ ...pointWire, tag: 14 }), /Point to be registered once/);
    assert.throws(
      () => registerWireClass({ ...pointWire, type: class Other extends Point {} }),
      /15 is taken/,
    );
    assert.throws(() => registerWireClass({ ...pointWire, tag: 16 }), RangeError);
  });

  it('do not include their subclasses', () => {
    class Subpoint extends Point {}
    assert.match(refusal(new Subpoint(1, 2)).message, /^value is an instance of Subpoint: /);
  });
});

describe('a NotSendableError', () => {
  it('says what cannot cross', () => {
    const shared = new SharedArrayBuffer(8);
    const cases: [unknown, RegExp][] = [
      [() => 1, /^value is a function: /],
      [class {}, /^value is a function: /],
      [Symbol('s'), /^value is a symbol: /],
      [Promise.resolve(), /^value is a promise: await/],
      [new WeakMap(), /^value is an instance of WeakMap: /],
      [new WeakRef({}), /^value is an instance of WeakRef: /],
      [new Unregistered(), /^value is an instance of Unregistered: /],
      [Object.create({ a: 1 }), /^value is an instance of Object: /],
      [Object.create(Object.create(null)), /^value is an instance of a class: /],
      [Object.create(Map.prototype), /^value is an instance of Map: /],
      [(function* () {})(), /^value is an instance of Generator: /],
      [[].values(), /^value is an instance of Array Iterator: /],
      [
        new (class Stack extends Array {})(),
        /^value is an instance of Stack: send a plain Array with its data$/,
      ],
      [new (class Index extends Map {})(), /^value is an instance of Index: send a plain Map /],
      [new (class Tags extends Set {})(), /^value is an instance of Tags: send a plain Set /],
      [new (class Day extends Date {})(), /^value is an instance of Day: send a plain Date /],
      [new (class Glob extends RegExp {})('x'), /^value is an instance of Glob: send a plain RegExp /],
      [
        new (class Bytes extends Uint8Array {})(1),
        /^value is an instance of Bytes: send a plain Uint8Array /,
      ],
      [new (class Memory extends ArrayBuffer {})(1), /^value is an instance of Memory: .* ArrayBuffer /],
      [
        foreign('new (class View extends DataView {})(new ArrayBuffer(1))'),
        /^value is .* View: .* DataView /,
      ],
      [foreign('new (class Stack extends Array {})'), /^value is an instance of Stack: send a plain Array /],
      [foreign('new (class Index extends Map {})'), /^value is an instance of Index: send a plain Map /],
      [new (class Weak extends WeakMap {})(), /^value is an instance of Weak: send a plain object /],
      [new Proxy(new Map(), {}), /^value is a proxy: /],
      [transferred(new ArrayBuffer(8)), /^value is detached: /],
      [transferred(new Uint8Array(8)), /^value is detached: /],
      [transferred(new DataView(new ArrayBuffer(8))), /^value is detached: /],
      [Object(1), /^value is a boxed primitive: /],
      [Object('s'), /^value is a boxed primitive: /],
      [shared, /^value is shared memory: /],
      [new Uint8Array(shared), /^value is shared memory: /],
      [new DataView(shared), /^value is shared memory: /],
    ];
    for (const [value, message] of cases) assert.match(refusal(value).message, message);
  });

  it('names the path to it', () => {
    const f = (): void => {};
    const cases: [unknown, string][] = [
      [f, 'value'],
      [{ user: { save: f } }, 'value.user.save'],
      [{ 'odd key': [1, f] }, 'value["odd key"][1]'],
      [new Map([['k', { f }]]), 'value.get("k").f'],
      [new Map([[{}, f]]), 'value.values[0]'],
      [new Map([[f, 1]]), 'value.keys[0]'],
      [new Set([1, f]), 'value.values[1]'],
      [new Error('x', { cause: { f } }), 'value.cause.f'],
      [new AggregateError([f]), 'value.errors[0]'],
      [new Point(1, [{ f }]), 'args[0].f'],
      [[{ task: new Point(1, [f]) }], 'args[0]'],
      [[new Point(f, 1)], 'value[0]'],
    ];
    for (const [value, path] of cases) assert.equal(refusal(value).path, path);
  });

  it('tells a cycle from deep nesting', () => {
    const node: { child?: unknown } = {};
    node.child = { list: [node] };
    assert.match(refusal({ node }).message, /^value\.node\.child\.list\[0\]\S* refers back to/);
    const map = new Map<unknown, unknown>();
    map.set('self', map);
    assert.match(refusal(map).message, /^value\.get\("self"\) refers back to/);
    const set = new Set<unknown>();
    set.add([set]);
    assert.match(refusal(set).message, /^value\.values\[0\]\[0\] refers back to/);
    const error = new Error('x');
    error.cause = error;
    assert.match(refusal(error).message, /^value\.cause refers back to/);
    let deep: unknown[] = [];
    for (let i = 1; i < 500; i++) deep = [deep];
    assertCrosses(deep);
    assert.match(refusal([deep]).message, / is nested more than 500 levels deep/);
    assert.ok(refusal([deep]).message.length < 400);
  });
});

describe('a TaskTooLargeError', () => {
  it('comes one byte past the limit and has the exact size', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const size = encoder.encode(value);
        const exact = new Encoder(size);
        assert.equal(exact.encode(value), size);
        assert.deepEqual(exact.bytes.subarray(0, size), encoder.bytes.subarray(0, size));
        if (size === 1) return;
        const error = tooLarge(value, new Encoder(size - 1));
        assert.deepStrictEqual(
          [error.code, error.bytes, error.maxBytes],
          ['ERR_TASK_TOO_LARGE', size, size - 1],
        );
        assert.match(
          error.message,
          new RegExp(`at most ${size - 1} bytes, got ${size}: pass a key or a path`),
        );
      }),
      { numRuns: 300 },
    );
    assert.equal(encoder.encode('x'.repeat(MAX_BYTES - 6)), MAX_BYTES);
    assert.equal(tooLarge('x'.repeat(MAX_BYTES - 5)).bytes, MAX_BYTES + 1);
    assert.equal(tooLarge(new Uint8Array(5_000_000)).bytes, 5_000_007);
    assert.equal(roundTrip('still usable'), 'still usable');
  });

  it('leaves the bytes past an odd limit alone', () => {
    const small = new Encoder(13);
    assert.deepStrictEqual([small.bytes.length, small.words.length], [16, 4]);
    assert.equal(small.words.buffer, small.bytes.buffer);
    assert.equal(tooLarge(new Uint8Array(11).fill(1), small).bytes, 14);
    assert.throws(() => new Encoder(0), RangeError);
    assert.throws(() => new Decoder(1.5), RangeError);
  });

  it('comes soon, whatever is hidden in the value', () => {
    let bomb: unknown = 'x';
    for (let i = 0; i < 100; i++) bomb = [bomb, bomb];
    let heavy: unknown = [new Uint8Array(0), new Error('x'), new Map(), /x/, {}];
    for (let i = 0; i < 100; i++) heavy = { a: heavy, b: heavy };
    const long = '€'.repeat(1_000_000);
    const endless = new Set<unknown>();
    const values = [
      bomb,
      heavy,
      new Array(1e9),
      new Array(6e7),
      new Array(2 ** 32 - 1),
      new Array(1e6).fill(long),
    ];
    for (const value of [...values, new Array(1e6).fill(2n ** 8_000_000n), endless.add(bomb)]) {
      const start = performance.now();
      assert.match(tooLarge(value).message, /got at least \d+: /);
      assert.ok(performance.now() - start < 1500, `took ${performance.now() - start} ms`);
    }
  });
});

describe('an encoder', () => {
  it('passes on what a getter throws, and can be used again', () => {
    const thrown = new Error('mine');
    const value = {
      get a(): never {
        throw thrown;
      },
    };
    assert.throws(
      () => encoder.encode([[value]]),
      (error) => error === thrown,
    );
    let deep: unknown[] = [];
    for (let i = 1; i < 500; i++) deep = [deep];
    assertCrosses(deep);
  });

  it('refuses to be entered again from a getter, and goes on with the outer value', () => {
    const value = {
      get a(): string {
        assert.throws(() => encoder.encode(1), /not to be called while it runs/);
        return 'outer';
      },
    };
    assert.deepStrictEqual(roundTrip([1, value]), [1, { a: 'outer' }]);
  });
});

describe('a decoder', () => {
  function decodes(bytes: Uint8Array, length = bytes.length): void {
    decoder.bytes.fill(0);
    decoder.bytes.set(bytes);
    try {
      decoder.decode(length);
    } catch (error) {
      if (!(error instanceof CorruptMessageError)) throw error;
      assert.equal(error.code, 'ERR_CORRUPT_MESSAGE');
    }
  }

  it('gives a value or a CorruptMessageError for random bytes', () => {
    const tagLike = fc.oneof(
      fc.integer({ min: 0, max: 64 }),
      fc.constant(255),
      fc.integer({ min: 0, max: 255 }),
    );
    const bytes = fc.array(tagLike, { maxLength: 200 }).map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(bytes, (list) => decodes(list)),
      { numRuns: 5000 },
    );
  });

  it('gives a value or a CorruptMessageError for damaged and cut messages', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(anyValue, damage, fc.nat(), (value, changes, cut) => {
        const bytes = encoder.bytes.slice(0, encoder.encode([value, new Error('x'), new Point(1, value)]));
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        decodes(bytes);
        decodes(bytes.subarray(0, cut % bytes.length));
      }),
      { numRuns: 1500 },
    );
  });

  it('refuses every message that was cut, and bytes after the value', () => {
    const value = [
      1,
      -1,
      0.5,
      2n ** 70n,
      'é',
      '€'.repeat(30),
      { a: new Map([[1, new Set([/x/g])]]) },
      new Uint8Array(3),
    ];
    const length = encoder.encode(value);
    decoder.bytes.set(encoder.bytes);
    for (let cut = 0; cut < length; cut++) assert.throws(() => decoder.decode(cut), CorruptMessageError);
    assert.throws(() => decoder.decode(length + 1), CorruptMessageError);
    assert.deepStrictEqual(decoder.decode(length), value);
    for (const bad of [-1, 0.5, Number.NaN, MAX_BYTES + 1]) {
      assert.throws(() => decoder.decode(bad), CorruptMessageError);
    }
  });

  it('refuses a map with more keys than values, and an error whose message is no string', () => {
    const map = encoder.bytes.slice(0, encoder.encode(new Map([[1, 2]])));
    map[map.length - 3] = 0; // The number of values.
    decoder.bytes.set(map);
    assert.throws(() => decoder.decode(map.length - 2), { code: 'ERR_CORRUPT_MESSAGE' });
    const error = Buffer.from(encoder.bytes.subarray(0, encoder.encode(new Error('#'))));
    const at = error.indexOf(Uint8Array.of(10, 1, 35)); // Becomes [null].
    error.set([32, 1, 1], at);
    decoder.bytes.set(error);
    assert.throws(() => decoder.decode(error.length), { code: 'ERR_CORRUPT_MESSAGE' });
  });

  it('is not led by a length to take memory, nor by nesting to run out of stack', () => {
    const tags = Array.from({ length: 256 }, (_, tag) => tag);
    const before = process.memoryUsage().rss;
    for (const tag of tags) {
      decodes(new Uint8Array(MAX_BYTES).fill(tag));
      decodes(Uint8Array.from({ length: MAX_BYTES }, (_, i) => [tag, 255, 0, 250, 0, 0][i % 6] ?? 0));
      decodes(Uint8Array.of(tag, 255, 255, 255, 255, 255, 0, 0));
      decodes(Uint8Array.from({ length: MAX_BYTES }, (_, i) => [tag, 255, 0, 0, 200, 1][i % 6] ?? 0)); // 30 million
    }
    assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
  });
});
