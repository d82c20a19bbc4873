/**
 * One thread of a worker: BullMQ hands out the jobs, and a queue and a runtime of the core run them. So deadlines,
 * cancelling, progress, a task that ends its thread are what they are in one process.
 */
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import {
  channel,
  type Patience,
  type Queue,
  queueOf,
  startRuntime,
  type Task,
  type TaskRecord,
} from './core.js';
import { partsOf, Values } from './job.js';

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
const PATIENT: Patience = { timeout: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

/** By name: builds a task of the module that is imported here. */
type Builders = Readonly<Record<string, (...args: readonly unknown[]) => Task>>;

interface Run {
  readonly job: Job<string>;
  readonly id: number;
  progress: number | undefined;
}

export class Lane {
  readonly #redis: Redis;
  readonly #local: Queue;
  readonly #builders: Builders;
  readonly #worker: Worker<string>;
  readonly #values = new Values();
  readonly #tasks: Values;
  readonly #runs = new Set<Run>();
  readonly #timer: NodeJS.Timeout;

  private constructor(redis: Redis, local: Queue, builders: Builders, options: LaneOptions) {
    const { name, concurrency, maxBytes, lockMs } = options;
    this.#redis = redis;
    this.#local = local;
    this.#builders = builders;
    this.#tasks = new Values(maxBytes);
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#worker = new Worker<string>(name, (job) => this.#run(job), {
      connection: redis,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: Math.ceil(lockMs / 4),
      maxStalledCount: 0, // a task whose worker is lost is not run again
    });
    this.#worker.on('error', tell);
  }

  /** @throws as `startRuntime` */
  static async start(redis: Redis, options: LaneOptions): Promise<Lane> {
    const { tasks, concurrency, maxBytes } = options;
    const [tx, rx] = channel<Task>(concurrency, { maxBytes });
    const runtime = await startRuntime(rx, { tasks, concurrency });
    const builders: Builders = (await import(tasks.href)).tasks;
    return new Lane(redis, queueOf(tx, runtime), builders, options);
  }

  /** Takes no more tasks, and ends when those that run have, or after `timeout` ms, with them. */
  async drain(timeout: number): Promise<void> {
    const late = setTimeout(() => void this.#local.close(), timeout);
    await this.#worker.close();
    clearTimeout(late);
    clearInterval(this.#timer);
    await this.#local.close();
  }

  /** What BullMQ keeps as the job's result. @throws what it keeps as the reason of its failure */
  async #run(job: Job<string>): Promise<string | null> {
    if (job.attemptsStarted > 1) await this.#redis.hdel(this.#keyOf(job), 'state', 'outcome', 'omitted');
    let id: number;
    try {
      id = await this.#local.enqueue(this.#taskOf(job), PATIENT);
    } catch (error) {
      return this.#fail(job, { state: 'failed', outcome: error, omittedBytes: undefined });
    }
    const run: Run = { job, id, progress: undefined };
    this.#runs.add(run);
    try {
      const record = await this.#local.finished(id);
      if (record === undefined)
        throw new Error('Expected the ledger to keep the record of a task that has just ended');
      return await this.#end(job, record);
    } finally {
      this.#runs.delete(run);
    }
  }

  /** @throws Error if this version of the tasks module has no such task */
  #taskOf(job: Job<string>): Task {
    const task = this.#tasks.fromText(job.data) as Task;
    if (typeof task.fn === 'string') return task;
    const [kind, name] = partsOf(job.name);
    const build = Object.hasOwn(this.#builders, name) ? this.#builders[name] : undefined;
    const built = build?.(...task.args);
    if (built?.kind === kind) return built;
    throw new Error(`Expected the tasks module of this worker to have ${kind} task ${name}`);
  }

  async #end(job: Job<string>, record: TaskRecord): Promise<string | null> {
    const { state, outcome, omittedBytes } = record;
    if (state !== 'succeeded') return this.#fail(job, record);
    if (omittedBytes !== undefined) await this.#redis.hset(this.#keyOf(job), 'omitted', omittedBytes);
    return outcome === undefined ? null : this.#values.toText(outcome);
  }

  /** Says first what became of the task, then that the job has failed: readers look at the first once the second is said. */
  async #fail(job: Job<string>, end: Pick<TaskRecord, 'state' | 'outcome' | 'omittedBytes'>): Promise<never> {
    const { state, outcome, omittedBytes } = end;
    const fields: Record<string, string | number> = { state };
    if (outcome !== undefined) fields['outcome'] = this.#values.toText(outcome);
    if (omittedBytes !== undefined) fields['omitted'] = omittedBytes;
    await this.#redis.hset(this.#keyOf(job), fields);
    const reason = outcome instanceof Error ? `${outcome.name}: ${outcome.message}` : state;
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
    if ((await this.#redis.hget(this.#keyOf(run.job), 'stop')) === '1') await this.#local.cancel(run.id);
    const progress = (await this.#local.read(run.id))?.progress;
    if (progress === undefined || progress === run.progress || !this.#runs.has(run)) return;
    run.progress = progress;
    await run.job.updateProgress(progress);
  }
}

/** That Redis is away is told by its connection: such errors have a code of letters. BullMQ's own have a number, or none. */
function tell(error: Error & { code?: unknown }): void {
  if (typeof error.code !== 'string' && !/closed|timed out/i.test(error.message))
    console.error(error.message);
}
