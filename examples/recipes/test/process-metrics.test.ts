import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProgram } from './program.js';

test('The metrics have those of the process and of the queue', async (t) => {
  const server = await startProgram(t, 'process-metrics');
  const metrics = await (await fetch(`${server}/metrics`)).text();
  for (const line of [
    /^process_cpu_seconds_total \d/m,
    /^nodejs_heap_size_used_bytes \d/m,
    /^async_tasks_queue_depth 0$/m,
  ])
    assert.match(metrics, line);
});
