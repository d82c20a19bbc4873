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
    const last = this.#tasks.slice(-1024).reverse();
    return last.map((task) => ({ ...task }));
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
    const task: Task = {
      ...{ id, name, kind: 'async', state: 'queued', cancelRequested: false, enqueued: Date.now() },
      ...{ started: undefined, finished: undefined, progress: undefined, deadline: undefined },
      ...{ requestId: undefined, outcome: undefined, omittedBytes: undefined },
      ...fields,
    };
    this.#tasks.push(task);
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
    const count = (state: Task['state']) => tasks.filter((task) => task.state === state).length;
    const times = tasks.flatMap(({ enqueued, started, finished = 0 }) =>
      started === undefined ? [] : [{ wait: started - enqueued, run: finished - started }],
    );
    return {
      ...{ succeeded: count('succeeded'), failed: count('failed'), cancelled: count('cancelled') },
      wait: histogram(times.map(({ wait }) => wait)),
      run: histogram(times.map(({ run }) => run)),
    };
  }
}

function histogram(times: readonly number[]) {
  const bounds = [...BOUNDS_MS, Number.POSITIVE_INFINITY];
  const upTo = (bound = -1) => times.filter((ms) => ms <= bound).length;
  const counts = bounds.map((bound, index) => upTo(bound) - upTo(bounds[index - 1]));
  return { sum: times.reduce((sum, ms) => sum + ms, 0), counts };
}
