/** poolifier: a pool of one thread. */
import { isMainThread } from 'node:worker_threads';
import { FixedThreadPool, ThreadWorker } from 'poolifier';
import { contend, readSetup, sizeOf } from './contract.mjs';

if (isMainThread) {
  const pool = new FixedThreadPool(1, import.meta.filename);
  await contend(readSetup(), (captured) => pool.execute(captured));
}

export default isMainThread ? undefined : new ThreadWorker(sizeOf);
