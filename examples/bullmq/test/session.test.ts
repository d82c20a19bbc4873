/** A client that was written for one process: the session of the root's README, on two servers, and after their end. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Program } from './support/program.js';
import { NO_REDIS, RedisServer } from './support/redis.js';
import { Setting } from './support/setting.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../../../../', import.meta.url));
const COMMANDS = [...readFileSync(`${ROOT}README.md`, 'utf8').matchAll(/^\$ (curl .+)$/gm)].map(
  ([, command = '']) => command,
);

/** One command of the README, as it stands there but for the server and the task's URL. */
async function curl(command: string, origin: string, url = ''): Promise<string> {
  const there = command.replace('127.0.0.1:8000', origin).replace(/\/tasks\/\S+/, url);
  const { stdout } = await run('sh', ['-c', there.replace(/^curl/, 'curl --silent')], { cwd: ROOT });
  return stdout;
}

test('The session of the README works, on any server, and after a restart', { skip: NO_REDIS }, async (t) => {
  const redis = await RedisServer.start();
  t.after(() => redis.stop());
  const env = { ...new Setting(t, redis).env, TASKS: '' };
  const server = async () => {
    const started = await Program.server(env);
    t.after(() => started.end());
    return started;
  };
  const [one, other, worker] = [await server(), await server(), await Program.worker(env)];
  t.after(() => worker.end());
  const [sync = '', count = '', look = ''] = COMMANDS;
  assert.equal(COMMANDS.length, 3);

  assert.match(await curl(sync, one.origin), /^HTTP\/1\.1 202 Accepted\r\n[\s\S]*task started$/);
  const accepted = await curl(count, one.origin);
  assert.match(accepted, /^HTTP\/1\.1 202 Accepted\r\n[\s\S]*task started$/);
  const url = /^location: (\/tasks\/\S+)\r$/m.exec(accepted)?.[1] ?? '';
  assert.match(
    await curl(look, other.origin, url),
    /^\{"id":"\d+-[\w-]{22}","task":"countWords",.*"state":"queued"/,
  );
  await worker.seen(/^start sync task with foo$/);
  assert.equal(await one.end('SIGTERM'), 0);
  await other.end('SIGKILL');
  const later = await server();
  let view = '';
  while (!view.includes('"succeeded"')) {
    view = await curl(look, later.origin, url);
    assert.match(view, /"state":"(queued|running|succeeded)"/);
    await sleep(50);
  }
  assert.match(view, /"result":\{"lines":\d+,"words":\d+,"bytes":\d+\}/);
  await worker.seen(/^counted \d+ lines, \d+ words, \d+ bytes$/);
});
