/** What a task threw, on the other thread: as much of it as can be had, and the names of the rest. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describeThrown, restoreThrown } from '#log';

type Arrived = Error & Record<string, unknown>;

const MAX_BYTES = 65_536;
const knot: Record<string, unknown> = {};
knot['self'] = knot;

function throws(): never {
  throw new Error('on purpose');
}

/** What arrives of anything that was thrown. */
function arrive(thrown: unknown, maxBytes = MAX_BYTES): unknown {
  const bytes = serialize(describeThrown(thrown, maxBytes));
  assert.ok(2 * bytes.byteLength <= maxBytes, `twice ${bytes.byteLength} of ${maxBytes} bytes`);
  return restoreThrown(deserialize(bytes));
}

function arriveError(thrown: unknown, maxBytes?: number): Arrived {
  const arrived = arrive(thrown, maxBytes);
  assert.ok(arrived instanceof Error, inspect(arrived));
  return arrived as Arrived;
}

/** The last line of the stack, and the field of the same words. */
function leftOut(error: Arrived): string | undefined {
  const [, names] = /\n {4}\[left out: (.*)\]$/.exec(error.stack ?? '') ?? [];
  assert.equal(error['leftOut'], names);
  return names;
}

describe('An error arrives', () => {
  test('with class, name, message, code, own fields, and the stack of where it was thrown', () => {
    for (const type of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
      const fields = { code: 'E_NO', attempts: 3, at: new Date(0), sizes: new Map([['a', 1n]]) };
      const error = Object.assign(new type('no'), fields);
      const arrived = arriveError(error);
      assert.equal(Object.getPrototypeOf(arrived), type.prototype);
      assert.deepEqual({ ...arrived }, fields);
      assert.deepEqual([arrived.name, arrived.message], [type.name, 'no']);
      assert.equal(arrived.stack, error.stack);
      assert.ok(!Object.hasOwn(arrived, 'name') && !Object.hasOwn(arrived, 'cause'));
    }
  });

  test('from a class of its own with its name and a code that the class defines', () => {
    class NotFound extends RangeError {
      override readonly name = 'NotFound';
      get code(): string {
        return 'E_NOT_FOUND';
      }
    }
    const arrived = arriveError(new NotFound('a.txt'));
    assert.ok(arrived instanceof RangeError);
    assert.equal(inspect(arrived).split('\n')[0], inspect(new NotFound('a.txt')).split('\n')[0]);
    assert.deepEqual([arrived.name, arrived['code']], ['NotFound', 'E_NOT_FOUND']);
  });

  test('of the system, of the platform, and of another realm', () => {
    const system = Object.assign(new Error('ENOENT: no such file'), {
      errno: -2,
      code: 'ENOENT',
      syscall: 'open',
    });
    assert.deepEqual({ ...arriveError(system) }, { errno: -2, code: 'ENOENT', syscall: 'open' });
    const aborted = arrive(AbortSignal.abort().reason);
    assert.ok(aborted instanceof DOMException);
    assert.deepEqual([aborted.name, aborted.code], ['AbortError', DOMException.ABORT_ERR]);
    const foreign = arriveError(runInNewContext('Object.assign(new RangeError("foreign"), { code: 7 })'));
    assert.ok(foreign instanceof RangeError);
    assert.deepEqual([foreign.message, foreign['code']], ['foreign', 7]);
  });

  test('with its causes and errors, which are errors again, or what else they were', () => {
    const cause = Object.assign(new TypeError('why', { cause: { url: '/' } }), { code: 'E_WHY' });
    const error = new AggregateError([new RangeError('one'), 'two', { three: 3 }], 'several', { cause });
    const arrived = arriveError(error) as AggregateError & Arrived;
    assert.ok(arrived instanceof AggregateError && arrived.cause instanceof TypeError);
    assert.deepEqual(arrived.cause.cause, { url: '/' });
    assert.equal((arrived.cause as Arrived)['code'], 'E_WHY');
    const [one, ...rest] = arrived.errors;
    assert.ok(one instanceof RangeError);
    assert.deepEqual(rest, ['two', { three: 3 }]);
    assert.deepEqual(Object.keys(arrived), []);
    assert.equal(leftOut(arrived), undefined);
  });
});

describe('What does not cross', () => {
  test('is left out and named, in the stack and in a field', () => {
    const cause = new Error('why', { cause: () => {} });
    const error = Object.assign(new TypeError('no', { cause }), {
      config: { retry() {} },
      status: 500,
      response: new Proxy({}, {}),
      tag: Symbol('tag'),
      body: Buffer.alloc(MAX_BYTES),
    });
    const arrived = arriveError(error);
    assert.equal(leftOut(arrived), 'config, response, tag, body');
    assert.equal(arrived['status'], 500);
    assert.match(arrived.stack ?? '', /^TypeError: no\n {4}at .*outcome\.test/);
    assert.equal(leftOut(arrived.cause as Arrived), 'cause');
  });

  test('beyond the eighth of many errors is counted, and the fifth of many causes is named', () => {
    const errors = Array.from({ length: 20 }, (_, n) => new Error(`${n}`));
    errors[2] = (() => {}) as never;
    const several = arriveError(new AggregateError(errors)) as AggregateError & Arrived;
    assert.equal(several.errors.length, 7);
    assert.equal(leftOut(several), 'errors (13 of 20)');
    let last = new Error('0');
    for (let n = 1; n <= 100; n++) last = new Error(`${n}`, { cause: last });
    const chain = [arriveError(last)];
    for (let next = chain[0]?.cause; next !== undefined; next = (next as Error).cause)
      chain.push(next as Arrived);
    assert.deepEqual(
      chain.map(({ message }) => message),
      ['100', '99', '98', '97', '96'],
    );
    assert.equal(leftOut(chain[4] as Arrived), 'cause');
    const loop = new Error('loop');
    loop.cause = loop;
    assert.equal(leftOut(arriveError(loop, 4096)), undefined);
  });

  test('is a part whose getter throws: the rest arrives, and a mark says so', () => {
    for (const key of ['name', 'message', 'stack', 'code', 'cause', 'errors', 'own']) {
      const error = Object.assign(new RangeError('getters'), { other: 1 });
      Object.defineProperty(error, key, { get: throws, enumerable: true });
      const arrived = arriveError(error);
      const mark = `[${key}: its getter threw]`;
      if (key !== 'stack') assert.equal(arrived[key], mark);
      if (key !== 'message') assert.equal(arrived.message, 'getters');
      assert.equal(arrived['other'], 1);
      assert.ok(arrived instanceof RangeError);
      if (key === 'stack') assert.equal(arrived.stack, `RangeError: getters\n    ${mark}`);
      else assert.match(arrived.stack ?? '', /^(Range|\[name).*: .*\n {4}at .*outcome\.test/);
    }
    const odd = Object.assign(new Error('odd'), { name: Symbol('name'), message: { text: 5 } });
    assert.deepEqual(
      [arriveError(odd).name, arriveError(odd).message],
      ['[name: of type symbol]', '[message: of type object]'],
    );
  });

  test('is the prototype of an error without one', () => {
    const arrived = arriveError(
      Object.setPrototypeOf(Object.assign(new TypeError('bare'), { code: 1 }), null),
    );
    assert.deepEqual([arrived.message, arrived['code'], leftOut(arrived)], ['bare', 1, 'prototype']);
    assert.match(arrived.stack ?? '', /at .*outcome\.test/);
  });
});

describe('What is too long', () => {
  test('is cut, each text on its own, so that the frames and the other fields stay', () => {
    const long = 'line of a subprocess\n'.repeat(5000);
    const error = Object.assign(new RangeError(long, { cause: new Error(long) }), {
      code: 'E',
      stderr: long,
    });
    const arrived = arriveError(error);
    for (const text of [arrived.message, arrived['stderr'], (arrived.cause as Error).message]) {
      assert.match(String(text), /^line of a subprocess\nline of[\s\S]*… \[cut: 105000 characters\]$/);
    }
    assert.ok(arrived.message.length > 1000);
    assert.equal(arrived['code'], 'E');
    assert.match(arrived.stack ?? '', /^RangeError: line of[\s\S]*characters\]\n {4}at .*outcome\.test/);
    const cause = arriveError(new Error('short', { cause: new Error('c'.repeat(1700)) })).cause as Error;
    assert.equal(cause.message.length, 1700);
  });

  test('fits into any room, whatever is large about it', () => {
    const errors: Record<string, Error> = {
      'two-byte message': new Error('€'.repeat(100_000)),
      name: Object.assign(new Error('short'), { name: 'N'.repeat(9000) }),
      stack: Object.assign(new Error('short'), { stack: 's'.repeat(90_000) }),
      field: Object.assign(new Error('short'), { stderr: Buffer.alloc(90_000) }),
      'many fields': Object.assign(
        new Error('short'),
        Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`field${n}`, 'x'.repeat(100)])),
      ),
      key: Object.assign(new Error('short'), { ['k'.repeat(90_000)]: 1 }),
      tree: tree(6),
    };
    for (const [what, error] of Object.entries(errors)) {
      for (const room of [1024, 4096, MAX_BYTES]) {
        const arrived = arriveError(error, room);
        if (what === 'tree' && room === MAX_BYTES)
          assert.ok(arrived instanceof AggregateError && arrived.errors.length > 0);
        assert.equal(arrived.message.slice(0, 5), error.message.slice(0, 5), `${what} in ${room}`);
      }
    }
  });

  /** An AggregateError of ten of AggregateErrors of ten of … */
  function tree(depth: number): Error {
    const errors: Error[] = Array.from({ length: 10 }, () =>
      depth === 0 ? new Error('leaf') : new Error('x'),
    );
    if (depth > 0) errors.fill(tree(depth - 1));
    return new AggregateError(errors, 'short');
  }
});

describe('What is no error', () => {
  test('arrives as it is, if it can cross', () => {
    for (const thrown of ['text', 7, 7n, true, null, { why: [1] }, [new Date(0)], new Map([[1, 2]]), knot])
      assert.deepEqual(arrive(thrown), thrown);
    assert.match(String(arrive('x'.repeat(100_000))), /^x+… \[cut: 100000 characters\]$/);
  });

  test('arrives as a TypeError that says what it was, if it cannot cross', () => {
    const refused: [unknown, RegExp][] = [
      [() => {}, /a function$/],
      [Symbol('x'), /a symbol$/],
      [{ save() {} }, /save\(\) \{\s*\} could not be cloned\.$/],
      [Promise.resolve(), /#<Promise> could not be cloned\.$/],
      [Buffer.alloc(100_000), /an object of 1000\d\d bytes$/],
      [Object.defineProperty({}, 'x', { get: throws, enumerable: true }), /on purpose$/],
    ];
    for (const [thrown, why] of refused) {
      const arrived = arriveError(thrown);
      assert.ok(arrived instanceof TypeError);
      assert.match(arrived.message, /^The task threw what cannot be sent: /);
      assert.match(arrived.message, why);
    }
  });

  test('may be a proxy whose every trap throws', () => {
    const hostile = (traps: string[]) =>
      new Proxy(new RangeError('hostile'), Object.fromEntries(traps.map((trap) => [trap, throws])));
    const every = ['get', 'getPrototypeOf', 'ownKeys', 'getOwnPropertyDescriptor', 'has', 'set'];
    assert.match(arriveError(hostile(every)).message, /cannot be sent/);
    const half = arriveError(hostile(['get', 'ownKeys', 'getOwnPropertyDescriptor']));
    assert.ok(half instanceof RangeError);
    assert.equal(half.message, '[message: its getter threw]');
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    assert.equal(leftOut(arriveError(Object.assign(new Error('revoked'), { errors: proxy }))), 'errors');
  });
});
