/** How values look over HTTP: what a task returned, and what it threw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { json, toJson } from '#http';

/** As an answer, and as a part of one. */
function shows(value: unknown, expected: string): void {
  assert.equal(json(200, value).body, expected);
  assert.equal(JSON.stringify(toJson({ nested: [value] })), `{"nested":[${expected}]}`);
}

test('what JSON has is itself; bytes are base64; what else it lacks is null, text, or a list', () => {
  const all = '["a\\ud800","",true,false,null,0,-1.5,1e+300,[],{},{"__proto__":{"a":1},"toJSON":1}]';
  shows(JSON.parse(all), all);
  for (const value of [undefined, NaN, -Infinity, new Date(NaN)]) shows(value, 'null');
  shows([new Array(2), { a: undefined }], '[[null,null],{"a":null}]');
  shows(-(2n ** 70n), '"-1180591620717411303424"');
  shows([new Date(0), /a\/b/giu], '["1970-01-01T00:00:00.000Z","/a\\\\/b/giu"]');
  shows(new Set([1, undefined, new Set([2n])]), '[1,null,["2"]]');
  shows(new Map([[{ b: 2 }, new Map([[NaN, 0]])]]), '[[{"b":2},[[null,0]]]]');
  const bytes = Uint8Array.of(0, 1, 2, 253, 254, 255);
  for (const value of [bytes, bytes.buffer, Buffer.from(bytes)]) shows(value, '"AAEC/f7/"');
  shows([bytes.subarray(1, 4), new DataView(bytes.buffer, 3)], '["AQL9","/f7/"]');
  shows(
    [Float32Array.of(0.5, NaN), BigUint64Array.of(2n ** 64n - 1n)],
    '[[0.5,null],["18446744073709551615"]]',
  );
});

test('an error is its name, message, code, cause and errors, and what of it was cut or left out on its way', () => {
  const coded = Object.assign(new TypeError('a'), { code: 'E_A', path: '/secret', stack: 1 });
  shows(coded, '{"name":"TypeError","message":"a","code":"E_A"}');
  const caused = new Error('', { cause: { deep: new Set([new RangeError('b', { cause: 0 })]) } });
  const deep = '{"deep":[{"name":"RangeError","message":"b","cause":0}]}';
  shows(caused, `{"name":"Error","message":"","cause":${deep}}`);
  const both = '{"name":"AggregateError","message":"both","errors":[{"name":"Error","message":"a"},"1"]}';
  shows(new AggregateError([new Error('a'), 1n], 'both'), both);
  const odd = Object.assign(new Error('a'), { name: 5, message: { b: 1 } });
  shows(odd, '{"name":"5","message":"[object Object]"}');
  const left = Object.assign(new Error('a'), { stack: 'a\n    at f (a.js:1:2)\n    [left out: cause, b]' });
  shows(left, '{"name":"Error","message":"a","leftOut":"cause, b"}');
  const cut = new Error(`head\n    at f (a.js:1:2)\n    at … [cut: 20000 characters]`);
  shows(cut, '{"name":"Error","message":"head… [cut: 20000 characters]"}');
});

test('what contains itself, or lies too deep, is cut; what is there twice is shown twice', () => {
  const twice = { a: 1 };
  shows([twice, twice], '[{"a":1},{"a":1}]');
  const error = new Error('a');
  error.cause = new Map([['self', error]]);
  shows(error, '{"name":"Error","message":"a","cause":[["self","[cut]"]]}');
  let deep: unknown = 'end';
  for (let level = 0; level < 100_000; level++) deep = [deep];
  assert.match(json(200, deep).body ?? '', /^\[{501}"\[cut\]"\]{501}$/);
});

test('no text of an error takes long to look through', () => {
  const start = performance.now();
  for (const text of [' ', 'at ', 'at (', '\\nat a ', 'at a:1', '(at ', ' at ('])
    toJson(new Error(text.repeat(100_000 / text.length)));
  assert.ok(performance.now() - start < 2000);
});

/** Stacks as Node.js prints them, each with the head of its first line. */
const STACKS: Readonly<Record<string, string | undefined>> = {
  'of functions': [0].map(() => new Error('head').stack)[0],
  'without names': 'Error: head\n    at file:///a/b.js:1:2\n    at async node:internal/x:3:4',
  'of Windows': 'Error: head\r\n    at f (C:\\a b\\c.js:1:2)\r\n',
  'of eval': runInNewContext('new Error("head").stack'),
  'of native code': 'Error: head\n    at Array.map (<anonymous>)',
  'of a promise': 'Error: head\n    at async Promise.all (index 0)',
  'without indentation': 'Error: head\nat f (a.js:1:2)',
  'on one line': new Error('head').stack?.replaceAll(/\s*\n\s*/g, ' '),
  'in JSON': JSON.stringify(new Error('head').stack).slice(1, -1),
};

test('a stack of any kind is cut off wherever it stands in an error', () => {
  for (const [kind, text = ''] of Object.entries(STACKS)) {
    assert.match(text, /^Error: head.+at /s, kind);
    const error = Object.assign(new Error(text, { cause: [text, { stack: text, text }] }), { code: text });
    error.name = text;
    const head = '"Error: head"';
    shows(error, `{"name":${head},"message":${head},"code":${head},"cause":[${head},{"text":${head}}]}`);
    assert.equal(toJson(text, true), 'Error: head');
    shows({ stack: text, text: 'kept' }, '{"text":"kept"}');
  }
});

test('other texts of errors stay whole, and so do all texts that a task returns', () => {
  for (const text of [
    'Expected a number at line 3, got "a"',
    'it ended at 10:30:00, or at 2030-01-01T10:30:00.000Z',
    'nobody listens at http://localhost:8000 (at all)',
    'look at (this), or at once: see a.js',
    'several\n  lines\n    at last, at 3:4',
  ])
    shows(new Error(text), JSON.stringify({ name: 'Error', message: text }));
  const returned = { stack: ['a'], text: new Error('returned on purpose').stack };
  shows(returned, JSON.stringify(returned));
});
