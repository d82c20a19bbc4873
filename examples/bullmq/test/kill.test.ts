/**
 * Two servers and three workers on one Redis, all of which are killed at random while clients start tasks and cancel
 * some. In the end the books must balance: what was accepted has one end, and nothing ran twice.
 *
 * Redis keeps an append-only file and writes it before it answers (`appendfsync always`); killed, it forgets nothing.
 *
 *   KILL_TASKS=10000 SEED=1 node build/examples/bullmq/test/kill.test.js
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Crew } from './support/crew.js';
import { NO_REDIS, RedisServer } from './support/redis.js';
import { Setting } from './support/setting.js';

const COUNT = Number(process.env['KILL_TASKS'] || 10_000);
const SEED = Number(process.env['SEED'] || Math.floor(Math.random() * 2 ** 31));
const CLIENTS = 24;
/** After so many accepted tasks, something is killed. */
const KILL_EVERY = Math.ceil(COUNT / 25);
const FINAL = new Set(['succeeded', 'failed', 'cancelled']);

interface Accepted {
  readonly n: number;
  readonly path: string;
}
interface View {
  readonly state: string;
  readonly result?: unknown;
  readonly error?: { readonly code?: string };
}

test('Whatever is killed: all that was accepted ends, once, and nothing runs twice', {
  skip: NO_REDIS,
}, async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
  t.after(() => redis.stop());
  const setting = new Setting(t, redis);
  const crew = await Crew.start(setting.env, redis, SEED);
  t.after(() => crew.end());
  const since = performance.now();
  const accepted: Accepted[] = [];
  let [next, refused, unanswered] = [0, 0, 0];

  const client = async () => {
    while (accepted.length < COUNT) {
      const n = next++;
      const answer = await post(`${crew.origin}/mark/${n}?${crew.random(5)}`);
      if (answer === undefined) unanswered++;
      else if (answer.status !== 202) refused++;
      else {
        const path = answer.headers.get('location') ?? '';
        accepted.push({ n, path });
        if (crew.random(20) === 0) await post(crew.origin + path, 'DELETE');
      }
      if (answer?.status !== 202) await sleep(20);
    }
  };
  const killer = async () => {
    for (let kills = 1; accepted.length < COUNT; ) {
      if (accepted.length >= kills * KILL_EVERY) {
        await crew.killOne();
        kills++;
      }
      await sleep(5);
    }
  };
  await Promise.all([killer(), ...Array.from({ length: CLIENTS }, client)]);

  const ends = new Map<number, View>();
  for (const { n, path } of accepted) ends.set(n, await endOf(crew, path));
  const runs = new Map<number, number>();
  for (const n of setting.marks()) runs.set(n, (runs.get(n) ?? 0) + 1);
  const count = (state: string) => [...ends.values()].filter((view) => view.state === state).length;
  const figures = {
    ...{ accepted: accepted.length, succeeded: count('succeeded'), failed: count('failed') },
    ...{ cancelled: count('cancelled'), refused, unanswered, ...crew.killed },
    seconds: Math.round((performance.now() - since) / 1000),
  };
  console.log(`kill: ${JSON.stringify(figures)}`);

  assert.equal(ends.size, accepted.length);
  assert.equal(figures.succeeded + figures.failed + figures.cancelled, accepted.length);
  assert.deepEqual(
    [...runs].filter(([, times]) => times > 1),
    [],
    'ran twice',
  );
  for (const [n, { state, result, error }] of ends) {
    if (state === 'succeeded') assert.deepEqual([result, runs.get(n)], [n, 1]);
    if (state === 'failed') assert.equal(error?.code, 'ERR_WORKER_CRASHED');
  }
});

/** `undefined`: the server was killed before it had answered. */
async function post(url: string, method = 'POST'): Promise<Response | undefined> {
  try {
    const response = await fetch(url, { method });
    await response.arrayBuffer();
    return response;
  } catch {
    return undefined;
  }
}

async function endOf(crew: Crew, path: string): Promise<View> {
  let last = '';
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(20)) {
    try {
      const response = await fetch(crew.origin + path);
      last = await response.text();
      const view: View = JSON.parse(last);
      if (response.status === 200 && FINAL.has(view.state)) return view;
    } catch (error) {
      last = String(error);
    }
  }
  throw new Error(`${path} has no end: ${last}`);
}
