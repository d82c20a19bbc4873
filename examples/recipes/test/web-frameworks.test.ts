import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOf, startProgram } from './program.js';

const text = { method: 'POST', headers: { 'content-type': 'text/plain' } };

for (const name of ['express', 'fastify']) {
  test(`${name} answers 202 with the URL of the task, which shows its result`, async (t) => {
    const server = await startProgram(t, name);
    const response = await fetch(`${server}/count_words`, { ...text, body: 'to be or not' });
    assert.deepEqual(await endOf(response), { state: 'succeeded', outcome: 4 });
    assert.equal((await fetch(`${server}/tasks/other`)).status, 404);
    assert.equal((await fetch(`${server}/count_words`, { ...text, body: 'x'.repeat(20_001) })).status, 413);
  });
}
