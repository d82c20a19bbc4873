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
class HttpError extends RangeError {
  override stack = '';
  status = 404;
}
const key: unique symbol = Symbol('key');
const { port1 } = new MessageChannel();
port1.close(); // It would keep the thread alive.
const shared = new SharedArrayBuffer(8);
const gone = new Uint8Array(8);
structuredClone(gone.buffer, { transfer: [gone.buffer] });
const realm = (source: string): unknown => runInContext(source, createContext());
const bare = (error: Error): Error => Object.assign(error, { stack: '' });
const noPrototype = Object.assign(Object.create(null), { a: 1 });

const arrive: readonly Kind[] = [
  kind<Buffer>('Buffer', true, Buffer.from('é')),
  kind<unknown>('objects of another realm', true, realm('[{ a: new Date(5) }]'), [{ a: new Date(5) }]),
  kind<unknown>('error of another realm', true, bare(realm('new Error("x")') as Error), bare(new Error('x'))),
  // These arrive as something else. The types refuse methods and symbols.
  kind<Record<string, number>>('no prototype', true, noPrototype, { a: 1 }),
  kind<Point>('instance without methods', true, new Point(), { x: 1 }),
  kind<Account>('instance with methods', false, new Account(), { owner: '' }),
  kind<RegExpMatchArray>('array with named properties', true, ['b'], ['b']),
  kind<{ [key]: number }>('symbol as a key', false, { [key]: 1 }, {}),
  kind<HttpError>('error with fields', true, new HttpError('x'), bare(new RangeError('x'))),
  kind<URL>('URL', false, new URL('http://x'), {}),
];

const KEY: Kind[1] = generateKeySync('hmac', { length: 64 });
const NO = 'cannot be cloned: ';
const refused: readonly Kind[] = [
  kind<symbol>('symbol', false, Symbol('x'), `${NO}Symbol(x) could not`),
  kind<() => void>('function', false, () => {}, 'is a function: send the data'),
  kind<new () => Account>('class', false, Account, 'is a function: '),
  kind<Promise<number>>('promise', false, Promise.resolve(1), 'is a promise: await it'),
  kind<SharedArrayBuffer>('SharedArrayBuffer', false, shared, `${NO}#<SharedArrayBuffer> could`),
  kind<WeakMap<object, string>>('WeakMap', false, new WeakMap(), `${NO}#<WeakMap> could not`),
  kind<import('node:crypto').KeyObject>('KeyObject', false, KEY as never, `${NO}Unserializable host`),
  kind<MessagePort>('MessagePort', false, port1, NO),
  // Types see structure alone.
  kind<unknown>('function in an unknown', true, () => {}, 'is a function: '),
  kind<DataView>('shared memory in a view of either', true, new DataView(shared), `${NO}Shared memory `),
  kind<Map<string, string>>('proxy of a Map', true, new Proxy(new Map(), {}), `${NO}#<Map> could not`),
  kind<ArrayBuffer>('detached buffer', true, gone.buffer, `${NO}An ArrayBuffer is detached`),
];

for (const [what, value, as] of arrive)
  it(`A value that crosses arrives: ${what}`, () => assert.deepStrictEqual(roundTrip(value), as));

for (const [what, value, text] of refused)
  it(`A value that cannot cross is refused, whether its type tells or not: ${what}`, () =>
    assert.ok(refusal(value).message.startsWith(`value ${text}`), refusal(value).message));
