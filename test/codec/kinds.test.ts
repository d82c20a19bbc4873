/** Types and run time agree on what crosses: the compiler checks the second column of each row, the test the rest. */
import assert from 'node:assert/strict';
import { generateKeySync } from 'node:crypto';
import { describe, it } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import type { Sendable } from '../../dist/task/sendable.js';
import { refusal, roundTrip } from './crossing.js';

/** What `Sendable` says of `T`: `true` if it crosses. */
type Verdict<T> = [Sendable<T>] extends [never] ? false : true;
interface Kind {
  readonly what: string;
  readonly typed: boolean;
  readonly value: unknown;
}

function kind<T>(what: string, typed: Verdict<T>, value: T): Kind {
  return { what, typed, value };
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
class Index extends Map<string, string> {
  size2 = 1;
}
class Bytes extends Uint8Array {
  label = 'x';
}
class Day extends Date {
  zone = 'UTC';
}
class HttpError extends RangeError {
  status = 404;
}
class Reply extends Error {
  send(): void {}
}
const key: unique symbol = Symbol('key');
const shared = new SharedArrayBuffer(8);
const bare = (error: Error): Error => Object.assign(error, { stack: '' });

function port(): MessagePort {
  const { port1 } = new MessageChannel();
  port1.close(); // It would keep the thread alive.
  return port1 as unknown as MessagePort;
}
type MessagePort = import('node:worker_threads').MessagePort;

const cross: readonly Kind[] = [
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
];

const refused: readonly Kind[] = [
  kind<symbol>('symbol', false, Symbol('x')),
  kind<() => void>('function', false, () => {}),
  kind<{ f?: () => void }>('optional method', false, { f: () => {} }),
  kind<new () => Account>('class', false, Account),
  kind<Promise<number>>('promise', false, Promise.resolve(1)),
  kind<SharedArrayBuffer>('SharedArrayBuffer', false, shared),
  kind<Int32Array<SharedArrayBuffer>>('view of shared memory', false, new Int32Array(shared)),
  kind<WeakMap<object, string>>('WeakMap', false, new WeakMap()),
  kind<WeakRef<object>>('WeakRef', false, new WeakRef({})),
  kind<Generator<number>>(
    'generator',
    false,
    (function* () {
      yield 1;
    })(),
  ),
  kind<IterableIterator<number>>('iterator', false, [1].values()),
  kind<Intl.NumberFormat>('Intl object', false, new Intl.NumberFormat()),
  kind<import('node:crypto').KeyObject>('KeyObject', false, generateKeySync('hmac', { length: 64 })),
  kind<MessagePort>('MessagePort', false, port()),
  // Types see structure alone.
  kind<unknown>('function in an unknown', true, () => {}),
  kind<Int32Array>('shared memory in a view of either', true, new Int32Array(shared)),
  kind<Map<string, string>>('proxy of a Map', true, new Proxy(new Map(), {})),
];

/** Arrives as something else. The types refuse it if members would be missing. */
const changed: readonly (Kind & { as: unknown })[] = [
  {
    ...kind<Record<string, number>>('no prototype', true, Object.assign(Object.create(null), { a: 1 })),
    as: { a: 1 },
  },
  { ...kind<Point>('instance without methods', true, new Point()), as: { x: 1 } },
  { ...kind<Account>('instance with methods', false, new Account()), as: { owner: '' } },
  { ...kind<Stack>('subclass of Array', false, new Stack()), as: Object.assign([], { top: 1 }) },
  { ...kind<Index>('subclass of Map', false, new Index()), as: new Map() },
  { ...kind<Day>('subclass of Date', false, new Day(5)), as: new Date(5) },
  { ...kind<Bytes>('subclass of Uint8Array', false, new Bytes(1)), as: new Uint8Array(1) },
  { ...kind<RegExpMatchArray>('array with named properties', false, ['b']), as: ['b'] },
  { ...kind<{ [key]: number }>('symbol as a key', false, { [key]: 1 }), as: {} },
  {
    ...kind<HttpError>('error with fields', true, bare(new HttpError('x')) as HttpError),
    as: bare(new RangeError('x')),
  },
  { ...kind<Reply>('method of an error', false, bare(new Reply('x')) as Reply), as: bare(new Error('x')) },
  { ...kind<URL>('URL', false, new URL('http://x')), as: {} },
  { ...kind<Headers>('Headers', false, new Headers()), as: {} },
];

describe('A value that crosses arrives', () => {
  for (const { what, value } of cross) it(what, () => assert.deepStrictEqual(roundTrip(value), value));
});

describe('A value that cannot cross is refused, whether its type tells or not', () => {
  for (const { what, value } of refused) it(what, () => assert.ok(refusal(value)));
});

describe('A value that arrives as something else is', () => {
  for (const { what, value, as } of changed) it(what, () => assert.deepStrictEqual(roundTrip(value), as));
});
