/** The line by itself, without a ring: src/channel/line.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LINE_WORDS, Line } from '#channel/line';
import { until } from './support/wait.js';

const LONG_MS = 15_000;

test('threads in line are called one by one, oldest first, past those who have been called and do not come', async () => {
  const line = new Line(new Int32Array(new SharedArrayBuffer(4 * LINE_WORDS)));
  const woken: number[] = [];
  for (const slot of [7, 0, 30]) {
    line.join(slot);
    const wait = line.bell(slot).waitAsync(() => false, LONG_MS);
    void wait.then(() => woken.push(slot));
  }
  for (const count of [1, 2, 3]) {
    line.callNext();
    await until(() => woken.length === count);
  }
  assert.deepEqual(woken, [7, 0, 30]);
  line.callNext(); // there is nobody left to call
  assert.equal(line.gate, (1 << 7) | (1 << 0) | (1 << 30));
});

test('who took a new turn is called after the others', async () => {
  const line = new Line(new Int32Array(new SharedArrayBuffer(4 * LINE_WORDS)));
  const woken: number[] = [];
  for (const slot of [3, 4]) {
    line.join(slot);
    void line
      .bell(slot)
      .waitAsync(() => false, LONG_MS)
      .then(() => woken.push(slot));
  }
  line.takeTurn(3);
  line.callNext();
  await until(() => woken.length === 1);
  line.callNext();
  await until(() => woken.length === 2);
  assert.deepEqual(woken, [4, 3]);
});

test('nobody is called in a line that is empty, or closed', () => {
  const words = new Int32Array(new SharedArrayBuffer(4 * LINE_WORDS));
  const line = new Line(words);
  line.callNext();
  line.join(5);
  line.close();
  const before = words.slice();
  line.callNext();
  assert.deepEqual(words, before);
});
