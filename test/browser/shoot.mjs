/** Takes the pictures: `node test/browser/shoot.mjs FOLDER`, for the README, or to look at. */
import { join } from 'node:path';
import { fill, openStage, tasks } from './stage.mjs';

const folder = process.argv[2] ?? '.';
const closers = [];
const stage = await openStage({ after: (close) => closers.push(close) });
for (let round = 0; round < 25; round++) {
  for (let n = 0; n < 3 + (round % 9); n++) void stage.run(tasks.give(n));
  if (round % 4 === 0) void stage.run(tasks.fail('the text has no words'));
  if (round === 1) (await stage.open()).page.setDefaultTimeout(60_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const { page } = await fill(stage);
const looks = [
  ['light', 'light', 1100, 900],
  ['dark', 'dark', 1100, 900],
  ['phone', 'light', 380, 800],
  ['phone-dark', 'dark', 380, 800],
];
await page.waitForTimeout(3000);
for (const [name, colorScheme, width, height] of looks) {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height });
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
for (const close of closers) await close();
process.exit();
