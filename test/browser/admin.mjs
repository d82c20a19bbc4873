/** The admin page in a real browser: `npm ci --prefix test/browser`, then `node --test test/browser/admin.mjs`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fill, openStage, skip, startServer, tasks } from './stage.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const options = { skip, timeout: 60_000 };
const text = (page, selector) => page.locator(selector).textContent();
/** Resolves when the page shows it. */
const shows = (page, selector, pattern) => page.locator(selector, { hasText: pattern }).first().waitFor();

test('33 tasks: one runs and 32 fill the cells; the 34th stands in line', options, async (t) => {
  const { open, run } = await openStage(t);
  const { page, errors } = await open();
  const handles = [];
  for (let n = 0; n < 33; n++) handles.push(await run(tasks.hold()));
  const last = run(tasks.hold());
  await shows(page, '#waiting', /^1$/);
  assert.equal(await page.locator('#cells .filled').count(), 32);
  assert.equal(await page.locator('#cells').getAttribute('aria-label'), '32 of 32 places taken');
  const names = await page.locator('#cells li').allTextContents();
  assert.deepEqual(
    names,
    Array.from({ length: 32 }, (_, n) => `hold ${n + 1}`),
  );
  await shows(page, '#running', /^hold 0/);
  await shows(page, '#news', 'The queue is full');
  for (const handle of handles) handle.cancel();
  (await last).cancel();
  await shows(page, '#running', 'nothing');
  await page.waitForFunction(() => document.querySelector('#cells .filled') === null);
  assert.deepEqual(errors, []);
});

test('Progress moves, and so does the time that is left', options, async (t) => {
  const { open, run } = await openStage(t);
  const { page } = await open();
  const handle = await run(tasks.step());
  const value = () => page.locator('#running progress').evaluate((bar) => bar.value);
  await page.waitForFunction(() => document.querySelector('#running progress')?.value > 0.05);
  const before = await value();
  await page.waitForFunction((than) => document.querySelector('#running progress')?.value > than, before);
  assert.match(await text(page, '#running'), /^step 0.*\d %, deadline in 5\d/s);
  handle.cancel();
});

test('A task is cancelled by its button, queued or running, by mouse and by keyboard', options, async (t) => {
  const { open, run } = await openStage(t);
  const { page } = await open();
  const [running, queued] = [await run(tasks.hold()), await run(tasks.hold())];
  await page.getByRole('button', { name: `Cancel hold ${queued.id}` }).click();
  await assert.rejects(queued.finished(), { code: 'ERR_TASK_CANCELLED' });
  await shows(page, '#cells .cancelled', `hold ${queued.id}`);
  await page.getByRole('button', { name: `Cancel hold ${running.id}` }).focus();
  await page.keyboard.press('Enter');
  await assert.rejects(running.finished(), { code: 'ERR_TASK_CANCELLED' });
  await shows(page, '#counts', '2 cancelled');
});

test('A worker that dies is shown, with the cause, and what it ran has failed', options, async (t) => {
  const { open, run } = await openStage(t);
  const { page } = await open();
  await shows(page, '#restarts', 'Has not been restarted');
  await (await run(tasks.exit())).finished().catch(() => {});
  await shows(page, '#restarts', 'Restarted 1 time');
  await shows(page, '#life', 'exit code 3');
  await page.getByRole('button', { name: 'Details of exit 0' }).click();
  await shows(page, 'pre', 'ERR_WORKER_CRASHED');
  await page.getByRole('button', { name: 'succeeded' }).click();
  await page.locator('#none').waitFor();
  await page.getByRole('button', { name: 'failed' }).click();
  await shows(page, '#tasks tr:not([hidden])', 'exit 0');
});

test('What a task is named, returns or throws is shown as text', options, async (t) => {
  const { open, run } = await openStage(t);
  const { page, errors } = await open();
  await (await run(tasks['<img src=x onerror=alert(1)>']())).finished();
  await (await run(tasks.fail('<img src=x onerror=alert(3)>'))).finished().catch(() => {});
  await page.getByRole('button', { name: 'Details of <img src=x onerror=alert(1)>' }).click();
  await page.getByRole('button', { name: 'Details of fail' }).click();
  await shows(page, 'pre', '<img src=x onerror=alert(2)>');
  await shows(page, 'pre', '<img src=x onerror=alert(3)>');
  assert.equal(await page.locator('img').count(), 0);
  assert.deepEqual(errors, []);
});

test('A page whose server is gone says so, and is right again once there is one', options, async (t) => {
  const { browse } = await openStage(t);
  const first = await startServer(t, '0');
  const { page } = await browse(first.address);
  await shows(page, '#worker', 'worker running');
  await first.kill();
  await shows(page, '#worker', 'no connection');
  await startServer(t, new URL(first.address).port);
  await shows(page, '#worker', 'worker running');
});

test('Ten minutes of events do not make the page grow', options, async (t) => {
  const { open } = await openStage(t);
  const { page, errors } = await open();
  // As many as come in ten minutes, each with other tasks, at once.
  const sizes = await page.evaluate(async () => {
    source.close();
    samples.length = snapshots.length = 0;
    const task = (id, time) => ({
      id,
      name: 'give',
      kind: 'sync',
      state: 'succeeded',
      enqueued: time,
      started: time,
      finished: time,
    });
    const send = (n) => {
      const time = 1e12 + n * 250;
      const now = {
        time,
        capacity: 32,
        depth: n % 33,
        waiting: 0,
        running: [],
        enqueued: n * 100,
        tasks: Array.from({ length: 100 }, (_, index) => task(n * 5 + index, time)),
        ended: { succeeded: n * 100, failed: 0, cancelled: 0 },
        wait: [n],
        run: [n],
        bounds: [1],
        delay: { main: 1, worker: 1 },
        worker: 'running',
        restarts: 0,
        deaths: [],
      };
      source.onmessage({ data: JSON.stringify(now) });
    };
    const size = () => [document.querySelectorAll('*').length, document.body.innerHTML.length];
    const sizes = [];
    for (let n = 1; n <= 2400; n++) {
      send(n);
      if (n % 1200 === 0) sizes.push(size());
      if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    return [...sizes, [samples.length, snapshots.length, rows.size]];
  });
  const [[elements, length], [elementsLater, lengthLater], kept] = sizes;
  assert.equal(elementsLater, elements);
  assert.ok(lengthLater < 1.05 * length, `${length} characters, then ${lengthLater}`);
  assert.deepEqual(kept, [300, 10, 100]);
  assert.deepEqual(errors, []);
});

for (const colorScheme of ['light', 'dark'])
  test(`axe finds no barrier, ${colorScheme}, wide and narrow`, options, async (t) => {
    const stage = await openStage(t);
    const { page } = await stage.open({ colorScheme });
    const handles = await fill(stage);
    await page.getByRole('button', { name: 'Details of fail' }).click();
    await shows(page, '#life', 'exit code 3');
    await page.evaluate(AXE);
    for (const width of [1200, 360]) {
      await page.setViewportSize({ width, height: 800 });
      const { violations } = await page.evaluate(() => axe.run());
      assert.deepEqual(
        violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
        [],
      );
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} pixels too wide at ${width}`);
    }
    for (const handle of handles) handle.cancel();
  });

test('Nothing moves for whoever wants no motion', options, async (t) => {
  const { open, run } = await openStage(t);
  const { page } = await open({ reducedMotion: 'reduce' });
  const handles = [await run(tasks.hold()), await run(tasks.hold())];
  await page.locator('#cells .filled').first().waitFor();
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  for (const handle of handles) handle.cancel();
});
