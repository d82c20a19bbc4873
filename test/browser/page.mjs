/**
 * The admin page in a real browser: `npm run build:all`, `npm ci --prefix test/browser`, then
 * `node --test test/browser/page.mjs`. With `PICTURES=FOLDER` it leaves pictures there; `light-1100.png` is the README's.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { FakeRuntime } from '../../build/test/admin/fake.js';
import { startAdmin } from '../../dist/admin/index.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = existsSync(CHROMIUM) ? false : `no browser at ${CHROMIUM}: apt-get install chromium`;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Chromium talks to the page's server alone. */
const QUIET = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let browser;

/** A page that has had its first event. `errors` has what goes wrong in it, breaches of its policy included. */
async function browse(t, url) {
  const page = await browser.newPage();
  t.after(() => page.close());
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('dialog', (dialog) => errors.push(`dialog: ${dialog.message()}`));
  await page.goto(url);
  await page.locator('#cells li').nth(31).waitFor();
  /** Resolves when the page shows it. */
  const shows = (selector, hasText) => page.locator(selector, { hasText }).first().waitFor();
  return { page, errors, shows, press: (name) => page.getByRole('button', { name }).click() };
}

async function stage(t) {
  const runtime = new FakeRuntime();
  const place = await startAdmin({ runtime }, { ADMIN_PORT: '0' });
  return { runtime, ...(await browse(t, place.replace('admin page on ', ''))) };
}

/** The server as shipped. */
async function startServer(t, port) {
  const entry = fileURLToPath(new URL('../../dist/server.js', import.meta.url));
  const env = { ...process.env, PORT: '0', ADMIN_PORT: port };
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const kill = () => child.kill('SIGKILL') && exit;
  t.after(kill);
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /admin page on (\S+)/.exec(line) ?? [];
    if (url !== undefined) return { url, kill };
  }
  throw new Error('Expected the server to start');
}

describe('The admin page', { skip, timeout: 120_000 }, () => {
  before(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
  });
  after(() => browser.close());

  test('shows the queue and its progress live, and cancels by mouse and by keyboard', async (t) => {
    const { runtime, page, errors, shows, press } = await stage(t);
    await shows('#idle', 'nothing');
    for (let n = 0; n < 33; n++) runtime.enqueue('hold');
    runtime.start();
    runtime.progress(0, 0.25);
    runtime.waiting = 1;
    await shows('#waiting', /^1$/);
    const names = await page.locator('#cells .queued').allTextContents();
    assert.deepEqual(
      names,
      Array.from({ length: 32 }, (_, n) => `hold ${n + 1}`),
    );
    assert.equal(await page.locator('#cells').getAttribute('aria-label'), '32 of 32 places taken');
    await shows('#running', /^hold 0.*25 %/);
    runtime.progress(0, 0.5);
    await page.waitForFunction(() => document.querySelector('progress').value === 0.5);
    await press('Cancel hold 5');
    await shows('#cells .cancelled', 'hold 5');
    await page.getByRole('button', { name: 'Cancel hold 0' }).focus();
    await page.keyboard.press('Enter');
    await shows('#running', 'asked to stop');
    assert.deepEqual(
      [runtime.task(5).status().state, runtime.task(0).status().cancelRequested],
      ['cancelled', true],
    );
    runtime.end(0, undefined, 'cancelled');
    await shows('#counts', '2 cancelled');
    assert.deepEqual(errors, []);
  });

  test('shows names, results and errors as text, what a worker died of, and tasks by state', async (t) => {
    const { runtime, page, errors, shows } = await stage(t);
    runtime.run('<img src=x onerror=alert(1)>', '<img src=x onerror=alert(2)>');
    runtime.run('fail', new Error('<img src=x onerror=alert(3)>'), 'failed');
    runtime.die('exit code 3');
    for (const [name, text] of [
      ['Details of <img', 'alert(2)'],
      ['Details of fail', 'alert(3)'],
    ]) {
      const [details] = await Promise.all([
        page.waitForEvent('popup'),
        page.getByRole('link', { name }).click(),
      ]);
      await details.locator('pre', { hasText: text }).waitFor();
      assert.equal(await details.locator('img').count(), 0);
      await details.close();
    }
    await shows('#restarts', 'Restarts: 1');
    await shows('#deaths', 'exit code 3');
    await page.getByLabel('Show').selectOption('failed');
    await page.locator('#tasks tr', { hasText: '<img' }).waitFor({ state: 'hidden' });
    await shows('#tasks tr:not([hidden])', 'fail 1');
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(errors, []);
  });

  test('says that its server is gone, and is right again once there is one', async (t) => {
    const first = await startServer(t, '0');
    const { shows } = await browse(t, first.url);
    await shows('#worker', 'worker running');
    await first.kill();
    await shows('#worker', 'no connection');
    await startServer(t, new URL(first.url).port);
    await shows('#worker', 'worker running');
  });

  test('does not grow in ten minutes, and has no barrier, in both themes, wide and on a phone', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.UTC(2030, 0, 1, 12) });
    const { runtime, page, errors } = await stage(t);
    const sizes = [];
    let running;
    // A task is done in 50 ms, one in twelve takes longer and fails; the load comes and goes.
    for (let n = 1, load = 0; n <= 12_001; n++) {
      for (load += 0.5 + 0.4 * Math.sin(n / 190 + 1.2); load >= 1; load--)
        if (runtime.queued < 32)
          runtime.enqueue(n % 12 ? 'resize' : 'parse', { deadline: Date.now() + 60_000 });
      const { name, started } = runtime.task(running)?.status() ?? {};
      if (name === 'resize') runtime.end(running, { width: n });
      else if (started < Date.now() - 200)
        runtime.end(running, new Error('Expected a number, got x'), 'failed');
      if (runtime.task(running)?.status().state !== 'running')
        running = runtime.queued > 0 ? runtime.start() : undefined;
      if (n === 4000) runtime.die('Error: Cannot read properties of undefined');
      t.mock.timers.tick(50);
      if (n % 5 === 0) await sleep(2); // the page takes its turn
      if (n % 6000 === 0) sizes.push(await page.evaluate(() => document.querySelectorAll('*').length));
    }
    const [first, second] = sizes;
    assert.ok(Math.abs(second - first) < 20, `${first} elements, then ${second}`);
    runtime.progress(running, 0.62);
    runtime.task(running + 3)?.cancel();
    t.mock.timers.tick(1000);
    await page.evaluate(AXE);
    for (const colorScheme of ['light', 'dark'])
      for (const width of [1100, 390]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: width === 390 ? 1600 : 1100 });
        const { violations } = await page.evaluate(() => axe.run());
        assert.deepEqual(
          violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
          [],
        );
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${wide} pixels too wide at ${width}`);
        const { PICTURES } = process.env;
        if (PICTURES) await page.screenshot({ path: join(PICTURES, `${colorScheme}-${width}.png`) });
      }
    assert.deepEqual(errors, []);
  });
});
