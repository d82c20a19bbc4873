/** What is encoded arrives; what cannot be is refused beside the kinds of kinds.test.ts, and the part to blame is named. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Call, Encoder } from '#codec';
import { any, common, decode, encoder, MAX_BYTES, refusal, roundTrip, TAG_OF_CLONES } from './crossing.js';

const f = (): void => {};

/** Arrays and objects in turn, around `value`. */
function nest(levels: number, value: unknown): unknown {
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { value };
  return value;
}

function assertCrosses(value: unknown): void {
  const copy = roundTrip(value);
  assert.deepStrictEqual(copy, structuredClone(value));
  if (typeof value === 'number') assert.ok(Object.is(copy, value));
}

it('Values arrive as structuredClone brings them, those of the common kinds without its bytes', () => {
  fc.assert(fc.property(any, assertCrosses), { numRuns: 1000 });
  const written = (value: unknown): void => {
    assertCrosses(value);
    assert.notEqual(encoder.bytes[0], TAG_OF_CLONES);
  };
  fc.assert(fc.property(common, written), { numRuns: 1000 });
});

it('Messages that any Node.js from 20 to 26 has written are read', () => {
  const written =
    'Cv8PQQhEAAAAAAAAFEA7IgHpJ1ogAAAAAAAAAABAAAAAAAAAACwBOgJSIgF4AVwKAsOpXAkCAABcCAgAAAAAAADgP3JSbSIDZmFycyIBcy5hA0kCAGMCrCBAAQMkAAg=';
  assert.deepStrictEqual(decode(Buffer.from(written, 'base64')), [
    new Date(5),
    new Map([['é', new Set([2n ** 70n])]]),
    /x/g,
    Buffer.from('é'),
    new DataView(new ArrayBuffer(2)),
    Float64Array.of(0.5),
    Object.assign(new RangeError('far'), { stack: 's' }),
    Object.assign(new Array(3), { 1: '€' }),
  ]);
});

it('Values arrive at every boundary of a size', () => {
  for (const exponent of [0, 7, 8, 15, 16, 31, 32, 53])
    for (const n of [2 ** exponent, 2 ** exponent - 1]) [n, -n].forEach(assertCrosses);
  for (const length of [0, 1, 15, 16, 17, 24, 25, 127, 128, 255, 256, 12_000]) {
    for (const unit of ['a', '\0', '\xe9', '\u20ac', '\ud800', '😀']) assertCrosses(unit.repeat(length));
    assertCrosses(`${'a'.repeat(length)}\u20ac`);
    assertCrosses(new Array(length).fill(1));
    assertCrosses(new Uint8Array(length).fill(7));
    assertCrosses([...new Array(length).fill(1), 2].concat(new Array(3), 4, new Array(1)));
  }
});

it('Values may contain themselves and be nested deeply', () => {
  const node: { self?: unknown; list: unknown[] } = { list: [] };
  node.self = node;
  node.list.push(node, { node });
  const copy = roundTrip(node) as typeof node;
  assert.equal(copy.self, copy);
  assert.equal(copy.list[0], copy);
  for (const levels of [99, 100, 101, 1000])
    assert.equal(JSON.stringify(roundTrip(nest(levels, 1))), JSON.stringify(nest(levels, 1)));
});

it('Values that are shared many times over arrive soon, or are refused as too large', () => {
  let value: unknown = 'x';
  for (let i = 0; i < 90; i++) value = [value, value];
  assert.throws(() => encoder.encode(value), { code: 'ERR_TASK_TOO_LARGE' });
  for (let i = 0; i < 20; i++) value = { a: value, b: value };
  assert.ok(roundTrip(value));
  assert.equal((roundTrip(new Array(1e9)) as unknown[]).length, 1e9);
});

it('Views arrive on buffers of their own that hold what the view shows, and the next message leaves them alone', () => {
  const { buffer } = new Uint16Array([1, 2, 3, 4]);
  const views = [new Uint16Array(buffer, 2, 2), new DataView(buffer, 2, 4), Buffer.from('héllo').subarray(1)];
  const [numbers, data, text] = roundTrip(views) as [Uint16Array, DataView, Buffer];
  roundTrip([new Uint8Array(100).fill(9)]);
  assert.deepStrictEqual(numbers, new Uint16Array([2, 3]));
  assert.equal(data.getUint16(2, true), 3);
  assert.ok(Buffer.isBuffer(text));
  assert.equal(text.toString(), 'éllo');
  const sizes = [numbers, data, text].map((view) => view.buffer.byteLength);
  assert.deepStrictEqual(sizes, [4, 4, 5]);
});

it('Calls arrive with their kind, their function, their note and their arguments, at the top level only', () => {
  class Task extends Call {
    readonly module = 7;
  }
  const kind = fc.constantFrom('sync' as const, 'async' as const);
  const source = fc.string({ unit: 'binary', minLength: 100, maxLength: 300 });
  const fn = fc.oneof(fc.integer(), fc.string(), source);
  const note = fc.option(fc.string(), { nil: undefined });
  const check = (kind: Call['kind'], fn: Call['fn'], args: unknown[], note?: string): void => {
    const copy = roundTrip(new Task(kind, fn, args, note));
    assert.ok(copy instanceof Call && !(copy instanceof Task));
    assert.deepStrictEqual({ ...copy }, { kind, fn, args: structuredClone(args), note });
  };
  fc.assert(fc.property(kind, fn, fc.array(any, { maxLength: 4 }), note, check), { numRuns: 500 });
  for (const args of [new Array(300).fill(1), new Array(3), [new Date(5), 'x']]) check('async', -1, args);
  const inside = { kind: 'sync', fn: 1, args: [], note: undefined };
  assert.deepStrictEqual(roundTrip([new Call('sync', 1, [])]), [inside]);
});

it('A NotSendableError names the path to the part that cannot cross', () => {
  class Account {
    owner = { id: 1, rename: f };
  }
  class Node {
    parent: unknown;
    children: unknown[] = [];
  }
  const root = new Node();
  for (let i = 0; i < 1000; i++) root.children.push(Object.assign(new Node(), { parent: root }));
  root.children.push({ root, visit: f });
  const cases: [unknown, string][] = [
    [{ user: { save: f } }, 'value.user.save'],
    [{ 'odd key': [1, f] }, 'value.odd key[1]'],
    [{ map: new Map([['k', { f }]]) }, 'value.map'],
    [[new Set([1, f])], 'value[0]'],
    [[1, new Error('x', { cause: { f } })], 'value[1]'],
    [{ '7': f }, 'value.7'],
    [{ account: new Account() }, 'value.account.owner.rename'],
    [{ a: [new Uint8Array(new SharedArrayBuffer(1))] }, 'value.a[0]'],
    [{ a: [new Proxy(new Set(), {})] }, 'value.a[0]'],
    [{ a: [new Node(), { b: new WeakMap() }] }, 'value.a[1].b'],
    [root, 'value.children[1000].visit'],
    [new Call('sync', 1, [{ user: { save: f } }]), 'args[0].user.save'],
    [new Call('async', 'x => x', [1, [Promise.resolve()]]), 'args[1][0]'],
  ];
  for (const [value, path] of cases)
    assert.match(refusal(value).message, new RegExp(`^${path.replace(/\W/g, '\\$&')} (is|cannot)`));
});

it('What is nested too deeply is refused; 5,000 levels arrive, or are refused', () => {
  try {
    assert.equal(JSON.stringify(roundTrip(nest(5000, null))), JSON.stringify(nest(5000, null)));
  } catch (error) {
    assert.match(String(error), /^NotSendableError/, 'as many levels as the stack has room for');
  }
  for (const deep of [nest(100_000, 1), nest(99_999, f), new Call('sync', 1, [nest(100_000, f)])])
    assert.match(refusal(deep).message, /^(value|args) is nested too deeply/);
});

it('A TaskTooLargeError comes one byte past the limit, and tells how large a payload is', () => {
  const texts = ['abc', 'a'.repeat(100), '€', '€'.repeat(100)];
  const calls = [new Call('sync', 1, ['foo']), new Call('sync', 1, [1n])];
  for (const value of [...texts, 1, 0.5, [1, 'a'], { a: 1 }, new Date(5), ...calls]) {
    const size = encoder.encode(value);
    assert.equal(new Encoder(size).encode(value), size);
    const small = new Encoder(size - 1);
    assert.throws(() => small.encode(value), { code: 'ERR_TASK_TOO_LARGE' });
    assert.equal(small.encode(true), 1);
  }
  const tooLarge = (bytes: number): object => ({ name: 'TaskTooLargeError', bytes });
  assert.equal(encoder.encode('x'.repeat(MAX_BYTES - 5)), MAX_BYTES);
  assert.throws(() => encoder.encode('x'.repeat(MAX_BYTES - 4)), tooLarge(MAX_BYTES + 1));
  assert.throws(() => encoder.encode({ text: 'x'.repeat(5e6) }), tooLarge(5e6 + 15));
  assert.throws(() => encoder.encode(new Uint8Array(5e6)), /got at least 50000\d\d: pass a key or a path/);
  assert.throws(() => encoder.encode(new Array(1e7).fill('x'.repeat(1e6))), tooLarge(1e6 + 10));
});

it('What a getter throws is passed on, and the encoder can be used again', () => {
  const thrown = new Error('mine');
  const get = (): never => {
    throw thrown;
  };
  const value = Object.defineProperty({}, 'a', { get, enumerable: true });
  for (const whole of [[[value]], [new Date(), value], new Call('sync', 1, [value, f])])
    assert.throws(
      () => encoder.encode(whole),
      (error) => error === thrown,
    );
  const encodes = {
    get a() {
      return encoder.encode(1);
    },
  };
  assert.throws(() => encoder.encode([encodes]), /Expected `encode` not to be called while it runs/);
  assert.equal(roundTrip('still usable'), 'still usable');
});
