/**
 * One thread of a worker: BullMQ hands out the jobs, and a channel and a runtime of the core run them. So deadlines,
 * cancelling, progress, a task that ends its thread are what they are in one process.
 */
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import {
  type Call,
  channel,
  Encoder,
  type Runtime,
  runTask,
  type Sender,
  startRuntime,
  Task,
  type TaskHandle,
  type TaskRecord,
} from './core.js';
import { fromText, partsOf, thrownToText, toText } from './job.js';
import { giveBackUnheard } from './unheard.js';

export interface LaneOptions {
  readonly name: string;
  readonly tasks: URL;
  /** How many async tasks may overlap. */
  readonly concurrency: number;
  readonly maxBytes: number;
  /** How long a task is still taken for running after the last sign of life of its worker, in milliseconds. */
  readonly lockMs: number;
}

/** How often to tell progress, and to look whether somebody asked a task to stop. */
const LOOK_MS = 200;

interface Run {
  readonly job: Job<string>;
  readonly handle: TaskHandle;
  progress: number | undefined;
}

export class Lane {
  readonly #redis: Redis;
  readonly #tx: Sender<Task>;
  readonly #runtime: Runtime;
  readonly #worker: Worker<string>;
  readonly #encoder: Encoder;
  readonly #runs = new Set<Run>();
  readonly #timer: NodeJS.Timeout;

  private constructor(redis: Redis, tx: Sender<Task>, runtime: Runtime, options: LaneOptions) {
    const { name, concurrency, maxBytes, lockMs } = options;
    this.#redis = redis;
    this.#tx = tx;
    this.#runtime = runtime;
    this.#encoder = new Encoder(maxBytes);
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#worker = new Worker<string>(name, (job) => this.#run(job), {
      connection: redis,
      concurrency,
      lockDuration: lockMs,
      lockRenewTime: lockMs / 6, // so 5/6 are left, for an outage and a busy machine
      stalledInterval: Math.ceil(lockMs / 4),
      maxStalledCount: 0, // a task whose worker is lost is not run again
    });
    this.#worker.on('error', tell);
    giveBackUnheard(redis, this.#worker);
  }

  /** @throws as `startRuntime` */
  static async start(redis: Redis, options: LaneOptions): Promise<Lane> {
    const { tasks, concurrency, maxBytes } = options;
    const [tx, rx] = channel<Task>(concurrency, { maxBytes });
    return new Lane(redis, tx, await startRuntime(rx, { tasks, concurrency }), options);
  }

  /** Takes no more tasks, and ends when those that run have, or after `timeout` ms, with them. */
  async drain(timeout: number): Promise<void> {
    const late = setTimeout(() => void this.#runtime.close(), timeout);
    await this.#worker.close();
    clearTimeout(late);
    clearInterval(this.#timer);
    await this.#runtime.close();
  }

  /** What BullMQ keeps as the job's result. @throws what it keeps as the reason of its failure */
  async #run(job: Job<string>): Promise<string | null> {
    if (job.attemptsStarted > 1) await this.#redis.hdel(this.#keyOf(job), 'state', 'outcome');
    let handle: TaskHandle;
    try {
      handle = await runTask(taskOf(job), this.#tx);
    } catch (error) {
      return this.#fail(job, 'failed', error);
    }
    const run: Run = { job, handle, progress: undefined };
    this.#runs.add(run);
    try {
      return await this.#end(job, await handle.ended());
    } finally {
      this.#runs.delete(run);
    }
  }

  async #end(job: Job<string>, { state, outcome }: TaskRecord): Promise<string | null> {
    if (state !== 'succeeded') return this.#fail(job, state, outcome);
    return outcome === undefined ? null : toText(outcome, this.#encoder);
  }

  /** Says first what became of the task, then that the job has failed: readers look at the first once the second is said. */
  async #fail(job: Job<string>, state: string, thrown: unknown): Promise<never> {
    const outcome = thrown === undefined ? {} : { outcome: thrownToText(thrown, this.#encoder) };
    await this.#redis.hset(this.#keyOf(job), { state, ...outcome });
    const reason = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : state;
    throw state === 'cancelled' ? new UnrecoverableError(reason) : new Error(reason);
  }

  #keyOf(job: Job<string>): string {
    return this.#worker.toKey(job.id ?? '');
  }

  /** What was missed because Redis is away is told, or seen, at the next look. */
  async #look(): Promise<void> {
    if (this.#redis.status !== 'ready') return;
    await Promise.all([...this.#runs].map((run) => this.#lookAt(run))).catch(() => {});
  }

  async #lookAt(run: Run): Promise<void> {
    if ((await this.#redis.hget(this.#keyOf(run.job), 'stop')) === '1') run.handle.cancel();
    const { progress } = run.handle.status();
    if (progress === undefined || progress === run.progress || !this.#runs.has(run)) return;
    run.progress = progress;
    await run.job.updateProgress(progress);
  }
}

/** A key says the same in each version of the tasks module: it follows from the name. */
function taskOf({ name, data }: Job<string>): Task {
  const { kind, fn, args } = fromText(data) as Call;
  return new Task(kind, fn, args, partsOf(name)[1]);
}

/** That Redis is away is told by its connection: such errors have a code of letters. BullMQ's own have a number, or none. */
function tell(error: Error & { code?: unknown }): void {
  if (typeof error.code !== 'string' && !/closed|timed out/i.test(error.message))
    console.error(error.message);
}
