/**
 * The machine: logical threads that share the memory of a channel, and perhaps of a ledger, and stop before every
 * `Atomics` call. A word's number is its index in the channel's memory; the ledger's words come behind those.
 *
 * `Atomics.wait`, `waitAsync` and `notify` are played here. Time passes only when a timer or a timed wait ends, and that
 * is a choice of the scheduler like any other; a wait of one slice (100 ms, repeated) never ends by itself, so a lost
 * wake-up cannot hide behind it.
 */
import { Events } from './events.js';
import { CLOCK, Footprint, PAYLOADS, queueOf, RECORDS } from './footprint.js';
import { type LoopPromise, promiseOf, type Steps, type Thread } from './loop.js';

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

export type Effect = (words: Int32Array, at: number, a: number, b: number) => number;

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
  /** 1 for words of which nobody cares what they are: no need to stop there. */
  readonly #quiet: Uint8Array;
  /** Threads get ready: no need to stop anywhere. */
  #preparing = true;
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
  /** What has been touched since the scheduler was asked last. */
  readonly footprint = new Footprint();
  #next: Choice | undefined;
  #waiters: Waiter[] = [];
  readonly #events = new Events();

  constructor(channel: SharedArrayBuffer, ledger: SharedArrayBuffer, threads: readonly Thread[]) {
    this.words = new Int32Array(channel);
    this.records = new Int32Array(ledger);
    this.threads = threads;
    this.#quiet = new Uint8Array(this.words.length + this.records.length);
  }

  quieten(quiet: (at: number) => boolean): void {
    for (let at = 0; at < this.#quiet.length; at++) this.#quiet[at] = quiet(at) ? 1 : 0;
  }

  isQuiet(at: number): boolean {
    return this.#quiet[at] === 1;
  }

  reset(): void {
    this.#preparing = true;
    for (const thread of this.threads) thread.footprint = this.footprint;
    this.clock = this.steps = this.hash1 = this.hash2 = 0;
    this.failure = this.#next = undefined;
    this.abandoned = false;
    this.segments = [];
    this.#waiters = [];
    this.#events.clear();
  }

  /** Runs until nobody can go on. */
  run(): void {
    this.#preparing = false;
    this.steps = 0;
    this.segments = [];
    if (this.log) this.log = [];
    this.footprint.clear();
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
    this.touchedByKill(thread, this.footprint);
    thread.kill();
    this.#waiters = this.#waiters.filter((waiter) => waiter.thread !== thread);
    this.happens(thread);
  }

  /** Notes what that touches. */
  touchedByKill(thread: Thread, footprint: Footprint): Footprint {
    for (const waiter of this.#waiters) if (waiter.thread === thread) footprint.changes(waiter.at);
    this.#events.touched(thread, footprint);
    return footprint;
  }

  /** Tells all who wait for `what`: the exit of a thread, or whatever a scenario gives a name. */
  happens(what: unknown, value?: unknown): void {
    this.#events.happens(what, value, this.footprint);
  }

  /** Resolves, in `observer`, when `what` has happened. */
  after(what: unknown, observer: Thread): LoopPromise {
    return this.#events.after(what, observer, this.footprint);
  }

  /** Who waits where. */
  waiting(into: (value: number) => void): void {
    for (const { thread, at } of this.#waiters) into(8 * at + thread.index);
  }

  /** It waits for something that ends by itself. */
  expires(thread: Thread): boolean {
    if (thread.killed) return false;
    if (thread.parked) return thread.until !== Number.POSITIVE_INFINITY;
    return thread.idle && thread.timers.length > 0;
  }

  #timeOut(thread: Thread): void {
    this.footprint.changes(CLOCK);
    this.footprint.changes(queueOf(thread.index));
    if (thread.parked) {
      for (const waiter of this.#waiters) if (waiter.thread === thread) this.footprint.changes(waiter.at);
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
    if (this.#preparing || this.#quiet[at] === 1) return true;
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
    if (!this.#preparing && this.#quiet[at] === 0) {
      if (segment !== undefined) segment.calls += 1;
      if (op === 'plain') this.footprint.changes(RECORDS);
      else if (now === before) this.footprint.reads(at);
      else this.footprint.changes(at);
    }
    thread.see(op === 'notify' ? 0 : result); // how many it has woken is nothing to anybody
    this.log?.push({ thread: thread.name, op, at, value: op === 'load' ? result : now });
    if (now !== before) {
      this.hash1 += mix(at, now) - mix(at, before);
      this.hash2 += mix(now, at) - mix(before, at);
      const wrong = this.watch(thread, at, before, now);
      if (wrong !== undefined) this.fail(wrong);
    }
    return result;
  }

  /** One call, in place of that of `Atomics`: its result, or steps that stop before it. */
  access(
    thread: Thread,
    op: string,
    words: Int32Array,
    index: number,
    effect: Effect,
    a: number,
    b: number,
  ): unknown {
    const at = this.#number(words, index);
    // Most of a wake-up of all: worth not to linger over.
    if (this.#quiet[at] === 1 && this.log === undefined) return effect(words, index, a, b);
    return this.#passes(thread, at)
      ? this.#do(thread, op, at, effect, a, b)
      : this.#later(thread, op, at, effect, a, b);
  }

  notify(thread: Thread, words: Int32Array, index: number, count = Number.POSITIVE_INFINITY): unknown {
    const at = this.#number(words, index);
    return this.access(thread, 'notify', words, index, () => this.#notify(at, count), 0, 0);
  }

  wait(thread: Thread, words: Int32Array, index: number, value: number, ms?: number): unknown {
    return this.#wait(thread, this.#number(words, index), value, ms);
  }

  waitAsync(thread: Thread, words: Int32Array, index: number, value: number): unknown {
    return this.#waitAsync(thread, this.#number(words, index), value);
  }

  /** A memory is about to be accessed without `Atomics`. */
  plainly({ buffer }: { readonly buffer: ArrayBufferLike }): void {
    if (buffer === this.words.buffer) this.footprint.changes(PAYLOADS);
    else if (buffer === this.records.buffer) this.footprint.changes(RECORDS);
  }

  #number({ buffer }: Int32Array, index: number): number {
    return buffer === this.records.buffer ? this.words.length + index : index;
  }

  #notify(at: number, count: number): number {
    const woken = this.#waiters.filter((waiter) => waiter.at === at).slice(0, count);
    for (const { thread, promise } of woken) {
      if (promise !== undefined) thread.settle(promise, 'ok');
      else {
        thread.parked = false;
        thread.woken = 'ok';
      }
    }
    if (woken.length > 0) {
      this.footprint.changes(at);
      this.#waiters = this.#waiters.filter((waiter) => !woken.includes(waiter));
    }
    return woken.length;
  }

  *#wait(thread: Thread, at: number, value: number, ms = Number.POSITIVE_INFINITY): Steps<string> {
    if (!this.#passes(thread, at)) yield;
    thread.granted = false;
    const there = this.#do(thread, 'wait', at, (words, index) => Atomics.load(words, index), 0, 0);
    if (there !== value) return 'not-equal';
    thread.parked = true;
    if (ms < SLICE_MS) this.footprint.reads(CLOCK);
    thread.until = ms < SLICE_MS ? this.clock + ms : Number.POSITIVE_INFINITY;
    this.footprint.changes(at);
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
    this.footprint.changes(at);
    this.#waiters.push({ thread, at, promise });
    return { async: true, value: promise };
  }
}

function mix(a: number, b: number): number {
  const h = Math.imul(a ^ Math.imul(b, 0x85eb_ca6b), 0x9e37_79b1);
  return h ^ (h >>> 15);
}
