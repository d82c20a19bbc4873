/**
 * The machine: logical threads that share the memories of a scenario, and stop before every `Atomics` call (realm.ts). A
 * word has one number, whichever memory it lies in (shared.ts).
 *
 * Time passes only when a timer or a timed wait ends, and that is a choice of the scheduler like any other.
 */
import { CALLS } from '#channel/memory';
import { Shared } from './shared.js';
import { DEAD, type Moment, type Seen, settling, type Thread, TIMER, waking } from './thread.js';

/** What may happen next. */
export interface Choice {
  readonly kind: 'run' | 'kill' | 'timeout';
  readonly thread: Thread;
}

/** A call; or what has happened to a thread. */
export interface Step {
  readonly thread: string;
  readonly op: string;
  readonly at: number;
  readonly value: number;
}

export interface Waiter {
  readonly thread: Thread;
  readonly at: number;
  /** Of the promise that it waits with; `undefined`: its thread is parked. */
  readonly promise: number | undefined;
}

/** Told about every write, as soon as it is done. Returns what is wrong. */
export type Watch = (thread: Thread, at: number, before: number, now: number) => string | undefined;

/** What threads wait for besides words. Replaced, never changed. */
interface Happenings {
  readonly happened: ReadonlyMap<unknown, Seen>;
  readonly expected: readonly {
    readonly observer: Thread;
    readonly what: unknown;
    readonly number: number;
  }[];
}

const PENDING = 'pending';

/** All that changes in a run, as it was at one moment. */
export interface Snapshot {
  readonly mark: number;
  readonly threads: readonly Moment[];
  readonly clock: number;
  readonly waiters: readonly Waiter[];
  readonly happenings: Happenings;
  readonly known: readonly object[];
  readonly steps: number;
}

/** What a word becomes. */
export type Change = (before: number, a: number, b: number) => number;

/** More steps than this are taken for an endless loop. */
const MAX_STEPS = 5000;

export class Machine {
  readonly shared: Shared;
  readonly threads: readonly Thread[];
  /** What they know changes with each run. */
  checks: readonly { state: object }[] = [];
  watch: Watch = () => undefined;
  /** Asked when nobody can go on (`last`: and nothing ends by itself either). Returns what is wrong. */
  rest: (last: boolean) => string | undefined = () => undefined;
  /** Told whom a notify has woken; nobody: others wait no more. */
  woke: (threads: readonly Thread[], at: number, by?: Thread) => void = () => {};
  /** Waits in which a sender looks by itself do end. */
  looks = false;
  clock = 0;
  failure: string | undefined;
  /** Every step of this run. */
  readonly steps: Step[] = [];
  #waiters: readonly Waiter[] = [];
  #happenings: Happenings = { happened: new Map(), expected: [] };

  constructor(memories: readonly SharedArrayBuffer[], threads: readonly Thread[]) {
    this.shared = new Shared(memories);
    this.threads = threads;
  }

  // ── Runs ───────────────────────────────────────────────────────────────────────────────────────────────────────

  snapshot(): Snapshot {
    return {
      mark: this.shared.mark,
      threads: this.threads.map(({ at }) => at),
      clock: this.clock,
      waiters: this.#waiters,
      happenings: this.#happenings,
      known: this.checks.map(({ state }) => state),
      steps: this.steps.length,
    };
  }

  /** Back to where the machine was, in this run. */
  restore({ mark, threads, clock, waiters, happenings, known, steps }: Snapshot): void {
    this.shared.takeBack(mark);
    for (const thread of this.threads) thread.at = threads[thread.index] ?? DEAD;
    this.clock = clock;
    this.#waiters = waiters;
    this.#happenings = happenings;
    for (const [i, check] of this.checks.entries()) check.state = known[i] ?? check.state;
    this.steps.length = steps;
    this.failure = undefined;
  }

  /** It has failed; or nobody can go on, and nothing ends by itself, or something is wrong then. */
  isOver(current: Thread | undefined): boolean {
    if (this.failure !== undefined) return true;
    if (current !== undefined || this.threads.some(({ at }) => at.stand.runnable)) return false;
    const last = !this.threads.some((thread) => thread.at.stand.due.length > 0 || this.isDoomed(thread));
    const wrong = this.rest(last);
    if (wrong !== undefined) this.fail(wrong);
    return last || wrong !== undefined;
  }

  /** What is chosen happens. */
  take({ kind, thread }: Choice): Promise<void> | undefined {
    if (kind === 'kill') this.kill(thread);
    if (kind === 'timeout') this.#timeOut(thread);
    const goesOn = kind !== 'kill' && thread.at.effect === undefined ? thread.step() : undefined;
    return goesOn === undefined ? this.#call(thread) : goesOn.then(() => this.#call(thread));
  }

  #call(thread: Thread): Promise<void> | undefined {
    if (this.steps.length > MAX_STEPS) this.fail(`no end after ${MAX_STEPS} steps`);
    return thread.at.effect === undefined ? undefined : thread.step();
  }

  fail(what: string): undefined {
    this.failure ??= what;
  }

  // ── Threads come and go ────────────────────────────────────────────────────────────────────────────────────────

  /** Ends a thread, now. */
  kill(thread: Thread): void {
    this.steps.push({ thread: thread.name, op: 'is killed', at: -1, value: 0 });
    thread.at = DEAD;
    this.#waiters = this.#waiters.filter((waiter) => waiter.thread !== thread);
    this.woke([], -1);
    this.happens(thread, true);
  }

  /** Another thread ends it: it may be killed at any time from now on, and is when nobody can go on. */
  doom(thread: Thread): undefined {
    this.happens(`the end of ${thread.name}`, true);
  }

  isDoomed(thread: Thread): boolean {
    return !this.happened.has(thread) && this.happened.has(`the end of ${thread.name}`);
  }

  /** Tells all who wait for `what`: the end of a thread (`true`: it was killed), or what a scenario gives a name. */
  happens(what: unknown, value: Seen): undefined {
    const { happened, expected } = this.#happenings;
    for (const { observer, number } of expected.filter((each) => each.what === what))
      observer.give(settling(number, value));
    this.#happenings = {
      happened: new Map([...happened, [what, value]]),
      expected: expected.filter((each) => each.what !== what),
    };
  }

  /** Resolves, in `thread`, when `what` has happened. Called by its code. */
  after(what: unknown, thread: Thread): Promise<Seen> {
    const number = thread.promises.length;
    const promise = thread.promised();
    const value = thread.ask(() => {
      const { happened, expected } = this.#happenings;
      if (happened.has(what)) return happened.get(what);
      this.#happenings = { happened, expected: [...expected, { observer: thread, what, number }] };
      return PENDING;
    });
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

  #timeOut(thread: Thread): void {
    const { parked, due } = thread.at.stand;
    this.steps.push({ thread: thread.name, op: 'waits no more', at: -1, value: 0 });
    this.clock = Math.max(this.clock, Math.min(...due));
    if (parked) this.stopsWaiting(thread, undefined);
    else this.woke([thread], CALLS);
    thread.give(parked ? waking('timed-out') : TIMER);
  }

  // ── Atomics ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** One call: changes the word, and returns what it was. */
  call(thread: Thread, op: string, at: number, change: Change, a = 0, b = 0): number {
    const { shared } = this;
    const before = shared.load(at);
    const now = change(before, a, b) | 0;
    this.steps.push({ thread: thread.name, op, at, value: now });
    if (now === before) return before;
    shared.store(at, now);
    const wrong = this.watch(thread, at, before, now);
    if (wrong !== undefined) this.fail(wrong);
    return before;
  }

  /** `thread` waits for a wake-up: with the promise of that number, or parked. */
  waits(thread: Thread, at: number, promise?: number): void {
    this.#waiters = [...this.#waiters, { thread, at, promise }];
  }

  /** That wait ends by itself. `false`: it was woken. */
  stopsWaiting(thread: Thread, promise: number | undefined): boolean {
    const rest = this.#waiters.filter((waiter) => waiter.thread !== thread || waiter.promise !== promise);
    if (rest.length === this.#waiters.length) return false;
    this.#waiters = rest;
    this.woke([thread], CALLS);
    return true;
  }

  /** Wakes who waits there. Returns how many, and the numbers of the promises of `thread` itself, which it settles. */
  wake(thread: Thread, at: number, count: number): string {
    const woken = this.waitersAt(at).slice(0, count);
    if (woken.length === 0) return '0';
    this.#waiters = this.#waiters.filter((waiter) => !woken.includes(waiter));
    const own: (number | undefined)[] = [woken.length];
    for (const { thread: other, promise } of woken) {
      if (other === thread) own.push(promise);
      else other.give(promise === undefined ? waking('ok') : settling(promise, 'ok'));
    }
    const threads = woken.map((waiter) => waiter.thread);
    this.woke(threads, at, thread);
    return own.join(' ');
  }
}
