/** How values look over HTTP: what a task returned, and what it threw. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { json, toJson } from '#http';
import { acceptedAt, request } from '../support/connection.js';
import { Application } from './support/application.js';

const app = await Application.start();
after(() => app.stop());

async function thrown(name: string): Promise<unknown> {
  return (await app.ended(acceptedAt(await request(app.port, 'POST', `/fail/${name}`))))['error'];
}

/** As an answer, and as a part of one. */
function shows(value: unknown, expected: unknown): void {
  assert.deepEqual(JSON.parse(json(200, value).body ?? ''), expected);
  assert.deepEqual(toJson({ nested: [value] }), { nested: [expected] });
}

test('what JSON has is itself', () => {
  for (const value of ['a\ud800', '', true, false, null, 0, -1.5, 1e300, [], {}, [1, [2]], { a: { b: 1 } }]) {
    shows(value, value);
  }
  shows(-0, 0);
  shows(
    JSON.parse('{"__proto__": {"a": 1}, "toJSON": 1}'),
    JSON.parse('{"__proto__": {"a": 1}, "toJSON": 1}'),
  );
});

test('what JSON lacks is null, text, or a list', () => {
  for (const value of [undefined, NaN, Infinity, -Infinity, new Date(NaN)]) shows(value, null);
  shows(new Array(2), [null, null]);
  shows({ a: undefined }, { a: null });
  shows(-(2n ** 70n), '-1180591620717411303424');
  shows(new Date(0), '1970-01-01T00:00:00.000Z');
  shows(/a\/b/giu, '/a\\/b/giu');
  shows(new Set([1, undefined, new Set([2n])]), [1, null, ['2']]);
  shows(
    new Map<unknown, unknown>([
      ['a', 1],
      [{ b: 2 }, new Map([[NaN, NaN]])],
    ]),
    [
      ['a', 1],
      [{ b: 2 }, [[null, null]]],
    ],
  );
});

test('bytes are base64, other typed arrays are their elements', () => {
  const bytes = Uint8Array.of(0, 1, 2, 253, 254, 255);
  shows(Buffer.from('a b'), 'YSBi');
  shows(bytes, 'AAEC/f7/');
  shows(bytes.buffer, 'AAEC/f7/');
  shows(bytes.subarray(1, 4), 'AQL9');
  shows(new DataView(bytes.buffer, 3), '/f7/');
  shows(new Uint8Array(0), '');
  shows(Uint8ClampedArray.of(1, 300), [1, 255]);
  shows(Int16Array.of(-1, 2), [-1, 2]);
  shows(Float32Array.of(0.5, NaN, Infinity), [0.5, null, null]);
  shows(BigUint64Array.of(2n ** 64n - 1n), ['18446744073709551615']);
});

test('an error is its name, message, code, cause and errors, and nothing else', () => {
  shows(new Error('a'), { name: 'Error', message: 'a' });
  shows(Object.assign(new TypeError('a'), { code: 'E_A', path: '/secret', stack: 1 }), {
    name: 'TypeError',
    message: 'a',
    code: 'E_A',
  });
  const cause = { deep: new Set([new RangeError('b', { cause: 0 })]) };
  shows(new Error('', { cause }), {
    name: 'Error',
    message: '',
    cause: { deep: [{ name: 'RangeError', message: 'b', cause: 0 }] },
  });
  shows(new AggregateError([new Error('a'), 1n], 'both'), {
    name: 'AggregateError',
    message: 'both',
    errors: [{ name: 'Error', message: 'a' }, '1'],
  });
  shows(Object.assign(new Error('a'), { name: 5, message: { b: 1 } }), {
    name: '5',
    message: '[object Object]',
  });
});

test('an error says what of it was cut, and what was left out on its way', () => {
  const error = new Error('a');
  error.stack = 'Error: a\n    at f (a.js:1:2)\n    [left out: cause, response]';
  shows(error, { name: 'Error', message: 'a', leftOut: 'cause, response' });
  const cut = `head\n    at f (a.js:1:2)\n    at … [cut: 20000 characters]`;
  shows(new Error(cut), { name: 'Error', message: 'head… [cut: 20000 characters]' });
});

test('what contains itself, or lies too deep, is cut; what is there twice is shown twice', () => {
  const twice = { a: 1 };
  shows([twice, twice], [twice, twice]);
  const error = new Error('a');
  error.cause = new Map([['self', error]]);
  shows(error, { name: 'Error', message: 'a', cause: [['self', '[cut]']] });
  let deep: unknown = 'end';
  for (let level = 0; level < 100_000; level++) deep = [deep];
  assert.match(json(200, deep).body ?? '', /^\[{501}"\[cut\]"\]{501}$/);
});

test('no text of an error takes long to look through', () => {
  const start = performance.now();
  for (const text of [' ', 'at ', 'at (', '\\nat a ', 'at a:1', '(at ', ' at ('])
    toJson(new Error(text.repeat(100_000 / text.length)));
  const ms = performance.now() - start;
  assert.ok(ms < 2000, `took ${ms} ms`);
});

/** Stacks as Node.js prints them, each with the head of its first line. */
const STACKS: Readonly<Record<string, () => string | undefined>> = {
  'of a function': () => new Error('head').stack,
  'of a method, a constructor, an array': () =>
    [0].map(
      () =>
        new (class A {
          e = new Error('head');
        })().e.stack,
    )[0],
  'without names': () => 'Error: head\n    at file:///a/b.js:1:2\n    at async node:internal/x:3:4',
  'of Windows': () => 'Error: head\r\n    at f (C:\\a b\\c.js:1:2)\r\n',
  'of eval': () => runInNewContext('new Error("head").stack'),
  'of native code': () => 'Error: head\n    at Array.map (<anonymous>)',
  'of a promise': () => 'Error: head\n    at async Promise.all (index 0)',
  'without indentation': () => 'Error: head\nat f (a.js:1:2)',
  'on one line': () => new Error('head').stack?.replaceAll(/\s*\n\s*/g, ' '),
  'in JSON': () => JSON.stringify(`${new Error('head').stack}`).slice(1, -1),
};

for (const [what, stack] of Object.entries(STACKS)) {
  test(`a stack ${what} is cut off wherever it stands in an error`, () => {
    const text = stack() ?? '';
    assert.match(text, /^Error: head.+at /s);
    const error = Object.assign(new Error(text, { cause: [text, { stack: text, text }] }), { code: text });
    error.name = text;
    shows(error, {
      name: 'Error: head',
      message: 'Error: head',
      code: 'Error: head',
      cause: ['Error: head', { text: 'Error: head' }],
    });
    assert.equal(toJson(text, true), 'Error: head');
    shows({ stack: text, text: 'kept' }, { text: 'kept' });
  });
}

test('other texts of errors stay whole, and so do all texts that a task returns', () => {
  for (const text of [
    'Expected a number at line 3, got "a"',
    'it ended at 10:30:00, or at 2030-01-01T10:30:00.000Z',
    'nobody listens at http://localhost:8000 (at all)',
    'look at (this), or at once: see a.js',
    'at 3:4',
    'several\n  lines\n    at last',
  ]) {
    shows(new Error(text), { name: 'Error', message: text });
  }
  const stack = new Error('returned on purpose').stack ?? '';
  shows({ stack: ['a'], text: stack }, { stack: ['a'], text: stack });
});

test('what tasks throw is shown without any stack', async (t) => {
  t.mock.method(console, 'error', () => {});
  const shown = {
    plain: { name: 'Error', message: 'plain', code: 'E_PLAIN' },
    cause: {
      name: 'Error',
      message: 'outer',
      cause: { name: 'Error', message: 'inner', cause: 'Error: innermost' },
    },
    aggregate: {
      name: 'AggregateError',
      message: 'both',
      errors: [{ name: 'Error', message: 'one' }, 'Error: two'],
    },
    message: { name: 'Error', message: 'Error: said before' },
    text: 'Error: thrown as text',
    object: { message: 'like an error' },
  };
  for (const [name, error] of Object.entries(shown)) {
    assert.deepEqual(await thrown(name), error, name);
  }
});
