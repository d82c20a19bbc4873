/**
 * How a task is asked to stop, as one step in Redis: a queued one is taken out of the list and ends as cancelled, where
 * BullMQ keeps failed jobs and as it leaves them; for a running one a word is left in its job, for which the worker that
 * runs it looks. Redis decides which of the two it is, so a task that was cancelled in the queue never starts.
 *
 * A job with `defa` was running when its worker got lost. It is in the list only until the next worker records that.
 */
import type { Redis } from 'ioredis';

const LUA = `
local job, wait, delayed, failed, events = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local prefix, id, now, history = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('EXISTS', job) == 0 then return 'unknown' end
if redis.call('HEXISTS', job, 'finishedOn') == 1 then return 'ended' end
redis.call('HSET', job, 'stop', 1)
if redis.call('HEXISTS', job, 'defa') == 1 then return 'running' end
if redis.call('LREM', wait, 1, id) + redis.call('ZREM', delayed, id) == 0 then return 'running' end
redis.call('HSET', job, 'state', 'cancelled', 'failedReason', 'cancelled', 'finishedOn', now)
redis.call('ZADD', failed, now, id)
redis.call('XADD', events, 'MAXLEN', '~', 10000, '*', 'event', 'failed', 'jobId', id, 'failedReason', 'cancelled', 'prev', 'waiting')
local excess = redis.call('ZCARD', failed) - history
if excess > 0 then
  for _, old in ipairs(redis.call('ZRANGE', failed, 0, excess - 1)) do
    redis.call('ZREM', failed, old)
    redis.call('DEL', prefix .. old)
  end
end
return 'queued'
`;

export type Stopped = 'unknown' | 'ended' | 'queued' | 'running';
type Stop = (...args: readonly (string | number)[]) => Promise<Stopped>;

/** `keyOf` makes the keys of one queue; `history`: how many failed and cancelled tasks are kept. */
export function stopScript(
  redis: Redis,
  keyOf: (name: string) => string,
  history: number,
): (jobId: string) => Promise<Stopped> {
  redis.defineCommand('stopTask', { numberOfKeys: 5, lua: LUA });
  const stop: Stop = Reflect.get(redis, 'stopTask').bind(redis);
  const keys = ['wait', 'delayed', 'failed', 'events'].map(keyOf);
  return (jobId) => stop(keyOf(jobId), ...keys, keyOf(''), jobId, Date.now(), history);
}
