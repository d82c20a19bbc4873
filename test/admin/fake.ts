/** A runtime without threads: each test says when its tasks start and end. Otherwise it answers as the real one does. */
import type { Watched } from '#admin';
import { BOUNDS_MS } from '#runtime';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Task = Mutable<ReturnType<Watched['runtime']['tasks']>[number]>;
type Stats = ReturnType<Watched['runtime']['stats']>;

export class FakeRuntime {
  ready = true;
  failing = false;
  ending = false;
  waiting = 0;
  /** How often somebody looked. */
  looks = 0;
  readonly #tasks: Task[] = [];
  /** The messages in the channel; a cancelled task keeps its place. */
  readonly #channel: Task[] = [];
  readonly #deaths: Stats['deaths'][number][] = [];

  tasks(): Task[] {
    return this.#tasks
      .slice(-1024)
      .map((task) => ({ ...task }))
      .reverse();
  }

  task(id?: number) {
    const task = this.#tasks[id ?? -1];
    if (task === undefined) return undefined;
    return { status: () => ({ ...task }), cancel: () => this.#cancel(task) };
  }

  stats(): Stats {
    this.looks += 1;
    const names = new Set(this.#tasks.filter(({ finished }) => finished).map(({ name }) => name));
    return {
      capacity: 32,
      queued: this.queued,
      waiting: this.waiting,
      running: this.#tasks.filter(({ state }) => state === 'running').map(({ id }) => id),
      ended: new Map([...names].map((name) => [name, this.#ended(name)])),
      restarts: this.#deaths.length,
      deaths: this.#deaths.slice(-10),
    };
  }

  get queued(): number {
    return this.#channel.length;
  }

  enqueue(name: string, fields: Partial<Task> = {}): number {
    const id = this.#tasks.length;
    const open = { started: undefined, finished: undefined, progress: undefined, deadline: undefined };
    const none = {
      requestId: undefined,
      outcome: undefined,
      omittedBytes: undefined,
      cancelRequested: false,
    };
    const task: Task = { id, name, kind: 'async', state: 'queued', enqueued: Date.now(), ...open, ...none };
    this.#tasks.push(Object.assign(task, fields));
    this.#channel.push(task);
    return id;
  }

  /** The worker receives tasks until one is not cancelled, and starts that one. */
  start(): number {
    let task = this.#channel.shift();
    while (task?.state === 'cancelled') task = this.#channel.shift();
    if (task === undefined) throw new Error('Expected a task in the queue');
    return Object.assign(task, { state: 'running', started: Date.now() }).id;
  }

  progress(id: number, progress: number): void {
    Object.assign(this.#tasks[id] ?? {}, { progress });
  }

  end(id: number, outcome?: unknown, state: Task['state'] = 'succeeded'): void {
    Object.assign(this.#tasks[id] ?? {}, { state, outcome, finished: Date.now() });
  }

  /** A task that has ended. */
  run(name: string, outcome?: unknown, state: Task['state'] = 'succeeded'): number {
    const id = this.enqueue(name);
    this.start();
    this.end(id, outcome, state);
    return id;
  }

  die(cause: string): void {
    this.#deaths.push({ time: Date.now(), cause, delay: 100 });
  }

  #cancel(task: Task): Task['state'] {
    const { state, id } = task;
    if (state === 'queued') this.end(id, undefined, 'cancelled');
    if (state === 'running') task.cancelRequested = true;
    return state;
  }

  #ended(name: string) {
    const tasks = this.#tasks.filter((task) => task.name === name && task.finished !== undefined);
    const started = tasks.filter((task) => task.started !== undefined);
    const count = (state: Task['state']) => tasks.filter((task) => task.state === state).length;
    return {
      succeeded: count('succeeded'),
      failed: count('failed'),
      cancelled: count('cancelled'),
      wait: histogram(started.map((task) => (task.started ?? 0) - task.enqueued)),
      run: histogram(started.map((task) => (task.finished ?? 0) - (task.started ?? 0))),
    };
  }
}

function histogram(times: readonly number[]) {
  const counts = [...BOUNDS_MS, Number.POSITIVE_INFINITY].map(() => 0);
  for (const ms of times) {
    const bucket = BOUNDS_MS.findIndex((bound) => ms <= bound);
    const at = bucket < 0 ? BOUNDS_MS.length : bucket;
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return { sum: times.reduce((sum, ms) => sum + ms, 0), counts };
}
