/** A thread stays alive as long as the channel wants it, and no longer. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { test } from './ends.js';

const scene = new URL('./alive-scene.js', import.meta.url);

for (const name of ['recv', 'send', 'late', 'gave up', 'nothing'])
  test(`a process and a thread end by themselves when nothing waits, and not before: ${name}`, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(scene), name], {
      timeout: 15_000,
    });
    assert.equal(stdout, 'done\n');
    const worker = new Worker(scene, { argv: [name], stdout: true });
    const [code] = await once(worker, 'exit');
    assert.equal(code, 0);
    assert.equal(String(worker.stdout.read()), 'done\n');
  });

test('a receiver that waits takes no processor time', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(scene), 'idle']);
  assert.ok(Number(stdout) < 60_000, `${stdout} µs in 400 ms`);
});
