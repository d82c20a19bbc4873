/**
 * One logical thread: an event loop of its own, run step by step from outside.
 *
 * Code on it consists of generators (see `instrument.ts`). A `yield` means: stop here until the machine says go.
 */
import { Footprint, queueOf } from './footprint.js';

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
  readonly jobs: Job[] = [];
  readonly tasks: Job[] = [];
  /** For the end of this turn. */
  readonly immediates: Job[] = [];
  readonly timers: Timer[] = [];
  /** Waits in an `Atomics.wait`, at most until `until`. */
  parked = false;
  until = Number.POSITIVE_INFINITY;
  woken: 'ok' | 'timed-out' = 'ok';
  killed = false;
  finished = false;
  /** What `Date.now` says. */
  date = 0;
  /** May make its next `Atomics` call without asking. */
  granted = false;
  /** Two hashes of all that this thread has seen: its state follows from that. */
  seen1 = 0;
  seen2 = 0;
  /** Where to note what it touches. */
  footprint = new Footprint();
  /** See {@link promiseOf}. */
  promise: typeof LoopPromise | undefined;
  #running: Steps | undefined;

  constructor(index: number) {
    this.index = index;
  }

  get runnable(): boolean {
    if (this.killed || this.parked) return false;
    if (this.#running !== undefined || this.jobs.length > 0) return true;
    return this.tasks.length + this.immediates.length > 0;
  }

  /** Its `Atomics.wait` ends by itself. */
  get napping(): boolean {
    return this.parked && this.until < Number.POSITIVE_INFINITY;
  }

  /** In the middle of nothing: a timer could fire. */
  get idle(): boolean {
    return !this.killed && this.#running === undefined && this.jobs.length === 0;
  }

  /** Starts again with one thing to do. */
  reset(first: Job): void {
    for (const list of [this.jobs, this.tasks, this.immediates, this.timers]) list.length = 0;
    this.tasks.push(first);
    this.#running = undefined;
    this.parked = this.killed = this.finished = this.granted = false;
    this.seen1 = this.seen2 = this.index;
    this.date = 0;
  }

  /** Ends it on the spot; no `finally` runs. */
  kill(): void {
    this.reset(() => undefined);
    this.tasks.length = 0;
    this.killed = true;
  }

  see(value: number): void {
    this.seen1 = Math.imul(this.seen1 ^ value, 0x9e37_79b1) + 1;
    this.seen1 ^= this.seen1 >>> 15;
    this.seen2 = Math.imul(this.seen2 + value, 0x85eb_ca6b) ^ (this.seen2 >>> 13);
  }

  /** Settles a promise of its own, in a task. */
  settle(promise: LoopPromise, value: unknown): void {
    this.footprint.changes(queueOf(this.index));
    this.tasks.push(() => {
      this.see(1);
      promise.settle('resolved', value);
    });
  }

  /** Goes on until it has to stop, or has nothing left to do. */
  advance(): void {
    for (;;) {
      if (this.#running !== undefined) {
        if (this.#running.next().done !== true) return;
        this.#running = undefined;
      }
      if (this.jobs.length === 0) this.footprint.changes(queueOf(this.index));
      const job = this.jobs.shift() ?? this.tasks.shift() ?? this.immediates.shift();
      if (job === undefined) return;
      const made = job();
      if (made instanceof GeneratorObject) this.#running = made;
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
