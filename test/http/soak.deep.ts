/**
 * The server under full load for minutes: `node build/test/http/soak.deep.js 10`. The load asks from this process, the
 * application answers in another. Each accepted task must be counted as ended, and the server's memory must stay where it
 * is after the first third.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Application } from './support/application.js';

const CONNECTIONS = 32;
const SAMPLE_MS = 1000;
const MB = 2 ** 20;
/** Most tasks do little; some fail. */
const PATHS = [...new Array<string>(40).fill('/give/x'), '/fail/plain', '/fail/cause'];

interface Sample {
  readonly rss: number;
  readonly ended: number;
  readonly open: number;
}

if (process.argv[2] === 'server') await serve();
else await soak(Number(process.argv[2] ?? 1) * 60_000);

async function serve(): Promise<void> {
  const app = await Application.start();
  process.on('message', () => {
    const { ended } = app.runtime.stats();
    const counts = [...ended.values()].map(
      ({ succeeded, failed, cancelled }) => succeeded + failed + cancelled,
    );
    const sum = counts.reduce((total, count) => total + count, 0);
    process.send?.({ rss: process.memoryUsage.rss(), ended: sum, open: app.open.length } satisfies Sample);
  });
  process.send?.(app.port);
}

async function soak(ms: number): Promise<void> {
  const server = fork(fileURLToPath(import.meta.url), ['server'], {
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
  });
  const [port] = (await once(server, 'message')) as [number];
  const end = performance.now() + ms;
  let [accepted, refused] = [0, 0];
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const ask = async () => {
    while (performance.now() < end) {
      const path = PATHS[Math.floor(Math.random() * PATHS.length)] ?? '/';
      const status = await post(agent, port, path);
      if (status === 202) accepted += 1;
      else refused += 1;
    }
  };
  const load = Promise.all(Array.from({ length: CONNECTIONS }, ask));
  const samples: Sample[] = [];
  while (performance.now() < end) {
    await sleep(SAMPLE_MS);
    samples.push(await sample(server));
  }
  await load;
  let last = await sample(server);
  while (last.open > 0) last = await sample(server);
  server.kill();
  const third = Math.floor(samples.length / 3);
  const [middle, late] = [samples.slice(third, 2 * third), samples.slice(2 * third)].map((part) =>
    median(part.map(({ rss }) => rss)),
  );
  console.log(
    `${accepted} tasks accepted, ${refused} refused, ${last.ended} ended; resident memory ${((middle ?? 0) / MB).toFixed(0)} MB, then ${((late ?? 0) / MB).toFixed(0)} MB`,
  );
  assert.equal(last.ended, accepted, 'every accepted task has ended, once');
  assert.ok((late ?? 0) < 1.2 * (middle ?? 0) + 10 * MB, 'memory stays where it is');
}

function post(agent: Agent, port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, port, path, method: 'POST', host: '127.0.0.1' }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function sample(server: ChildProcess): Promise<Sample> {
  server.send('sample');
  const [answer] = await once(server, 'message');
  return answer;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
