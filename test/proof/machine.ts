/**
 * The machine: logical threads that share the memories of a scenario, and stop before every `Atomics` call (atomics.ts). A
 * word has one number, whichever memory it lies in (shared.ts).
 *
 * Time passes only when a timer or a timed wait ends, and that is a choice of the scheduler like any other.
 */
import { CALLS } from '#channel/memory';
import { type Happenings, happens, NOTHING, PENDING, settling } from './events.js';
import type { LoopPromise, Thread } from './loop.js';
import { DEAD, type Input, type Moment, type Seen } from './moment.js';
import { Shared } from './shared.js';

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

/** A choice that was made, and whether the thread made a call. */
interface Taken {
  readonly choice: Choice;
  /** The thread goes on where it was. */
  readonly goesOn: boolean;
  readonly calls: number;
}

export interface Waiter {
  readonly thread: Thread;
  readonly at: number;
  /** Of the promise that it waits with; `undefined`: its thread is parked. */
  readonly promise: number | undefined;
}

/** All that changes in a run, as it was at one moment. */
export interface Snapshot {
  readonly mark: number;
  readonly threads: readonly { readonly at: Moment; readonly killed: boolean; readonly finished: boolean }[];
  readonly clock: number;
  readonly steps: number;
  readonly waiters: readonly Waiter[];
  readonly happenings: Happenings;
  readonly taken: number;
}

/** What a word becomes. */
export type Change = (before: number, a: number, b: number) => number;

const OK: Input = { key: '! ok', apply: (thread) => thread.wake('ok') };
const TIMED_OUT: Input = { key: '! timed out', apply: (thread) => thread.wake('timed-out') };
const TIMER: Input = { key: '! timer', apply: (thread) => thread.fire() };

export class Machine {
  readonly shared: Shared;
  readonly words: Int32Array;
  readonly threads: readonly Thread[];
  watch: Watch = () => undefined;
  /** Asked when nobody can go on (`last`: and nothing ends by itself either). Returns what is wrong. */
  rest: (last: boolean) => string | undefined = () => undefined;
  /** 1 for words of which nobody cares what they are: no need to stop there. 2: nobody changes them, either. */
  readonly #quiet: Uint8Array;
  /** More than this is taken for an endless loop. */
  maxSteps = 5000;
  clock = 0;
  steps = 0;
  /** In all runs. */
  allSteps = 0;
  failure: string | undefined;
  /** Every step, if asked for. */
  log: Step[] | undefined;
  /** The choices of this run. */
  readonly taken: Taken[] = [];
  /** Told whom a notify has woken; nobody: others wait no more. */
  woke: (threads: readonly Thread[], at: number, by?: Thread) => void = () => {};
  /** Waits in which a sender looks by itself do end. */
  looks = false;
  #waiters: readonly Waiter[] = [];
  #happenings = NOTHING;

  constructor(memories: readonly SharedArrayBuffer[], threads: readonly Thread[]) {
    this.shared = new Shared(memories);
    this.words = this.shared.words;
    this.threads = threads;
    this.#quiet = new Uint8Array(this.words.length);
  }

  quieten(at: number, how: 'quiet' | 'constant'): void {
    this.#quiet[at] = how === 'quiet' ? 1 : 2;
  }

  isConstant(at: number): boolean {
    return this.#quiet[at] === 2;
  }

  isQuiet(at: number): boolean {
    return this.#quiet[at] !== 0;
  }

  // ── Runs ───────────────────────────────────────────────────────────────────────────────────────────────────────

  snapshot(): Snapshot {
    const { shared, clock, steps, taken } = this;
    return {
      mark: shared.mark,
      threads: this.threads.map(({ past: { at }, killed, finished }) => ({ at, killed, finished })),
      clock,
      steps,
      waiters: this.#waiters,
      happenings: this.#happenings,
      taken: taken.length,
    };
  }

  /** Back to where the machine was, in this run. */
  restore({ mark, threads, clock, steps, waiters, happenings, taken }: Snapshot): void {
    this.shared.takeBack(mark);
    for (let i = 0; i < threads.length; i++) {
      const thread = this.threads[i] as Thread;
      const { at, killed, finished } = threads[i] as Snapshot['threads'][number];
      thread.past.at = at;
      thread.killed = killed;
      thread.finished = finished;
    }
    this.clock = clock;
    this.steps = steps;
    this.#waiters = waiters;
    this.#happenings = happenings;
    this.taken.length = taken;
    this.failure = undefined;
  }

  /** Runs until nobody can go on. */
  run(scheduler: Scheduler): void {
    let current: Thread | undefined;
    while (!this.isOver(current)) {
      const choice = scheduler(current);
      if (choice === undefined) return;
      current = this.take(choice, current);
    }
  }

  /** It has failed; or nobody can go on, and nothing ends by itself, or something is wrong then. */
  isOver(current: Thread | undefined): boolean {
    if (this.failure !== undefined) return true;
    if (current !== undefined || this.threads.some(({ past }) => past.at.runnable)) return false;
    const last = !this.threads.some((thread) => this.expires(thread) || this.isDoomed(thread));
    const wrong = this.rest(last);
    if (wrong !== undefined) this.fail(wrong);
    return last || wrong !== undefined;
  }

  /** What is chosen happens. Returns the thread that did something and could go on. */
  take(choice: Choice, current: Thread | undefined): Thread | undefined {
    const { kind, thread } = choice;
    if (kind === 'kill') {
      this.kill(thread);
      this.taken.push({ choice, goesOn: false, calls: 0 });
      return undefined;
    }
    if (kind === 'timeout') this.#timeOut(thread);
    const goesOn = kind === 'run' && thread === current;
    const { past } = thread;
    if (past.at.effect === undefined) past.step();
    const calls = past.at.effect === undefined ? 0 : 1;
    if (calls > 0) past.step();
    this.taken.push({ choice, goesOn, calls });
    if (this.steps > this.maxSteps) this.fail(`no end after ${this.maxSteps} steps`);
    return past.at.effect === undefined ? undefined : thread;
  }

  fail(what: string): undefined {
    this.failure ??= what;
  }

  // ── Threads come and go ────────────────────────────────────────────────────────────────────────────────────────

  /** Ends a thread, now. */
  kill(thread: Thread): undefined {
    thread.killed = true;
    thread.past.at = DEAD;
    this.#waiters = this.#waiters.filter((waiter) => waiter.thread !== thread);
    this.woke([], -1);
    this.happens(thread, true);
  }

  /** It has come to its end. */
  finish(thread: Thread): undefined {
    thread.finished = true;
    this.happens(thread, false);
  }

  /** Another thread ends it: it may be killed at any time from now on, and is when nobody can go on. */
  doom(thread: Thread): undefined {
    if (!thread.killed && !thread.finished) this.happens(`the end of ${thread.name}`, true);
  }

  isDoomed(thread: Thread): boolean {
    return !thread.killed && !thread.finished && this.happened.has(`the end of ${thread.name}`);
  }

  /** Tells all who wait for `what`: the exit of a thread, or whatever a scenario gives a name. */
  happens(what: unknown, value: Seen): undefined {
    this.#happenings = happens(this.#happenings, what, value);
  }

  /** `observer` is to have the promise with that number settled when `what` happens; if it has happened: its value. */
  expects(what: unknown, observer: Thread, number: number): Seen {
    const { happened, expected } = this.#happenings;
    if (happened.has(what)) return happened.get(what);
    this.#happenings = { happened, expected: [...expected, { observer, what, number }] };
    return PENDING;
  }

  /** Resolves, in `thread`, when `what` has happened. Called by its code. */
  after(what: unknown, thread: Thread): LoopPromise {
    const number = thread.promises.length;
    const promise = thread.promised();
    const value = thread.past.ask(() => this.expects(what, thread, number));
    if (value !== PENDING) thread.settle(number, value);
    return promise;
  }

  get happened(): Happenings['happened'] {
    return this.#happenings.happened;
  }

  /** Who waits at that word: parked, or with a promise. */
  waitersAt(at: number): readonly Waiter[] {
    return this.#waiters.filter((waiter) => waiter.at === at);
  }

  /** It has waited ever since. */
  isWaiting(waiter: Waiter): boolean {
    return this.#waiters.includes(waiter);
  }

  /** Who waits where. */
  waiting(into: (value: number) => void): void {
    for (const { thread, at } of this.#waiters) into(8 * at + thread.index);
  }

  /** It waits for something that ends by itself. */
  expires(thread: Thread): boolean {
    return thread.past.at.ends !== Number.POSITIVE_INFINITY;
  }

  #timeOut(thread: Thread): void {
    const { at } = thread.past;
    this.clock = Math.max(this.clock, at.ends);
    if (at.parked)
      this.#waiters = this.#waiters.filter(
        (waiter) => waiter.thread !== thread || waiter.promise !== undefined,
      );
    this.woke([thread], CALLS);
    thread.past.give(at.parked ? TIMED_OUT : TIMER);
  }

  // ── Atomics ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** One call: changes the word, and returns what it was. */
  call(thread: Thread, op: string, at: number, change: Change, a = 0, b = 0): number {
    const { shared } = this;
    const before = shared.load(at);
    const now = change(before, a, b) | 0;
    this.steps += 1;
    this.allSteps += 1;
    this.log?.push({ thread: thread.name, op, at, value: now });
    if (now === before) return before;
    if (this.isConstant(at)) this.fail(`a word of a sender that nobody opened was changed: ${at}`);
    shared.store(at, now);
    const wrong = this.watch(thread, at, before, now);
    if (wrong !== undefined) this.fail(wrong);
    return before;
  }

  /** `thread` waits for a wake-up: with the promise of that number, or parked. */
  waits(thread: Thread, at: number, promise?: number): void {
    this.#waiters = [...this.#waiters, { thread, at, promise }];
  }

  /** The wait of that promise ends by itself. `false`: it was woken. */
  stopsWaiting(thread: Thread, promise: number): boolean {
    const rest = this.#waiters.filter((waiter) => waiter.thread !== thread || waiter.promise !== promise);
    if (rest.length === this.#waiters.length) return false;
    this.#waiters = rest;
    this.woke([thread], CALLS);
    return true;
  }

  /** Wakes who waits there. Returns how many, and the numbers of the promises of `thread` itself, which it settles. */
  wake(thread: Thread, at: number, count: number): string {
    const woken = this.#waiters.filter((waiter) => waiter.at === at).slice(0, count);
    if (woken.length === 0) return '0';
    this.#waiters = this.#waiters.filter((waiter) => !woken.includes(waiter));
    const own: (number | undefined)[] = [woken.length];
    for (const { thread: other, promise } of woken) {
      if (other === thread) own.push(promise);
      else other.past.give(promise === undefined ? OK : settling(promise, 'ok'));
    }
    this.woke(
      woken.map((waiter) => waiter.thread),
      at,
      thread,
    );
    return own.join(' ');
  }
}
