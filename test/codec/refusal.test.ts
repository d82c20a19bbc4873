/** What is refused, and how: the error names the part that is to blame. */
import assert from 'node:assert/strict';
import { generateKeySync } from 'node:crypto';
import { describe, it } from 'node:test';
import { Call, Decoder, Encoder, TaskTooLargeError } from '#codec';
import { encoder, MAX_BYTES, refusal, roundTrip } from './crossing.js';

const f = (): void => {};
const gone = new Uint8Array(8);
structuredClone(gone.buffer, { transfer: [gone.buffer] });

describe('A NotSendableError', () => {
  it('says what cannot cross', () => {
    const shared = new SharedArrayBuffer(8);
    const cases: [unknown, RegExp][] = [
      [f, /^value is a function: /],
      [class {}, /^value is a function: /],
      [Symbol('s'), /^value is a symbol: /],
      [Promise.resolve(), /^value is a promise: await/],
      [new WeakMap(), /^value cannot be cloned: #<WeakMap>/],
      [(function* () {})(), /^value cannot be cloned: \[object Generator\]/],
      [generateKeySync('hmac', { length: 64 }), /^value cannot be cloned: \[object \w+\]/],
      [new Proxy(new Map(), {}), /^value is a proxy: /],
      [gone.buffer, /^value cannot be cloned: .*detached/],
      [gone, /^value cannot be cloned: \[object Uint8Array\]/],
      [shared, /^value is shared memory: /],
      [new Uint8Array(shared), /^value is shared memory: /],
      [new DataView(shared), /^value is shared memory: /],
    ];
    for (const [value, message] of cases) assert.match(refusal(value).message, message);
  });

  it('names the path to it', () => {
    class Account {
      owner = { id: 1, rename: f };
    }
    const cases: [unknown, string][] = [
      [{ user: { save: f } }, 'value.user.save'],
      [{ 'odd key': [1, f] }, 'value["odd key"][1]'],
      [[new Date(), [f]], 'value[1][0]'],
      [new Map([['k', { f }]]), 'value.values[0].f'],
      [new Map([[f, 1]]), 'value.keys[0]'],
      [new Set([1, f]), 'value.values[1]'],
      [new Error('x', { cause: { f } }), 'value.cause.f'],
      [{ account: new Account() }, 'value.account.owner.rename'],
      [{ good: new Account().owner.id, bad: [new WeakSet()] }, 'value.bad[0]'],
      [{ a: [new Uint8Array(new SharedArrayBuffer(1))] }, 'value.a[0]'],
      [{ a: new Proxy([], {}), b: [new Proxy(new Set(), {})] }, 'value.b[0]'],
      [new Call('sync', 1, [{ user: { save: f } }]), 'args[0].user.save'],
      [new Call('async', 'x => x', [1, [Promise.resolve()]]), 'args[1][0]'],
    ];
    for (const [value, path] of cases) assert.equal(refusal(value).path, path);
  });

  it('names it in a value that contains itself, too', () => {
    class Node {
      parent: unknown;
      children: unknown[] = [];
    }
    const root = new Node();
    for (let i = 0; i < 1000; i++) root.children.push(Object.assign(new Node(), { parent: root }));
    root.children.push({ root, visit: f });
    assert.equal(refusal(root).path, 'value.children[1000].visit');
  });

  it('comes for what is nested too deeply', () => {
    let list: unknown = f;
    let linked: unknown = 1;
    for (let i = 0; i < 100_000; i++) {
      list = [list];
      linked = { next: linked };
    }
    for (const deep of [list, linked, new Call('sync', 1, [list])])
      assert.match(refusal(deep).message, /^(value|args) is nested too deeply/);
  });
});

describe('5,000 levels', () => {
  it('arrive or are refused', () => {
    let deep: unknown = null;
    for (let i = 0; i < 5000; i++) deep = i % 2 === 0 ? [deep] : { deep };
    let arrived: unknown;
    try {
      arrived = roundTrip(deep);
    } catch (error) {
      return assert.equal((error as { code?: unknown }).code, 'ERR_NOT_SENDABLE');
    }
    assert.equal(JSON.stringify(arrived), JSON.stringify(deep));
  });
});

describe('A TaskTooLargeError', () => {
  it('comes one byte past the limit', () => {
    const values = [
      'abc',
      'a'.repeat(100),
      '€',
      '€'.repeat(100),
      1,
      0.5,
      null,
      [1, 'a'],
      { a: 1 },
      new Date(5),
    ];
    for (const value of [...values, new Call('sync', 1, ['foo']), new Call('sync', 1, [1n])]) {
      const size = encoder.encode(value);
      const exact = new Encoder(size);
      assert.equal(exact.encode(value), size);
      assert.deepEqual(exact.bytes.subarray(0, size), encoder.bytes.subarray(0, size));
      if (size === 1) continue;
      const small = new Encoder(size - 1);
      assert.throws(
        () => small.encode(value),
        (error) =>
          error instanceof TaskTooLargeError &&
          error.code === 'ERR_TASK_TOO_LARGE' &&
          error.maxBytes === size - 1 &&
          error.bytes >= size,
      );
      assert.equal(small.encode(true), 1);
    }
  });

  it('tells how large a payload is', () => {
    const tooLarge = (bytes: number): object => ({ name: 'TaskTooLargeError', bytes, maxBytes: MAX_BYTES });
    assert.equal(encoder.encode('x'.repeat(MAX_BYTES - 5)), MAX_BYTES);
    assert.throws(() => encoder.encode('x'.repeat(MAX_BYTES - 4)), tooLarge(MAX_BYTES + 1));
    assert.throws(() => encoder.encode({ text: 'x'.repeat(5e6) }), tooLarge(5e6 + 15));
    assert.throws(() => encoder.encode(new Uint8Array(5e6)), /got at least 50000\d\d: pass a key or a path/);
    assert.throws(() => encoder.encode(new Array(1e7).fill('x'.repeat(1e6))), tooLarge(1e6 + 10));
  });
});

describe('An encoder', () => {
  it('has room for `maxBytes`, rounded up to whole words', () => {
    for (const room of [new Encoder(13), new Decoder(13)]) {
      assert.deepStrictEqual([room.bytes.length, room.words.length], [16, 4]);
      assert.equal(room.words.buffer, room.bytes.buffer);
    }
    assert.throws(() => new Encoder(13).encode('x'.repeat(13)), { bytes: 14 });
    for (const bad of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => new Encoder(bad), /Expected `maxBytes` to be a positive integer, got/);
      assert.throws(() => new Decoder(bad), RangeError);
    }
  });

  it('passes on what a getter throws, and can be used again', () => {
    const thrown = new Error('mine');
    const value = {
      get a(): never {
        throw thrown;
      },
    };
    for (const whole of [[[value]], [new Date(), value], new Call('sync', 1, [f, value])])
      assert.throws(
        () => encoder.encode(whole),
        (error) => error === thrown,
      );
    assert.equal(roundTrip('still usable'), 'still usable');
  });

  it('cannot be entered again from a getter, and goes on with the outer value', () => {
    const value = {
      get a(): string {
        assert.throws(() => encoder.encode(1), /Expected `encode` not to be called while it runs/);
        return 'outer';
      },
    };
    assert.deepStrictEqual(roundTrip([1, value]), [1, { a: 'outer' }]);
    assert.deepStrictEqual(roundTrip([1n, value]), [1n, { a: 'outer' }]);
  });
});
