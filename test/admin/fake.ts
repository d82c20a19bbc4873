/** A runtime without threads: each test says when its tasks start and end. Otherwise it answers as the real one does. */
import assert from 'node:assert/strict';
import type { Death, FinalState, RuntimeStats, TaskRecord } from '#runtime';
import { Count } from '#runtime/counts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Task = Mutable<TaskRecord>;

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
  readonly #deaths: Death[] = [];
  readonly #ended = new Map<string, Count>();

  tasks(): Task[] {
    const last = this.#tasks.slice(-1024).reverse();
    return last.map((task) => ({ ...task }));
  }

  task(id?: number) {
    const task = this.#tasks[id ?? -1];
    if (task === undefined) return undefined;
    return { status: () => ({ ...task }), cancel: () => this.#cancel(task) };
  }

  stats(): RuntimeStats {
    this.looks += 1;
    const running = this.#tasks.filter(({ state }) => state === 'running').map(({ id }) => id);
    const deaths = { restarts: this.#deaths.length, deaths: this.#deaths.slice(-10) };
    const { queued, waiting } = this;
    return { capacity: 32, queued, waiting, running, ended: this.#ended, ...deaths };
  }

  get queued(): number {
    return this.#channel.length;
  }

  enqueue(name: string, fields: Partial<Task> = {}): number {
    const id = this.#tasks.length;
    const task: Task = {
      ...{ id, name, kind: 'async', state: 'queued', cancelRequested: false, enqueued: Date.now() },
      ...{ started: undefined, finished: undefined, progress: undefined, deadline: undefined },
      ...{ requestId: undefined, outcome: undefined, ...fields },
    };
    this.#tasks.push(task);
    this.#channel.push(task);
    return id;
  }

  /** The worker receives tasks until one is not cancelled, and starts that one. */
  start(): number {
    let task = this.#channel.shift();
    while (task?.state === 'cancelled') task = this.#channel.shift();
    assert.ok(task !== undefined);
    return Object.assign(task, { state: 'running', started: Date.now() }).id;
  }

  progress(id: number, progress: number): void {
    Object.assign(this.#tasks[id] ?? {}, { progress });
  }

  end(id: number, outcome?: unknown, state: FinalState = 'succeeded'): void {
    const task = this.#tasks[id];
    assert.ok(task !== undefined);
    const finished = Date.now();
    Object.assign(task, { state, outcome, finished });
    const count = this.#ended.get(task.name) ?? new Count();
    this.#ended.set(task.name, count);
    count.add(state, task.enqueued, task.started, finished);
  }

  /** A task that has ended. */
  run(name: string, outcome?: unknown, state?: FinalState): number {
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
}
