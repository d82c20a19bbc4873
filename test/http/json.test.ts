/** How values look over HTTP: what a task returned, and what it threw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
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

test('an error is its name, message, code, cause and errors, without its stack, and what of it was left out on its way', () => {
  const coded = Object.assign(new TypeError('a'), { code: 'E_A', path: '/secret', stack: 1 });
  shows(coded, '{"name":"TypeError","message":"a","code":"E_A"}');
  const caused = new Error('', { cause: { deep: new Set([new RangeError('b', { cause: 0 })]) } });
  const deep = '{"deep":[{"name":"RangeError","message":"b","cause":0}]}';
  shows(caused, `{"name":"Error","message":"","cause":${deep}}`);
  const both = '{"name":"AggregateError","message":"both","errors":[{"name":"Error","message":"a"},"1"]}';
  shows(new AggregateError([new Error('a'), 1n], 'both'), both);
  const odd = Object.assign(new Error('a'), { name: 5, message: { b: 1 } });
  shows(odd, '{"name":"5","message":"[object Object]"}');
  const left = Object.assign(new Error('a'), { leftOut: 'cause, b' });
  shows(left, '{"name":"Error","message":"a","leftOut":"cause, b"}');
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
