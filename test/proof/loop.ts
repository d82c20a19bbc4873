/**
 * One logical thread: an event loop of its own, run step by step from outside.
 *
 * Code on it consists of generators (see `instrument.ts`). A `yield` means: stop here until the machine says go.
 */
import { Past } from './past.js';

export type Steps<T = unknown> = Generator<unknown, T, unknown>;

/** Something to do: what it returns is run to its end if it is a generator. */
export type Job = () => unknown;

const GeneratorPrototype: object = Object.getPrototypeOf(function* () {}).prototype;

/** `value instanceof GeneratorObject`: it was made by a generator function. */
export const GeneratorObject: { new (): Steps } = Object.assign((() => {}) as never, {
  prototype: GeneratorPrototype,
});

/** Runs `value` in place if it is a call of an instrumented function, else passes it on. */
export function* call<T>(value: T | Steps<T>): Steps<T> {
  return value instanceof GeneratorObject ? yield* value as Steps<T> : (value as T);
}

/** What an `await` yields. */
export class Await {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

export interface Timer {
  readonly at: number;
  readonly job: Job;
}

export class Thread {
  /** In the scenario that is being run. */
  name = '';
  readonly index: number;
  /** What it has seen. */
  past: Past;
  killed = false;
  finished = false;
  // The rest is its code's, and nobody else's.
  readonly jobs: Job[] = [];
  readonly tasks: Job[] = [];
  /** For the end of this turn. */
  readonly immediates: Job[] = [];
  readonly timers: Timer[] = [];
  /** Those that others may settle, by number. */
  readonly promises: LoopPromise[] = [];
  /** Waits in an `Atomics.wait`, at most until `until`. */
  parked = false;
  until = Number.POSITIVE_INFINITY;
  woken: 'ok' | 'timed-out' = 'ok';
  /** What `Date.now` says. */
  date = 0;
  /** How many of its async waits for room have not come back. */
  listening = 0;
  /** It gets ready: no need to stop anywhere. */
  preparing = false;
  /** See {@link promiseOf}. */
  promise: typeof LoopPromise | undefined;
  #running: Steps | undefined;

  constructor(index: number) {
    this.index = index;
    this.past = new Past(this);
  }

  get runnable(): boolean {
    if (this.parked) return false;
    if (this.#running !== undefined || this.jobs.length > 0) return true;
    return this.tasks.length + this.immediates.length > 0;
  }

  /** When what it waits for ends by itself: an `Atomics.wait`, or the time until the next timer fires. */
  get ends(): number {
    if (this.parked) return this.until;
    const isBusy = this.#running !== undefined || this.jobs.length > 0;
    return isBusy ? Number.POSITIVE_INFINITY : Math.min(...this.timers.map(({ at }) => at));
  }

  /** Starts again with one thing to do. */
  reset(first: Job): void {
    const { jobs, tasks, immediates, timers, promises } = this;
    for (const list of [jobs, tasks, immediates, timers, promises]) list.length = 0;
    this.tasks.push(first);
    this.#running = undefined;
    this.parked = false;
    this.listening = 0;
    this.date = 0;
  }

  /** A promise that others may settle. */
  promised(): LoopPromise {
    const promise = new (promiseOf(this))();
    this.promises.push(promise);
    return promise;
  }

  /** Settles the promise with that number, in a task. */
  settle(number: number, value: unknown): void {
    this.tasks.push(() => this.promises[number]?.settle('resolved', value));
  }

  /** Its `Atomics.wait` ends. */
  wake(woken: 'ok' | 'timed-out'): void {
    this.parked = false;
    this.woken = woken;
  }

  /** The next timer fires. */
  fire(): void {
    const timer = this.timers.reduce((first, other) => (other.at < first.at ? other : first));
    this.timers.splice(this.timers.indexOf(timer), 1);
    this.tasks.unshift(timer.job);
  }

  /** Stands still, free of charge: others may go on. */
  *pause(): Steps<void> {
    yield* call(this.past.stop(undefined));
  }

  /** Goes on until it has to stop, or has nothing left to do. */
  advance(): void {
    for (;;) {
      if (this.#running !== undefined) {
        if (this.#running.next().done !== true) return;
        this.#running = undefined;
      }
      const job = this.jobs.shift() ?? this.tasks.shift() ?? this.immediates.shift();
      if (job !== undefined) {
        const made = job();
        if (made instanceof GeneratorObject) this.#running = made;
      } else if (!this.past.rest()) return;
    }
  }
}

type Settled = (value: unknown) => unknown;

/** The `Promise` of one thread's loop: as much of it as the channel uses. Reactions run as jobs. */
export function promiseOf(thread: Thread): typeof LoopPromise {
  thread.promise ??= class extends LoopPromise {
    override readonly thread = thread;
    static override resolve(value?: unknown): LoopPromise {
      if (value instanceof LoopPromise) return value;
      const promise = new this();
      promise.settle('resolved', value);
      return promise;
    }
    static override reject(error: unknown): LoopPromise {
      const promise = new this();
      promise.settle('rejected', error);
      return promise;
    }
  };
  return thread.promise;
}

export class LoopPromise {
  readonly thread: Thread | undefined = undefined;
  #state: 'pending' | 'resolved' | 'rejected' = 'pending';
  #value: unknown;
  #reactions: (() => void)[] = [];

  static resolve(_value?: unknown): LoopPromise {
    throw new TypeError('Expected the promise of a thread');
  }

  static reject(_error: unknown): LoopPromise {
    throw new TypeError('Expected the promise of a thread');
  }

  /** What the constructor of an instrumented class does. */
  *$construct(executor: (resolve: Settled, reject: Settled) => unknown): Steps<this> {
    yield* call(
      executor(
        (value) => this.settle('resolved', value),
        (error) => this.settle('rejected', error),
      ),
    );
    return this;
  }

  settle(state: 'resolved' | 'rejected', value: unknown): void {
    if (this.#state !== 'pending') return;
    if (value instanceof LoopPromise) throw new TypeError('Adopting a promise is not supported');
    this.#state = state;
    this.#value = value;
    for (const reaction of this.#reactions) reaction();
  }

  /** Returns nothing: chains are not supported. A rejection nobody handles is an error of the thread. */
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what it is
  then(resolved: Settled, rejected: Settled = rethrow): void {
    const react = (): void => {
      const how = this.#state === 'resolved' ? resolved : rejected;
      this.thread?.jobs.push(() => how(this.#value));
    };
    if (this.#state === 'pending') this.#reactions.push(react);
    else react();
  }
}

function rethrow(error: unknown): never {
  throw error;
}

/** Runs the body of an async function up to its first `await`; the rest follows as jobs. */
export function* runAsync(kind: typeof LoopPromise, body: Steps): Steps<LoopPromise> {
  const result = new kind();
  yield* resume(kind, result, body, () => body.next());
  return result;
}

function* resume(
  kind: typeof LoopPromise,
  result: LoopPromise,
  body: Steps,
  enter: () => IteratorResult<unknown, unknown>,
): Steps<void> {
  try {
    let step = enter();
    while (step.done !== true && !(step.value instanceof Await)) {
      yield step.value;
      step = body.next();
    }
    if (step.done === true) return result.settle('resolved', step.value);
    const { value } = step.value as Await;
    kind.resolve(value).then(
      (settled) => resume(kind, result, body, () => body.next(settled)),
      (error) => resume(kind, result, body, () => body.throw(error)),
    );
  } catch (error) {
    result.settle('rejected', error);
  }
}
