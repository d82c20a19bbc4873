/** workerpool: a pool of one thread. */
import { isMainThread } from 'node:worker_threads';
import workerpool from 'workerpool';
import { contend, readSetup, sizeOf } from './contract.mjs';

if (isMainThread) {
  const pool = workerpool.pool(import.meta.filename, { minWorkers: 1, maxWorkers: 1, workerType: 'thread' });
  await contend(readSetup(), (captured) => pool.exec('sizeOf', [captured]));
} else {
  workerpool.worker({ sizeOf });
}
