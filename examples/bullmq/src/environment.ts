/** What the environment says of servers and workers, checked. */
import { integerFrom, StartError } from './core.js';

type Environment = NodeJS.ProcessEnv;

/** What servers and workers of one queue have in common. */
export interface Place {
  readonly redis: string;
  readonly queue: string;
}

/** `REDIS_URL`, with user and password if there are any, and `QUEUE`, a name. @throws StartError */
export function placeFrom(env: Environment): Place {
  const redis = env['REDIS_URL'] || 'redis://127.0.0.1:6379';
  const queue = env['QUEUE'] || 'async-tasks';
  if (!URL.canParse(redis) || !/^rediss?:$/.test(new URL(redis).protocol)) {
    throw new StartError('Expected REDIS_URL to be a URL such as redis://user:password@host:6379/0');
  }
  if (/^[\w-]+$/.test(queue)) return { redis, queue };
  throw new StartError(`Expected QUEUE to be letters, digits, _ and -, got ${JSON.stringify(queue)}`);
}

/** @throws StartError unless it is a number from 1 to `max` */
export function countFrom(env: Environment, name: string, byDefault: number, max: number): number {
  const count = integerFrom(name, env[name] || `${byDefault}`, max);
  if (count > 0) return count;
  throw new StartError(`Expected ${name} to be a number from 1 to ${max}, got 0`);
}
