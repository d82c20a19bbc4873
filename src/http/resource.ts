/**
 * Tasks as resources: a task is accepted with 202 and has a URL, which tells what becomes of it (GET) and lets it be
 * cancelled (DELETE). And whether the server can run any at all.
 */
import { addFields, type Task, type TaskRecord } from '../runtime/index.js';
import { type Answer, json, text } from './answer.js';
import { goneSignal } from './gone.js';
import { toJson } from './json.js';
import { Problem } from './problem.js';
import type { Queue } from './queue.js';
import { requestIdOf } from './requestid.js';
import type { Exchange, Routes } from './router.js';
import { expectBasePath, TaskKeys } from './taskurl.js';

/** How long a request waits for room in the queue before it is answered 503. */
const ENQUEUE_MS = 1000;
/** When to ask again. */
const LATER = { 'retry-after': '1' };

export class TaskResource {
  readonly #queue: Queue;
  readonly #basePath: string;
  readonly #keys: TaskKeys;

  /**
   * Whoever has the same `secret` reads the same URLs. Without one, a process reads its own.
   *
   * @throws RangeError if `basePath` is not a path
   */
  constructor(queue: Queue, basePath = '', secret?: string) {
    this.#queue = queue;
    this.#keys = new TaskKeys(secret);
    this.#basePath = expectBasePath(basePath);
  }

  get ending(): boolean {
    return this.#queue.ending;
  }

  /** Puts the task into the queue, then answers. A client that goes away while it waits for room queues nothing. */
  async accept({ request }: Exchange, task: Task): Promise<Answer> {
    const requestId = requestIdOf(request);
    const options = { timeout: ENQUEUE_MS, signal: goneSignal(request.socket), requestId };
    const taskId = await this.#queue.enqueue(task, options);
    addFields({ taskId, task: this.#queue.nameOf({ fn: task.number }) });
    const key = this.#keys.keyOf(taskId);
    return text(202, 'task started', { location: `${this.#basePath}/tasks/${key}`, ...LATER });
  }

  async show(key: string): Promise<Answer> {
    return this.#view(200, key, await this.#find(key));
  }

  async cancel(key: string): Promise<Answer> {
    const { id } = await this.#find(key);
    const state = await this.#queue.cancel(id);
    if (state !== 'queued' && state !== 'running') {
      throw new Problem(409, `The task has already ${state ?? 'ended'}`);
    }
    return this.#view(state === 'queued' ? 200 : 202, key, await this.#find(key));
  }

  health(part: 'alive' | 'ready'): Answer {
    const good = part === 'alive' ? !this.#queue.failing : this.#queue.ready;
    if (!good) throw new Problem(503, 'Draining, or tasks cannot be run', LATER);
    return text(200, 'ok');
  }

  /** A wrong code, an unknown id and an expired record all look the same. */
  async #find(key: string): Promise<TaskRecord> {
    const id = this.#keys.idOf(key);
    const record = id === undefined ? undefined : await this.#queue.read(id);
    if (record === undefined) throw new Problem(404, 'There is no such task, or it ended long ago');
    return record;
  }

  #view(status: number, key: string, record: TaskRecord): Answer {
    const open = record.state === 'queued' || record.state === 'running';
    const view = {
      id: key,
      task: this.#queue.nameOf(record),
      kind: record.kind,
      state: record.state,
      cancelRequested: record.cancelRequested,
      progress: record.progress,
      enqueued: time(record.enqueued),
      started: time(record.started),
      finished: time(record.finished),
      ...outcome(record),
    };
    return json(status, view, open ? LATER : {});
  }
}

function time(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

function outcome({ state, outcome, omittedBytes }: TaskRecord): Record<string, unknown> {
  if (omittedBytes !== undefined) return { omittedBytes };
  if (state === 'succeeded') return { result: outcome };
  return outcome === undefined ? {} : { error: toJson(outcome, true) };
}

/** Part of any table of routes. */
export const taskRoutes: Routes<TaskResource> = {
  '/tasks/*': {
    GET: ({ rest }, tasks) => tasks.show(rest),
    DELETE: ({ rest }, tasks) => tasks.cancel(rest),
  },
  '/healthz': { GET: (_exchange, tasks) => tasks.health('alive') },
  '/readyz': { GET: (_exchange, tasks) => tasks.health('ready') },
};
