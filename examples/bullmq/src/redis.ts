/** The connection to Redis: what may be wrong with it at the start, in one line, and what the log says of it later. */
import { Redis, type RedisOptions } from 'ioredis';
import { StartError } from './core.js';

/** The oldest with all that BullMQ uses. */
const OLDEST = [6, 2];
const CONNECT_MS = 5000;
const COMMAND_MS = 1000;
const MAX_RECONNECT_MS = 500;

/** A server says at once that Redis is away: a command neither waits for a connection nor is sent twice. */
export const HASTY: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_MS,
};
/** A worker waits for Redis as long as it takes: what it has to say is how a task ended. */
export const PATIENT: RedisOptions = { maxRetriesPerRequest: null };

/** Later, it connects again by itself, and logs when the connection was lost and is back. @throws StartError */
export async function connect(url: string, options: RedisOptions): Promise<Redis> {
  let connected = false;
  let problem: Error | undefined;
  const retryStrategy = (times: number) => (connected ? Math.min(50 * times, MAX_RECONNECT_MS) : null);
  const redis = new Redis(url, { ...options, lazyConnect: true, connectTimeout: CONNECT_MS, retryStrategy });
  redis.on('error', (error: Error) => {
    problem ??= error;
  });
  try {
    await redis.connect();
    expectUsable(await redis.info());
  } catch (error) {
    redis.disconnect();
    if (error instanceof StartError) throw error;
    throw new StartError(`Cannot use Redis at ${new URL(url).host}: ${reasonOf(problem ?? error)}`);
  }
  connected = true;
  // BullMQ makes another like it. A lazy one that loses its first connection counts as failed for good, though it connects.
  redis.options.lazyConnect = false;
  tellOutages(redis);
  return redis;
}

/** @throws StartError if Redis is too old, or may throw tasks away when its memory is full */
export function expectUsable(info: string): void {
  const fieldOf = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? 'nothing';
  const version = fieldOf('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  if (!(major > oldestMajor || (major === oldestMajor && minor >= oldestMinor))) {
    throw new StartError(`Expected Redis ${OLDEST.join('.')} or later, got ${version}`);
  }
  const policy = fieldOf('maxmemory_policy');
  if (policy === 'noeviction') return;
  throw new StartError(
    `Expected Redis to keep what it is given (maxmemory-policy noeviction), got ${policy}: it would throw tasks away`,
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

function tellOutages(redis: Redis): void {
  let away = false;
  redis.on('reconnecting', () => {
    if (!away) console.error('Redis is away');
    away = true;
  });
  redis.on('ready', () => {
    if (away) console.error('Redis is back');
    away = false;
  });
}
