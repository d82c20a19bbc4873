/**
 * The bound, across all servers: never more than `capacity` tasks accepted and not started.
 *
 * BullMQ adds a job by one Lua script, which Redis runs as one step; it has no bound. To ask for room before would be a
 * second step, with other servers between the two. A reservation would close that gap and open others: it must expire,
 * for the server may die that holds it, and then it may expire under a server that is only slow. So the question is
 * written in front of BullMQ's own script, as it is sent to Redis: one step, nothing to give back, nothing to expire.
 *
 * Waiting tasks are in the list KEYS[1], nowhere else: this example uses no priorities and no delays (but for retries,
 * which have been started before). A task that is there already is one whose answer got lost, and is let through:
 * BullMQ's script then changes nothing.
 */
import type { Redis } from 'ioredis';

const SCRIPT = 'addStandardJob:';
const FULL = 'QUEUEFULL';

const gate = (capacity: number) => `
do
  local args = cmsgpack.unpack(ARGV[1])
  if redis.call('EXISTS', args[1] .. args[2]) == 0 and redis.call('LLEN', KEYS[1]) >= ${capacity} then
    return redis.error_reply('${FULL} no room')
  end
end
`;

/** Bounds what is added through this connection from now on. Returns whether BullMQ has defined its script yet. */
export function holdBound(redis: Redis, capacity: number): () => boolean {
  let held = false;
  const define = redis.defineCommand.bind(redis);
  redis.defineCommand = (name, definition) => {
    if (!name.startsWith(SCRIPT)) return define(name, definition);
    held = true;
    return define(name, { ...definition, lua: gate(capacity) + definition.lua });
  };
  return () => held;
}

/** Redis has refused a task: there is no room for it. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith(FULL);
}
