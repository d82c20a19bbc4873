/**
 * tinypool: a pool of one thread, which may have as many tasks at once as are on the way. That is faster than one at a time,
 * which is its default.
 */
import { isMainThread } from 'node:worker_threads';
import Tinypool from 'tinypool';
import { contend, readSetup, sizeOf } from './contract.mjs';

if (isMainThread) {
  const setup = readSetup();
  const pool = new Tinypool({
    filename: import.meta.url,
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: setup.capacity,
  });
  await contend(setup, (captured) => pool.run(captured));
}

export default sizeOf;
