/** The soak's verdict, on samples that are made up: soak.deep.ts itself runs for minutes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complaints, type Sample } from './soak/verdict.js';

const CONNECTIONS = 64;
const MB = 2 ** 20;

/** 120 samples of a server that starts small, and then moves about a little; `change` is what it does besides. */
function samples(change: (n: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: 120 }, (_, n) => ({
    rss: (Math.min(n, 20) * 5 + (n % 7)) * MB,
    heap: (30 + (n % 11)) * MB,
    handles: 70 + (n % 60),
    sockets: CONNECTIONS,
    loop: { p50: 10, p99: 15 + (n % 30), max: n % 25 === 0 ? 900 : 50 },
    restarts: n,
    ...change(n),
  }));
}

test('a server that warms up and then moves about is flat', () => {
  assert.deepEqual(complaints(samples(), CONNECTIONS), []);
});

test('single samples do not count', () => {
  const spikes = samples((n) => (n % 10 === 0 ? { rss: 900 * MB, heap: 800 * MB, handles: 999 } : {}));
  assert.deepEqual(complaints(spikes, CONNECTIONS), []);
});

for (const [what, pattern, change] of [
  ['memory that grows', /^RSS grew/, (n: number) => ({ rss: (100 + n / 4) * MB })],
  ['a heap that grows', /^heap grew/, (n: number) => ({ heap: (30 + n / 4) * MB })],
  ['handles that pile up', /^handles went/, (n: number) => ({ handles: 100 + n })],
  ['handles that get lost', /^handles went/, (n: number) => ({ handles: 300 - n })],
  ['sockets that stay', /sockets are open/, () => ({ sockets: 2 * CONNECTIONS })],
  ['an event loop that is late', /^event loop/, () => ({ loop: { p50: 10, p99: 200, max: 300 } })],
] as const) {
  test(`${what}: not flat`, () => {
    const found = complaints(samples(change), CONNECTIONS);
    assert.equal(found.length, 1);
    assert.match(found[0] ?? '', pattern);
  });
}

test('too few samples say nothing', () => {
  assert.match(complaints(samples().slice(0, 10), CONNECTIONS)[0] ?? '', /at least/);
});
