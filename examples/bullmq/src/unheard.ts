/**
 * Jobs that were handed out in an answer that got lost. BullMQ hands out a job in the script that ends the one before. If
 * Redis goes away between the script and its answer, the job is active and locked for a worker that has never heard of
 * it: it would wait until its lock ends, and then fail as lost. So a worker that is connected again gives such jobs back.
 *
 * A job that the worker may still hear of is never given back. Redis answers one connection in the order of its
 * questions: once it has told the locks, the worker has heard of each job that was locked before, or never will.
 */
import { setImmediate } from 'node:timers/promises';
import { Job, type Worker } from 'bullmq';
import type { Redis } from 'ioredis';

/** From now on, after each outage. `redis` is the connection of `worker`. */
export function giveBackUnheard(redis: Redis, worker: Worker<string>): void {
  const heard = new Set<string | undefined>();
  worker.on('active', ({ id }) => void heard.add(id));
  worker.on('completed', ({ id }) => void heard.delete(id));
  worker.on('failed', (job) => void heard.delete(job?.id));
  redis.on('ready', () => void giveBack().catch(() => {}));

  async function giveBack(): Promise<void> {
    const ids = await redis.lrange(worker.toKey('active'), 0, -1);
    if (ids.length === 0) return;
    const locks = await redis.mget(ids.map((id) => worker.toKey(`${id}:lock`)));
    await setImmediate(); // the answers before this one have been dealt with
    for (const [at, id] of ids.entries()) {
      const token = locks[at];
      if (!token?.startsWith(worker.id) || heard.has(id)) continue;
      const job = await Job.fromId(worker, id);
      await job?.moveToWait(token).catch(() => {}); // it has ended meanwhile
    }
  }
}
