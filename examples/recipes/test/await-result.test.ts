import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOf, jsonOf, startProgram } from './program.js';

test('A result that comes in time is the answer; else the URL of the task is', async (t) => {
  const server = await startProgram(t, 'await-result');
  const soon = await fetch(`${server}/count_words`, { method: 'POST', body: 'to be or not' });
  assert.equal(soon.status, 200);
  assert.equal((await jsonOf(soon))['result'], 4);
  const late = await fetch(`${server}/wait/2500`, { method: 'POST' });
  assert.equal((await endOf(late))['result'], 2500);
});
