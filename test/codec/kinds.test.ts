/** Types and run time agree on what crosses: the compiler checks the second column of each row, the test the rest. */
import assert from 'node:assert/strict';
import { generateKeySync } from 'node:crypto';
import { it } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Sendable } from '../../dist/task/sendable.js';
import { refusal, roundTrip } from './crossing.js';

/** What `Sendable` says of `T`: `true` if it crosses. */
type Verdict<T> = [Sendable<T>] extends [never] ? false : true;
type Kind = readonly [what: string, value: unknown, as: unknown];

/** Arrives as `as`, or is refused with it. */
function kind<T>(what: string, _typed: Verdict<T>, value: T, as: unknown = value): Kind {
  return [what, value, as];
}

class Point {
  x = 1;
}
class Account {
  owner = '';
  save(): void {}
}
class Stack extends Array<string> {
  top = 1;
}
class HttpError extends RangeError {
  override stack = '';
  status = 404;
}
class Reply extends Error {
  override stack = '';
  send(): void {}
}
const key: unique symbol = Symbol('key');
const { port1 } = new MessageChannel();
port1.close(); // It would keep the thread alive.
const shared = new SharedArrayBuffer(8);
const gone = new Uint8Array(8);
structuredClone(gone.buffer, { transfer: [gone.buffer] });
function* generate(): Generator<number> {
  yield 1;
}
const realm = (source: string): unknown => runInContext(source, createContext());
const bare = (error: Error): Error => Object.assign(error, { stack: '' });
const noPrototype = Object.assign(Object.create(null), { a: 1 });

const arrive: readonly Kind[] = [
  kind<undefined>('undefined', true, undefined),
  kind<null>('null', true, null),
  kind<boolean>('boolean', true, true),
  kind<number[]>('numbers', true, [-0, Number.NaN, 0.1]),
  kind<bigint>('bigint', true, -(2n ** 70n)),
  kind<string>('string', true, 'a\ud800'),
  kind<{ a: { b?: number } }>('plain object', true, { a: {} }),
  kind<number[]>('sparse array', true, Object.assign(new Array(3), { 1: 2 })),
  kind<readonly [string, ...number[]]>('tuple', true, ['a', 1]),
  kind<ReadonlyMap<string, Date>>('Map', true, new Map([['a', new Date(1)]])),
  kind<Set<string | number>>('Set', true, new Set([1])),
  kind<Date>('Date', true, new Date(5)),
  kind<RegExp>('RegExp', true, /x/gu),
  kind<ArrayBuffer>('ArrayBuffer', true, new ArrayBuffer(3)),
  kind<Buffer>('Buffer', true, Buffer.from('é')),
  kind<Uint8Array>('Uint8Array', true, Uint8Array.of(1)),
  kind<BigInt64Array>('BigInt64Array', true, BigInt64Array.of(1n)),
  kind<DataView>('DataView', true, new DataView(new ArrayBuffer(2))),
  kind<Error>('Error', true, new TypeError('x', { cause: 1 })),
  kind<unknown>('objects of another realm', true, realm('[{ a: new Date(5) }]'), [{ a: new Date(5) }]),
  kind<unknown>('error of another realm', true, bare(realm('new Error("x")') as Error), bare(new Error('x'))),
  // These arrive as something else. The types refuse what would lose members.
  kind<Record<string, number>>('no prototype', true, noPrototype, { a: 1 }),
  kind<Point>('instance without methods', true, new Point(), { x: 1 }),
  kind<Account>('instance with methods', false, new Account(), { owner: '' }),
  kind<Stack>('subclass of Array', false, new Stack(), Object.assign([], { top: 1 })),
  kind<RegExpMatchArray>('array with named properties', false, ['b'], ['b']),
  kind<{ [key]: number }>('symbol as a key', false, { [key]: 1 }, {}),
  kind<HttpError>('error with fields', true, new HttpError('x'), bare(new RangeError('x'))),
  kind<Reply>('method of an error', false, new Reply('x'), bare(new Error('x'))),
  kind<URL>('URL', false, new URL('http://x'), {}),
  kind<Headers>('Headers', false, new Headers(), {}),
];

const KEY: Kind[1] = generateKeySync('hmac', { length: 64 });
const refused: readonly Kind[] = [
  kind<symbol>('symbol', false, Symbol('x'), 'is a symbol: send a string'),
  kind<() => void>('function', false, () => {}, 'is a function: send the data'),
  kind<new () => Account>('class', false, Account, 'is a function: '),
  kind<Promise<number>>('promise', false, Promise.resolve(1), 'is a promise: await it'),
  kind<SharedArrayBuffer>('SharedArrayBuffer', false, shared, 'is shared memory: '),
  kind<Int32Array<SharedArrayBuffer>>('its view', false, new Int32Array(shared), 'is shared memory: '),
  kind<WeakMap<object, string>>('WeakMap', false, new WeakMap(), 'cannot be cloned: '),
  kind<WeakRef<object>>('WeakRef', false, new WeakRef({}), 'cannot be cloned: '),
  kind<Generator<number>>('generator', false, generate(), 'cannot be cloned: '),
  kind<IterableIterator<number>>('iterator', false, [1].values(), 'cannot be cloned: '),
  kind<Intl.NumberFormat>('Intl', false, new Intl.NumberFormat(), 'cannot be cloned: '),
  kind<import('node:crypto').KeyObject>('KeyObject', false, KEY as never, 'cannot be cloned: [object '),
  kind<MessagePort>('MessagePort', false, port1, 'cannot be cloned: '),
  // Types see structure alone.
  kind<unknown>('function in an unknown', true, () => {}, 'is a function: '),
  kind<DataView>('shared memory in a view of either', true, new DataView(shared), 'is shared memory: '),
  kind<Map<string, string>>('proxy of a Map', true, new Proxy(new Map(), {}), 'is a proxy: '),
  kind<ArrayBuffer>('detached buffer', true, gone.buffer, 'cannot be cloned: An ArrayBuffer is detached'),
  kind<Uint8Array>('its view', true, gone, 'cannot be cloned: '),
];

for (const [what, value, as] of arrive)
  it(`A value that crosses arrives: ${what}`, () => assert.deepStrictEqual(roundTrip(value), as));

for (const [what, value, text] of refused)
  it(`A value that cannot cross is refused, whether its type tells or not: ${what}`, () =>
    assert.ok(refusal(value).message.startsWith(`value ${text}`), refusal(value).message));
