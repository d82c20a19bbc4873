/**
 * Libraries that answer each task, by name: four pools of one thread, and a queue within the thread, where nothing is
 * copied. piscina and tinypool may have as many tasks in the thread as are on the way: that is faster than one.
 */
import { fileURLToPath } from 'node:url';
import { isMainThread, workerData } from 'node:worker_threads';
import {
  begin,
  finish,
  PAYLOADS,
  readSetup,
  sizeOf,
  warmUpOf,
} from '../../build/bench/contestants/contract.js';

const load = async (name) => (await import(name)).default;
const filename = fileURLToPath(import.meta.url);
const one = { filename, minThreads: 1, maxThreads: 1 };

/** Each returns a function that runs one task. */
const LIBRARIES = {
  async piscina(concurrentTasksPerWorker) {
    const pool = new (await load('piscina'))({ ...one, concurrentTasksPerWorker });
    return (captured) => pool.run(captured);
  },
  async tinypool(concurrentTasksPerWorker) {
    const pool = new (await load('tinypool'))({
      ...one,
      filename: import.meta.url,
      concurrentTasksPerWorker,
    });
    return (captured) => pool.run(captured);
  },
  async poolifier() {
    const { FixedThreadPool } = await import('poolifier');
    const pool = new FixedThreadPool(1, filename, { workerOptions: { workerData: 'poolifier' } });
    return (captured) => pool.execute(captured);
  },
  async workerpool() {
    const options = { maxWorkers: 1, workerType: 'thread', workerThreadOpts: { workerData: 'workerpool' } };
    const pool = (await load('workerpool')).pool(filename, options);
    return (captured) => pool.exec('sizeOf', [captured]);
  },
  async fastq() {
    const queue = (await load('fastq')).promise(async (captured) => sizeOf(captured), 1);
    return (captured) => queue.push(captured);
  },
};

if (isMainThread) {
  const setup = readSetup();
  const { count, capacity, payload } = setup;
  const run = await LIBRARIES[process.argv[2]](capacity);
  let sum = 0;
  const runAll = async (tasks) => {
    let left = tasks;
    const lane = async () => {
      while (left > 0) {
        left -= 1;
        const size = await run(PAYLOADS[payload]);
        sum += size;
      }
    };
    await Promise.all(Array.from({ length: capacity }, lane));
  };
  await runAll(warmUpOf(setup)); // from here on its thread is up
  sum = 0;
  const since = begin();
  await runAll(count);
  finish(setup, since, sum);
}
if (workerData === 'workerpool') (await load('workerpool')).worker({ sizeOf });

/** What the thread of a pool runs. */
export default workerData === 'poolifier' ? new (await import('poolifier')).ThreadWorker(sizeOf) : sizeOf;
