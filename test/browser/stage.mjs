/** A runtime with its admin page in this process, and Debian's Chromium looking at it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startAdmin } from '../../dist/admin/index.js';
import { channel, runTask, startRuntime } from '../../dist/index.js';
import { tasks } from './tasks.mjs';

export { tasks };

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const skip = existsSync(CHROMIUM) ? false : `no browser at ${CHROMIUM}: apt-get install chromium`;

export async function openStage(t) {
  const [tx, rx] = channel(32);
  const runtime = await startRuntime(rx, { tasks: new URL('./tasks.mjs', import.meta.url), log: false });
  const place = await startAdmin({ tx, runtime }, { ADMIN_PORT: '0' });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  t.after(async () => {
    await browser.close();
    await runtime.close();
  });
  const address = place.replace('admin page on ', '');
  /** A page that has had its first event. What goes wrong in it is in `errors`. */
  const browse = async (url, options = {}) => {
    const page = await browser.newPage(options);
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('dialog', (dialog) => errors.push(`dialog: ${dialog.message()}`));
    await page.goto(url);
    await page.waitForFunction(() => document.querySelectorAll('#cells li').length === 32);
    return { page, errors };
  };
  const open = (options) => browse(address, options);
  const run = (task) => runTask(task, tx, { timeout: 60_000 });
  return { browse, open, run };
}

/** The server as shipped, in a process of its own. */
export async function startServer(t, adminPort) {
  const entry = fileURLToPath(new URL('../../dist/server.js', import.meta.url));
  const env = { ...process.env, PORT: '0', ADMIN_PORT: adminPort };
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await exit;
  };
  t.after(kill);
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /admin page on (\S+)/.exec(line)?.[1];
    if (address !== undefined) return { address, kill };
  }
  throw new Error('Expected the server to start');
}

/** Something of everything. Resolves with what is still queued or running. */
export async function fill({ run }) {
  await (await run(tasks.give({ words: 1234, lines: 56 }))).finished();
  await (await run(tasks.fail('the text has no words'))).finished().catch(() => {});
  await (await run(tasks.exit())).finished().catch(() => {});
  const handles = [await run(tasks.step())];
  for (let n = 0; n < 20; n++) handles.push(await run(tasks.give(n)));
  handles[3].cancel();
  return handles;
}
