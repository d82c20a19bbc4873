/** A process lives while a task is open, and no longer; idle it costs nothing. */
import assert from 'node:assert/strict';
import { program, test } from './support/start.js';

const url = new URL('./fixtures/process.js', import.meta.url);

for (const [scene, stdout] of [
  ['script without drain', '100'],
  ['script whose sends wait', '100'],
  ['script that blocks', '100'],
  ['script with a dying worker', '30'],
  ['await using', '30'],
  ['idle', ''],
  ['never used', ''],
  ['not awaited', ''],
  ['close', '1'],
  ['closed with a pending task', 'late'],
  ['fails to start', 'ERR_MODULE_NOT_FOUND'],
  ['other thread', '100'],
] as const) {
  test(`A process ends by itself, once its work is done, with code 0: ${scene}`, async () => {
    const { code, stdout: told, stderr } = await program(url, scene);
    assert.equal(told.trim(), stdout, stderr);
    assert.equal(code, 0, stderr);
  });
}

test('An idle runtime takes less than five thousandths of a core, after work', async () => {
  const { stdout } = await program(url, 'share');
  assert.ok(Number(stdout) < 0.005, stdout);
});
