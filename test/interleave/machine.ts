/**
 * The machine: logical threads that share the memory of a channel, and perhaps of a ledger, and stop before every
 * `Atomics` call. A word's number is its index in the channel's memory; the ledger's words come behind those.
 *
 * `Atomics.wait`, `waitAsync` and `notify` are played here. Time passes only when a timer or a timed wait ends, and that
 * is a choice of the scheduler like any other; a wait of one slice (100 ms, repeated) never ends by itself, so a lost
 * wake-up cannot hide behind it.
 */
import { type LoopPromise, promiseOf, type Steps, type Thread, type Timer } from './loop.js';

/** What may happen next. */
export interface Choice {
  readonly kind: 'run' | 'kill' | 'timeout';
  readonly thread: Thread;
}

/** Decides what happens next. `current` is about to make a call and could go on. `undefined`: give this run up. */
export type Scheduler = (current: Thread | undefined) => Choice | undefined;

/** Told about every write, as soon as it is done. Returns what is wrong. */
export type Watch = (thread: Thread, at: number, before: number, now: number) => string | undefined;

export interface Step {
  readonly thread: string;
  readonly op: string;
  readonly at: number;
  readonly value: number;
}

interface Waiter {
  readonly thread: Thread;
  readonly at: number;
  readonly promise: LoopPromise | undefined;
}

type Effect = (words: Int32Array, at: number, a: number, b: number) => number;

const SLICE_MS = 100;

export class Machine {
  readonly words: Int32Array;
  /** Of the ledger. */
  readonly records: Int32Array;
  readonly threads: readonly Thread[];
  scheduler: Scheduler = () => undefined;
  watch: Watch = () => undefined;
  /** Asked when nobody can go on (`last`: and nothing ends by itself either). Returns what is wrong. */
  rest: (last: boolean) => string | undefined = () => undefined;
  /** A hash of the words that are accessed without `Atomics` and may be torn: see `Build`. */
  plain: () => number = () => 0;
  /** Words that only one thread ever touches: no need to stop there. */
  quiet: (at: number) => boolean = () => false;
  /** More than this is taken for an endless loop. */
  maxSteps = 5000;
  clock = 0;
  steps = 0;
  failure: string | undefined;
  /** The scheduler gave the run up. */
  abandoned = false;
  /** Every step, if asked for. */
  log: Step[] | undefined;
  /** Runs of one thread, `name` and number of calls; the schedule can be repeated from that. */
  segments: { choice: Choice; calls: number }[] = [];
  /** Two hashes of the words written by `Atomics`. */
  hash1 = 0;
  hash2 = 0;
  #next: Choice | undefined;
  #waiters: Waiter[] = [];
  readonly #happened = new Map<unknown, unknown>();
  readonly #expected = new Map<unknown, ((value: unknown) => void)[]>();

  constructor(channel: SharedArrayBuffer, ledger: SharedArrayBuffer, threads: readonly Thread[]) {
    this.words = new Int32Array(channel);
    this.records = new Int32Array(ledger);
    this.threads = threads;
  }

  reset(): void {
    this.clock = this.steps = this.hash1 = this.hash2 = 0;
    this.failure = this.#next = undefined;
    this.abandoned = false;
    this.segments = [];
    this.#waiters = [];
    this.#happened.clear();
    this.#expected.clear();
  }

  /** Runs until nobody can go on. */
  run(): void {
    this.#next = this.#choose(undefined);
    while (this.#next !== undefined && this.failure === undefined) {
      const { kind, thread } = this.#next;
      this.segments.push({ choice: this.#next, calls: 0 });
      this.#next = undefined;
      if (kind === 'kill') this.kill(thread);
      else {
        if (kind === 'timeout') this.#timeOut(thread);
        this.#advance(thread);
      }
      if (this.abandoned) return;
      this.#next ??= this.#choose(undefined);
    }
  }

  fail(what: string): void {
    this.failure ??= what;
  }

  #choose(current: Thread | undefined): Choice | undefined {
    if (current === undefined && !this.threads.some((thread) => thread.runnable)) {
      const last = !this.threads.some((thread) => this.expires(thread));
      const wrong = this.rest(last);
      if (wrong !== undefined) this.fail(wrong);
      if (last || wrong !== undefined) return undefined;
    }
    const choice = this.scheduler(current);
    this.abandoned = choice === undefined;
    return choice;
  }

  #advance(thread: Thread): void {
    thread.granted = true;
    try {
      thread.advance();
    } catch (error) {
      this.fail(`thread ${thread.name} threw ${error instanceof Error ? error.stack : String(error)}`);
    }
  }

  // ── Threads come and go ────────────────────────────────────────────────────────────────────────────────────────

  /** Ends a thread, now. */
  kill(thread: Thread): void {
    thread.kill();
    this.#waiters = this.#waiters.filter((waiter) => waiter.thread !== thread);
    this.happens(thread);
  }

  /** Tells all who wait for `what`: the exit of a thread, or whatever a scenario gives a name. */
  happens(what: unknown, value?: unknown): void {
    this.#happened.set(what, value);
    for (const tell of this.#expected.get(what) ?? []) tell(value);
  }

  /** Resolves, in `observer`, when `what` has happened. */
  after(what: unknown, observer: Thread): LoopPromise {
    const promise = new (promiseOf(observer))();
    const tell = (value: unknown): void => void observer.tasks.push(() => promise.settle('resolved', value));
    if (this.#happened.has(what)) tell(this.#happened.get(what));
    else this.#expected.set(what, [...(this.#expected.get(what) ?? []), tell]);
    return promise;
  }

  /** It waits for something that ends by itself. */
  expires(thread: Thread): boolean {
    if (thread.killed) return false;
    if (thread.parked) return thread.until !== Number.POSITIVE_INFINITY;
    return thread.idle && thread.timers.length > 0;
  }

  #timeOut(thread: Thread): void {
    if (thread.parked) {
      this.clock = Math.max(this.clock, thread.until);
      thread.parked = false;
      thread.woken = 'timed-out';
      this.#waiters = this.#waiters.filter((waiter) => waiter.thread !== thread || waiter.promise);
      return;
    }
    const timer = thread.timers.reduce((first, other) => (other.at < first.at ? other : first));
    thread.timers.splice(thread.timers.indexOf(timer), 1);
    this.clock = Math.max(this.clock, timer.at);
    thread.see(-1);
    thread.tasks.unshift(timer.job);
  }

  // ── Atomics ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** May `thread` make its next call now? If not, it has to yield, and makes it when it is resumed. */
  #passes(thread: Thread, at: number): boolean {
    if (thread.granted) {
      thread.granted = false;
      return true;
    }
    if (this.quiet(at)) return true;
    if (this.steps >= this.maxSteps) this.fail(`no end after ${this.maxSteps} steps`);
    if (this.failure !== undefined) return false;
    const next = this.#choose(thread);
    if (next?.thread === thread && next.kind === 'run') return true;
    this.#next = next;
    return false;
  }

  *#later(thread: Thread, op: string, at: number, effect: Effect, a: number, b: number): Steps<number> {
    yield;
    thread.granted = false;
    return this.#do(thread, op, at, effect, a, b);
  }

  #do(thread: Thread, op: string, at: number, effect: Effect, a: number, b: number): number {
    const isRecord = at >= this.words.length;
    const words = isRecord ? this.records : this.words;
    const index = isRecord ? at - this.words.length : at;
    const before = words[index] ?? 0;
    const result = effect(words, index, a, b);
    const now = words[index] ?? 0;
    this.steps += 1;
    const segment = this.segments.at(-1);
    if (segment !== undefined && !this.quiet(at)) segment.calls += 1;
    thread.see(result);
    this.log?.push({ thread: thread.name, op, at, value: op === 'load' ? result : now });
    if (now !== before) {
      this.hash1 += mix(at, now) - mix(at, before);
      this.hash2 += mix(now, at) - mix(before, at);
      const wrong = this.watch(thread, at, before, now);
      if (wrong !== undefined) this.fail(wrong);
    }
    return result;
  }

  /** The globals of one thread. */
  globals(thread: Thread): Record<string, unknown> {
    const number = ({ buffer }: Int32Array, index: number): number =>
      buffer === this.records.buffer ? this.words.length + index : index;
    const call = (op: string, effect: Effect) => (words: Int32Array, index: number, a: number, b: number) => {
      const at = number(words, index);
      return this.#passes(thread, at)
        ? this.#do(thread, op, at, effect, a, b)
        : this.#later(thread, op, at, effect, a, b);
    };
    return {
      Atomics: {
        load: call('load', (words, at) => Atomics.load(words, at)),
        store: call('store', (words, at, a) => Atomics.store(words, at, a)),
        add: call('add', (words, at, a) => Atomics.add(words, at, a)),
        and: call('and', (words, at, a) => Atomics.and(words, at, a)),
        or: call('or', (words, at, a) => Atomics.or(words, at, a)),
        exchange: call('exchange', (words, at, a) => Atomics.exchange(words, at, a)),
        compareExchange: call('compareExchange', (words, at, a, b) =>
          Atomics.compareExchange(words, at, a, b),
        ),
        plain: call('plain', () => this.plain()),
        notify: (words: Int32Array, index: number, count = Number.POSITIVE_INFINITY) => {
          const at = number(words, index);
          const effect = (): number => this.#notify(at, count);
          return this.#passes(thread, at)
            ? this.#do(thread, 'notify', at, effect, 0, 0)
            : this.#later(thread, 'notify', at, effect, 0, 0);
        },
        wait: (words: Int32Array, index: number, value: number, ms?: number) =>
          this.#wait(thread, number(words, index), value, ms),
        waitAsync: (words: Int32Array, index: number, value: number) =>
          this.#waitAsync(thread, number(words, index), value),
      },
      Promise: promiseOf(thread),
      MessageChannel: class {
        readonly port1 = { ref: nothing, unref: nothing };
      },
      performance: { now: () => this.clock },
      Date: { now: () => thread.date },
      setTimeout: (job: () => unknown, ms: number): Timer => {
        const timer = { at: this.clock + ms, job };
        thread.timers.push(timer);
        return timer;
      },
      clearTimeout: (timer: Timer | undefined): void => {
        const at = timer === undefined ? -1 : thread.timers.indexOf(timer);
        if (at >= 0) thread.timers.splice(at, 1);
      },
    };
  }

  #notify(at: number, count: number): number {
    const woken = this.#waiters.filter((waiter) => waiter.at === at).slice(0, count);
    for (const { thread, promise } of woken) {
      if (promise !== undefined) thread.tasks.push(() => promise.settle('resolved', 'ok'));
      else {
        thread.parked = false;
        thread.woken = 'ok';
      }
    }
    if (woken.length > 0) this.#waiters = this.#waiters.filter((waiter) => !woken.includes(waiter));
    return woken.length;
  }

  *#wait(thread: Thread, at: number, value: number, ms = Number.POSITIVE_INFINITY): Steps<string> {
    if (!this.#passes(thread, at)) yield;
    thread.granted = false;
    const there = this.#do(thread, 'wait', at, (words, index) => Atomics.load(words, index), 0, 0);
    if (there !== value) return 'not-equal';
    thread.parked = true;
    thread.until = ms < SLICE_MS ? this.clock + ms : Number.POSITIVE_INFINITY;
    this.#waiters.push({ thread, at, promise: undefined });
    yield;
    thread.see(thread.woken === 'ok' ? 1 : 2);
    return thread.woken;
  }

  *#waitAsync(thread: Thread, at: number, value: number): Steps<{ async: boolean; value: unknown }> {
    if (!this.#passes(thread, at)) yield;
    thread.granted = false;
    const there = this.#do(thread, 'waitAsync', at, (words, index) => Atomics.load(words, index), 0, 0);
    if (there !== value) return { async: false, value: 'not-equal' };
    const promise = new (promiseOf(thread))();
    this.#waiters.push({ thread, at, promise });
    return { async: true, value: promise };
  }
}

function nothing(): void {}

function mix(a: number, b: number): number {
  const h = Math.imul(a ^ Math.imul(b, 0x85eb_ca6b), 0x9e37_79b1);
  return h ^ (h >>> 15);
}
