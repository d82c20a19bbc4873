/** Tasks as resources: accepted with 202, seen (GET) and cancelled (DELETE) at a URL of their own. And health. */
import { addFields } from '../log/index.js';
import type { TaskRecord } from '../runtime/index.js';
import type { Task } from '../task/index.js';
import { type Answer, json, LATER, Problem, text } from './answer.js';
import { goneSignal, requestIdOf } from './body.js';
import type { Accepted, Queue } from './queue.js';
import type { Exchange, Routes } from './router.js';

/** How long a request waits for room in the queue before it is answered 503. */
const ENQUEUE_MS = 1000;

/** A task that is in the queue. `answer`: 202, with the URL. */
export type Started = Accepted & { readonly answer: Answer };

export class TaskResource {
  readonly #queue: Queue;
  readonly #tasks: string;

  /** `basePath`: where the public reaches the server, as `basePathFrom` returns it. */
  constructor(queue: Queue, basePath = '') {
    this.#queue = queue;
    this.#tasks = `${basePath}/tasks/`;
  }

  get ending(): boolean {
    return this.#queue.ending;
  }

  /** Puts the task into the queue. A client that goes away while it waits for room queues nothing. */
  async accept({ request }: Exchange, task: Task): Promise<Started> {
    const [signal, requestId] = [goneSignal(request.socket), requestIdOf(request)];
    const { key, record } = await this.#queue.enqueue(task, { timeout: ENQUEUE_MS, signal, requestId });
    addFields({ taskId: record.id, task: record.name });
    return { key, record, answer: text(202, 'task started', { location: this.#tasks + key, ...LATER }) };
  }

  async show(key: string): Promise<Answer> {
    return view(200, key, await this.#find(key));
  }

  async cancel(key: string): Promise<Answer> {
    const state = await this.#queue.cancel(key);
    const record = await this.#find(key);
    if (state !== 'queued' && state !== 'running') throw new Problem(409, `The task is over: ${state}`);
    return view(state === 'queued' ? 200 : 202, key, record);
  }

  health(part: 'alive' | 'ready'): Answer {
    if (part === 'alive' ? !this.#queue.failing : this.#queue.ready) return text(200, 'ok');
    throw new Problem(503, 'Draining, or tasks cannot be run', LATER);
  }

  async #find(key: string): Promise<TaskRecord> {
    const record = await this.#queue.read(key);
    if (record === undefined) throw new Problem(404, 'There is no such task, or it ended long ago');
    return record;
  }
}

const TIMES = ['enqueued', 'started', 'finished', 'deadline'] as const;

/** A task as its URL shows it, which ends with `key`. */
export function view(status: number, key: string, record: TaskRecord): Answer {
  const { id, name: task, outcome, ...facts } = record;
  const times = TIMES.map((time) => [time, record[time] && new Date(record[time])]);
  let end: object = outcome === undefined ? {} : { error: outcome };
  if (record.state === 'succeeded') end = { result: outcome };
  const shown = { id: key, task, ...facts, ...Object.fromEntries(times), ...end };
  return json(status, shown, record.finished === undefined ? LATER : {});
}

/** Part of any table of routes. */
export const taskRoutes: Routes<TaskResource> = {
  '/tasks/*': { GET: ({ rest }, tasks) => tasks.show(rest), DELETE: ({ rest }, tasks) => tasks.cancel(rest) },
  '/healthz': { GET: (_exchange, tasks) => tasks.health('alive') },
  '/readyz': { GET: (_exchange, tasks) => tasks.health('ready') },
};
