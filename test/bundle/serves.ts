/** What a server must do, wherever its files have been put. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ServerProcess } from '../support/server-process.js';

/** The server with this entry runs a task, serves the admin page, and drains. */
export async function servesBoth(t: TestContext, entry: string): Promise<void> {
  const server = await ServerProcess.start(t, { ADMIN_PORT: '0' }, entry);
  const accepted = await fetch(`http://127.0.0.1:${server.port}/count_words`, {
    method: 'POST',
    body: 'to be',
  });
  assert.equal(accepted.status, 202);
  const admin = /admin page on (\S+)/.exec(await server.out.seen(/listening on/))?.[1];
  const page = await fetch(`${admin}/`);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<title>/);
  server.child.kill('SIGTERM');
  assert.equal(await server.exited, 0, server.err.all.join('\n'));
}
