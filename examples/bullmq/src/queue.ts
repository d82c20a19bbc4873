/**
 * BullMQ as a `Queue`: what one server asks of Redis. The contract is the core's `src/http/queue.ts`.
 *
 * An id is the number of this server among all that ever started, and a number of its own: nobody has to be asked for
 * one, and a task that is added once more, because Redis did not answer, is still the same task. A key is the id with
 * 128 bits that cannot be guessed; the job has the key for its id, so each server reads it.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue as BullQueue, type JobsOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import {
  type Accepted,
  ChannelClosedError,
  type DrainOptions,
  type DrainReport,
  Encoder,
  moduleOf,
  type Patience,
  type Queue,
  SendTimeoutError,
  type Task,
  type TaskModule,
  type TaskRecord,
  type TaskState,
} from './core.js';
import { FIELDS, fieldsOf, jobNameOf, recordOf, toText } from './job.js';
import { type Attempt, Line } from './line.js';
import { holdBound, isFull } from './room.js';
import { type Stopped, stopScript } from './stop.js';

/** So many servers may start, and each may take in 2^32 tasks. */
const MAX_SERVERS = 2 ** 21;
const IDS_PER_SERVER = 2 ** 32;
const MAX_LOOK_MS = 500;
const WITHDRAW_MS = 200;
const KEY = /^\d+-[\w-]{22}$/;

export interface EngineOptions {
  readonly name: string;
  /** What `defineTasks` returned. */
  readonly tasks: unknown;
  /** How many tasks may be accepted and not started, in all servers together. The same in each of them. */
  readonly capacity: number;
  /** How many tasks that succeeded are kept, and how many that failed or were cancelled. */
  readonly history: number;
  readonly maxBytes: number;
  /** How often a task may be started, by the name of its function. Default 1: at most once. More: at least once. */
  readonly attempts?: Readonly<Record<string, number>>;
}

/** Redis cannot be reached, or has not answered in time. */
export class QueueUnavailableError extends Error {
  override readonly name = 'QueueUnavailableError';
  readonly code = 'ERR_QUEUE_UNAVAILABLE';

  constructor(cause: unknown) {
    super('Redis has not answered', { cause });
  }
}

export class Engine implements Queue {
  readonly #redis: Redis;
  readonly #options: EngineOptions;
  readonly #module: TaskModule;
  readonly #bull: BullQueue;
  readonly #timeouts: ReadonlyMap<string, number>;
  readonly #encoder: Encoder;
  readonly #line = new Line();
  readonly #stop: (key: string) => Promise<Stopped>;
  /** Tasks that were refused, and of which Redis has not said whether it has them. */
  readonly #doubtful = new Set<string>();
  #problem: unknown;
  #nextId: number;
  #ending = false;
  #closed = false;
  readonly #closing = new AbortController();

  private constructor(
    redis: Redis,
    options: EngineOptions,
    module: TaskModule,
    bull: BullQueue,
    server: number,
  ) {
    this.#redis = redis;
    this.#options = options;
    this.#module = module;
    this.#bull = bull;
    this.#timeouts = new Map([...module.values()].map(({ name, timeout }) => [name, timeout]));
    this.#encoder = new Encoder(options.maxBytes);
    this.#stop = stopScript(redis, (key) => bull.toKey(key), options.history);
    this.#nextId = server * IDS_PER_SERVER;
  }

  /** @throws TypeError if `tasks` are none; Error if the bound cannot be held */
  static async open(redis: Redis, options: EngineOptions): Promise<Engine> {
    const module = moduleOf(options.tasks);
    if (module === undefined) throw new TypeError('Expected `tasks` to be made by defineTasks');
    const isHeld = holdBound(redis, options.capacity);
    const bull = new BullQueue(options.name, { connection: redis, skipWaitingForReady: true });
    bull.on('error', () => {}); // the connection tells
    await bull.waitUntilReady();
    if (!isHeld()) throw new Error('Expected bullmq to add jobs by the script that this example knows');
    const server = await redis.incr(bull.toKey('servers'));
    if (server >= MAX_SERVERS) throw new Error('Expected fewer servers to have started on this queue');
    return new Engine(redis, options, module, bull, server);
  }

  get ready(): boolean {
    return !this.#ending && this.#redis.status === 'ready';
  }

  /** Another server would not reach Redis either. */
  get failing(): boolean {
    return false;
  }

  get ending(): boolean {
    return this.#ending;
  }

  async enqueue(task: Task, { timeout, signal }: Patience): Promise<Accepted> {
    const add = this.#adding(task);
    if (this.#closed) throw new ChannelClosedError(task);
    signal.throwIfAborted();
    const key = `${this.#nextId++}-${randomBytes(16).toString('base64url')}`;
    let last: Attempt = 'full';
    let doubtful = false;
    let timestamp = 0;
    const attempt = async (): Promise<Attempt> => {
      timestamp = Date.now();
      last = await add(key, timestamp);
      doubtful ||= last === 'away';
      return last;
    };
    const accepted = (): Accepted => {
      const fields = { name: jobNameOf(task), timestamp: `${timestamp}` };
      return { key, record: recordOf(key, fields, this.#timeouts) };
    };
    const since = performance.now();
    if (this.#line.length === 0 && (await attempt()) === 'added') return accepted();
    try {
      if (this.#closed) throw new ChannelClosedError(task);
      const left = timeout - (performance.now() - since);
      await this.#line.wait(attempt, { timeout: left, signal }, () =>
        last === 'away' ? new QueueUnavailableError(this.#problem) : new SendTimeoutError(task, timeout),
      );
      return accepted();
    } catch (error) {
      if (doubtful) this.#withdraw(key);
      throw error;
    }
  }

  async read(key: string): Promise<TaskRecord | undefined> {
    if (!KEY.test(key)) return undefined;
    const fields = fieldsOf(await this.#ask(() => this.#redis.hmget(this.#bull.toKey(key), ...FIELDS)));
    return fields.name === undefined ? undefined : recordOf(key, fields, this.#timeouts);
  }

  async cancel(key: string): Promise<TaskState | undefined> {
    if (!KEY.test(key)) return undefined;
    const stopped = await this.#ask(() => this.#stop(key));
    if (stopped === 'queued' || stopped === 'running') return stopped;
    return stopped === 'ended' ? (await this.read(key))?.state : undefined;
  }

  /** Looks again and again, less and less often: that outlives any outage, and nobody has to send anything. */
  async ended(key: string): Promise<TaskRecord | undefined> {
    for (let pause = 10; ; pause = Math.min(2 * pause, MAX_LOOK_MS)) {
      try {
        const record = await this.read(key);
        if (record?.finished !== undefined || record === undefined) return record;
      } catch (error) {
        if (!(error instanceof QueueUnavailableError)) throw error;
      }
      await sleep(pause);
    }
  }

  /** Queued and running tasks are in Redis, and the workers go on with them: none needs this process. */
  async drain({ delay = 0 }: DrainOptions): Promise<DrainReport> {
    this.#ending = true;
    if (delay > 0) await sleep(delay, undefined, { signal: this.#closing.signal }).catch(() => {});
    this.#closed = true;
    this.#line.clear(() => new ChannelClosedError(undefined));
    return { finished: [], unfinished: [] };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.drain({});
  }

  atStake(): readonly TaskRecord[] {
    return [];
  }

  /** The way to add this task. @throws NotSendableError, TaskTooLargeError, TypeError */
  #adding(task: Task): (key: string, timestamp: number) => Promise<Attempt> {
    const { history, attempts } = this.#options;
    if (typeof task.fn === 'number' && this.#module.get(task.fn)?.kind !== task.kind) {
      throw new TypeError(`Expected a task of the queue's own tasks module, got ${jobNameOf(task)}`);
    }
    const data = toText(task, this.#encoder);
    const options: JobsOptions = {
      removeOnComplete: { count: history },
      removeOnFail: { count: history },
      attempts: attempts?.[task.name] ?? 1,
    };
    return async (jobId, timestamp) => {
      try {
        await this.#bull.add(jobNameOf(task), data, { ...options, jobId, timestamp });
        return 'added';
      } catch (error) {
        if (isFull(error)) return 'full';
        this.#problem = error;
        return 'away';
      }
    };
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw new QueueUnavailableError(error);
    }
  }

  /** The client was told that its task was not accepted. If Redis has it all the same, it is cancelled. */
  #withdraw(key: string): void {
    this.#doubtful.add(key);
    if (this.#doubtful.size === 1) void this.#withdrawAll();
  }

  async #withdrawAll(): Promise<void> {
    for (const key of this.#doubtful) {
      try {
        await this.cancel(key);
        this.#doubtful.delete(key);
      } catch {
        await sleep(WITHDRAW_MS, undefined, { ref: false });
      }
    }
    if (this.#doubtful.size > 0) return this.#withdrawAll();
  }
}
