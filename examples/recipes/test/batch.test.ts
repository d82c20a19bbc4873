import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

test('More files than the queue has room for are counted, and the bar ends when all have been', async () => {
  const program = fileURLToPath(new URL('../src/batch.js', import.meta.url));
  const files = Array.from({ length: 100 }, () => program);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, ...files]);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 100);
  for (const line of lines) assert.match(line, /batch\.js succeeded \d+$/);
  const bars = stderr.split('\r').slice(1);
  assert.equal(bars.length, 100);
  assert.equal(bars.at(-1), `[${'#'.repeat(40)}] 100 of 100\n`);
});
