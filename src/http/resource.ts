/** Tasks as resources: accepted with 202, seen (GET) and cancelled (DELETE) at a URL of their own. And health. */
import { setTimeout as sleep } from 'node:timers/promises';
import { addFields } from '../log/index.js';
import type { TaskRecord } from '../runtime/index.js';
import type { Task } from '../task/index.js';
import { type Answer, json, LATER, Problem, text } from './answer.js';
import { goneSignal, requestIdOf } from './body.js';
import { toJson } from './json.js';
import type { Accepted, Queue } from './queue.js';
import type { Exchange, Routes } from './router.js';

/** How long a request waits for room in the queue before it is answered 503. */
const ENQUEUE_MS = 1000;
/** Where the public reaches the server: '' or, for example, `/api` behind a proxy that strips it. */
export const BASE_PATH: RegExp = /^(?:\/(?:[\w.~!$&'()*+,;=:@-]|%[\da-f]{2})+)*\/?$/i;

/** A task that is in the queue. `answer`: 202, with the URL. */
export type Started = Accepted & { readonly url: string; readonly answer: Answer };

export class TaskResource {
  readonly #queue: Queue;
  readonly #tasks: string;

  /** @throws RangeError if `basePath` is not a path */
  constructor(queue: Queue, basePath = '') {
    if (typeof basePath !== 'string' || !BASE_PATH.test(basePath)) {
      throw new RangeError(
        `Expected \`basePath\` to be a path such as /api, got ${JSON.stringify(basePath)}`,
      );
    }
    this.#queue = queue;
    this.#tasks = `${basePath.replace(/\/$/, '')}/tasks/`;
  }

  get ending(): boolean {
    return this.#queue.ending;
  }

  /** Puts the task into the queue. A client that goes away while it waits for room queues nothing. */
  async accept({ request }: Exchange, task: Task): Promise<Started> {
    const [signal, requestId] = [goneSignal(request.socket), requestIdOf(request)];
    const { key, record } = await this.#queue.enqueue(task, { timeout: ENQUEUE_MS, signal, requestId });
    addFields({ taskId: record.id, task: record.name });
    const url = this.#tasks + key;
    return { key, record, url, answer: text(202, 'task started', { location: url, ...LATER }) };
  }

  /** As `accept`, and waits: 200 and the task as GET shows it if it ends within `ms`, else the 202. */
  async answerWithin(exchange: Exchange, task: Task, ms: number): Promise<Answer> {
    const { key, url, answer } = await this.accept(exchange, task);
    const over = new AbortController();
    const late = sleep(ms, undefined, { signal: over.signal });
    const record = await Promise.race([this.#queue.ended(key), late]).catch(() => undefined); // accepted it is
    over.abort();
    return record === undefined ? answer : view(200, key, record, { location: url });
  }

  async show(key: string): Promise<Answer> {
    return view(200, key, await this.#find(key));
  }

  async cancel(key: string): Promise<Answer> {
    await this.#find(key);
    const state = await this.#queue.cancel(key);
    if (state === 'queued') return view(200, key, await this.#find(key));
    if (state === 'running') return view(202, key, await this.#find(key));
    throw new Problem(409, `The task has already ${state ?? 'ended'}`);
  }

  health(part: 'alive' | 'ready'): Answer {
    if (part === 'alive' ? !this.#queue.failing : this.#queue.ready) return text(200, 'ok');
    throw new Problem(503, 'Draining, or tasks cannot be run', LATER);
  }

  async #find(key: string): Promise<TaskRecord> {
    const record = await this.#queue.read(key);
    if (record !== undefined) return record;
    throw new Problem(404, 'There is no such task, or it ended long ago');
  }
}

function view(status: number, key: string, record: TaskRecord, headers: Answer['headers'] = {}): Answer {
  const { name: task, kind, state, cancelRequested, progress, outcome, omittedBytes } = record;
  const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms));
  const [enqueued, started, finished] = [record.enqueued, record.started, record.finished].map(time);
  let end: object = outcome === undefined ? {} : { error: toJson(outcome, true) };
  if (state === 'succeeded') end = { result: outcome };
  if (omittedBytes !== undefined) end = { omittedBytes };
  const times = { enqueued, started, finished };
  const shown = { id: key, task, kind, state, cancelRequested, progress, ...times, ...end };
  return json(status, shown, finished === undefined ? LATER : headers);
}

/** Part of any table of routes. */
export const taskRoutes: Routes<TaskResource> = {
  '/tasks/*': { GET: ({ rest }, tasks) => tasks.show(rest), DELETE: ({ rest }, tasks) => tasks.cancel(rest) },
  '/healthz': { GET: (_exchange, tasks) => tasks.health('alive') },
  '/readyz': { GET: (_exchange, tasks) => tasks.health('ready') },
};
