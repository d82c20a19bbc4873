/** Takes pictures of the page, to look at, and one for the README: `node test/browser/shoot.mjs FOLDER`. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fill, openStage, tasks } from './stage.mjs';

const LOOKS = [
  ['light', 'light', 1100, 900],
  ['dark', 'dark', 1100, 900],
  ['phone', 'light', 380, 1600],
  ['phone-dark', 'dark', 380, 1600],
];

const folder = process.argv[2] ?? '.';
const closers = [];
const stage = await openStage({ after: (close) => closers.push(close) });
const { page } = await stage.open();
for (let round = 0; round < 240; round++) {
  const wave = 12 + 10 * Math.sin(round / 14);
  for (let n = 0; n < wave; n++) void stage.run(tasks.work(1 + (n % 5)));
  if (round % 7 === 0) void stage.run(tasks.fail('the text has no words'));
  if (round % 3 === 0) (await stage.run(tasks.give(round))).cancel();
  await sleep(250);
}
await fill(stage);
await sleep(3000);
for (const [name, colorScheme, width, height] of LOOKS) {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height });
  await sleep(400);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
for (const close of closers) await close();
process.exit();
