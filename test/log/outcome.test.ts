/** What a task threw, on the other thread: as much of it as can be had, and the names of the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describeThrown, restoreThrown } from '#log';

type Arrived = Error & Record<string, unknown>;

const MAX_BYTES = 65_536;

function throws(): never {
  throw new Error('on purpose');
}

/** What arrives of anything that was thrown. */
function arrive(thrown: unknown, maxBytes = MAX_BYTES): Arrived {
  const bytes = serialize(describeThrown(thrown, maxBytes));
  assert.ok(2 * bytes.byteLength <= maxBytes, `twice ${bytes.byteLength} of ${maxBytes} bytes`);
  return restoreThrown(deserialize(bytes)) as Arrived;
}

test('An error arrives with class, name, message, code, own fields, and the stack of where it was thrown', () => {
  class NotFound extends RangeError {
    override readonly name = 'NotFound';
    get code(): string {
      return 'E_NOT_FOUND';
    }
  }
  for (const type of [Error, TypeError, RangeError, SyntaxError, ReferenceError, URIError]) {
    const fields = { code: 'E_NO', attempts: 3, at: new Date(0), sizes: new Map([['a', 1n]]) };
    const error = Object.assign(new type('no'), fields);
    const arrived = arrive(error);
    assert.deepEqual({ ...arrived }, fields);
    assert.deepEqual([arrived.constructor, arrived.message, arrived.stack], [type, 'no', error.stack]);
  }
  const own = arrive(new NotFound('a.txt'));
  assert.deepEqual([own.constructor, own.name, own['code']], [RangeError, 'NotFound', 'E_NOT_FOUND']);
  for (const other of [AbortSignal.abort().reason, runInNewContext('new RangeError("of another realm")')]) {
    const { name, message, stack } = arrive(other);
    assert.deepEqual([name, message, stack], [other.name, other.message, other.stack]);
  }
});

test('Its causes and errors are errors again, or what else they were', () => {
  const cause = Object.assign(new TypeError('why', { cause: { url: '/' } }), { code: 'E_WHY' });
  const errors = [new RangeError('one'), 'two', { three: 3 }];
  const arrived = arrive(new AggregateError(errors, 'several', { cause }));
  assert.ok(arrived instanceof AggregateError && arrived.cause instanceof TypeError);
  assert.deepEqual(arrived.cause.cause, { url: '/' });
  assert.equal((arrived.cause as Arrived)['code'], 'E_WHY');
  const [one, ...rest] = arrived.errors;
  assert.ok(one instanceof RangeError);
  assert.deepEqual(rest, ['two', { three: 3 }]);
  assert.equal(arrived['leftOut'], undefined);
});

test('What does not cross is left out and named', () => {
  const cause = new Error('why', { cause: () => {} });
  const fields = { config: { retry() {} }, status: 500, tag: Symbol('t'), body: Buffer.alloc(MAX_BYTES) };
  const arrived = arrive(Object.assign(new TypeError('no', { cause }), fields));
  assert.deepEqual([arrived['leftOut'], arrived['status']], ['config, tag, body', 500]);
  assert.match(arrived.stack ?? '', /^TypeError: no\n {4}at .*outcome\.test/);
  assert.equal((arrived.cause as Arrived)['leftOut'], 'cause');
});

test('Beyond the eighth, errors and causes are named', () => {
  const errors: unknown[] = Array.from({ length: 20 }, (_, n) => new Error(`${n}`));
  errors[2] = () => {};
  errors[5] = 'a text';
  const several = arrive(new AggregateError(errors)) as AggregateError & Arrived;
  assert.deepEqual([several.errors.length, several['leftOut']], [7, 'errors.2, errors.8 to errors.19']);
  const { errors: list, leftOut } = arrive(new AggregateError([several, new Error('one more')]));
  assert.deepEqual([(list as unknown[]).length, leftOut], [1, 'errors.1']);
  let last = new Error('0');
  for (let n = 1; n <= 100; n++) last = new Error(`${n}`, { cause: last });
  const chain: Arrived[] = [];
  for (let next = arrive(last); next !== undefined; next = next['cause'] as Arrived) chain.push(next);
  assert.equal(chain.map(({ message }) => message).join(), '100,99,98,97,96,95,94,93');
  assert.equal(chain[7]?.['leftOut'], 'cause');
});

test('A part that cannot be read is left out and named, and the rest arrives', () => {
  for (const key of ['name', 'message', 'stack', 'code', 'cause', 'errors', 'own']) {
    const error = Object.assign(new RangeError('getters'), { other: 1 });
    void error.stack; // made when it is first asked for
    Object.defineProperty(error, key, { get: throws, enumerable: true });
    const arrived = arrive(error);
    assert.deepEqual([arrived['leftOut'], arrived['other'], arrived.constructor], [key, 1, RangeError]);
    assert.equal(arrived.name, 'RangeError');
    assert.equal(arrived.message, key === 'message' ? '' : 'getters');
    assert.ok(key === 'stack' ? arrived.stack === '' : arrived.stack?.includes('outcome.test'));
  }
  const made = new Error();
  void made.stack;
  const odd = arrive(Object.assign(made, { name: Symbol('n'), message: { text: 5 } }));
  assert.deepEqual([odd.name, odd.message, odd['leftOut']], ['Error', '', 'name, message']);
  const unreadable = Object.assign(new Error('V8 writes it, but does not read it'), { stack: 'é\n€' });
  assert.equal(arrive(Object.assign(new Error('outer'), { data: { unreadable } })).message, 'outer');
});

test('Long texts are cut, each on its own, so that the frames and the other fields stay', () => {
  const long = 'line of a subprocess\n'.repeat(5000);
  const error = new RangeError(long, { cause: new Error(long) });
  const arrived = arrive(Object.assign(error, { code: 'E', stderr: long }));
  for (const text of [arrived.message, arrived['stderr'], (arrived.cause as Error).message])
    assert.match(
      String(text),
      /^(line of a subprocess\n){40,}.*\.{3} \[cut: 105000 characters\] \.{3}.*\n(line of a subprocess\n){40,}$/,
    );
  assert.equal(arrived['code'], 'E');
  assert.match(arrived.stack ?? '', /^RangeError: line of[\s\S]*characters\][\s\S]*\n {4}at .*outcome\.test/);
});

test('An error fits into any room, whatever is large about it', () => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`field${n}`, 'x'.repeat(100)]));
  const large = [
    many,
    { name: '€'.repeat(9000), stack: '€'.repeat(9000), ['€'.repeat(9000)]: 1 },
    { stack: 's'.repeat(90_000) },
    { body: Buffer.alloc(90_000) },
    { errors: new Array(100_000).fill('x'.repeat(100)) },
  ];
  let tree: Error = new Error('leaf');
  for (let depth = 0; depth < 6; depth++) tree = new AggregateError(new Array(10).fill(tree), 'short');
  const errors = large.map((fields) => Object.assign(new Error('short'), fields));
  const web = Array.from({ length: 40 }, () => new Error('short'));
  for (const error of web) Object.assign(error, web);
  for (const error of [tree, web[0], new Error(`short${'€'.repeat(100_000)}`), ...errors])
    for (const room of [1024, 4096, MAX_BYTES]) assert.match(arrive(error, room).message, /^short/);
});

test('An entry of `errors` that is undefined stays; long errors keep their causes, in fewer words', () => {
  const { errors } = arrive(
    new AggregateError([undefined, new Error('second')]),
  ) as unknown as AggregateError;
  assert.deepEqual([errors[0], errors[1].message], [undefined, 'second']);
  let chain = new Error('x'.repeat(100_000));
  for (let n = 0; n < 100; n++) chain = new Error('x'.repeat(100_000), { cause: chain });
  assert.match((arrive(chain).cause as Error).message, /^x+\.{3} \[cut: 100000 characters\] \.{3}x+$/);
});

test('What is no error arrives as it is if it can cross, else as a TypeError that says what it was', () => {
  const knot: Record<string, unknown> = {};
  knot['self'] = knot;
  for (const thrown of ['text', 7, 7n, true, null, { why: [1] }, [new Date(0)], new Map([[1, 2]]), knot])
    assert.deepEqual(arrive(thrown), thrown);
  assert.match(String(arrive('x'.repeat(100_000))), /^x+\.{3} \[cut: 100000 characters\] \.{3}x+$/);
  for (const [thrown, why] of [
    [() => {}, /^.*\(\) => \{ *\} could not be cloned\.$/],
    [Symbol('x'), /Symbol\(x\) could not be cloned\.$/],
    [{ save() {} }, /save\(\) \{\s*\} could not be cloned\.$/],
    [Buffer.alloc(100_000), /an object of 1000\d\d bytes$/],
    [Object.defineProperty({}, 'x', { get: throws, enumerable: true }), /on purpose$/],
    [hostile('get', 'getPrototypeOf', 'ownKeys', 'has'), /on purpose$/],
    [hostile('get', 'ownKeys', 'getOwnPropertyDescriptor'), /on purpose$/],
  ] as const) {
    const arrived = arrive(thrown);
    assert.ok(arrived instanceof TypeError);
    assert.equal(arrived.message, 'The task threw what cannot be sent');
    assert.match((arrived.cause as Error).message, why);
  }
  const getter = hostile('get', 'getPrototypeOf', 'ownKeys');
  const thrower = Object.defineProperty({}, 'x', { get: () => rethrow(getter), enumerable: true });
  assert.equal(arrive(thrower)['leftOut'], 'cause');
  assert.equal(arrive(hostile('get'))['leftOut'], 'name, message, stack, cause, errors, code');
});

function rethrow(thrown: unknown): never {
  throw thrown;
}

/** An error in a proxy whose traps throw. */
function hostile(...traps: string[]): unknown {
  return new Proxy(new RangeError('hostile'), Object.fromEntries(traps.map((trap) => [trap, throws])));
}
