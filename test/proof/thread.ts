/**
 * One logical thread, as a tree of *moments*.
 *
 * All that a thread does follows from what it has seen: the answers to what it asked for (a word, a check of the witness),
 * and what has happened to it (a wake-up, a timer). So each of its steps is computed once, in all runs, and looked up
 * afterwards: what the thread asks for at a moment, and where each answer leads. Whatever it does to the world it does in an
 * {@link Effect}, which can be done again without the thread.
 *
 * If an answer is new, the thread's code is run: from its beginning, with the old answers, on the event loop of the process,
 * one task after the other. Where it asks for more it is left by a throw. Before that it goes on for a while as if nobody
 * else did: these steps are computed ahead, and what they do is undone.
 */
import type { Actor } from './actor.js';

export type Seen = number | string | boolean | undefined;

/** Asks or changes something outside of the thread. Does not depend on anything of the thread that may change later. */
export type Effect = () => Seen;

/** Something that happens to a thread that stands still. */
export interface Input {
  /** What it is; no answer is the same. */
  readonly key: `! ${string}`;
  /** What becomes of a moment. */
  readonly changes: (moment: Moment) => Stand;
  /** What becomes of the running code. */
  readonly apply: (thread: Thread) => void;
}

/** How a thread stands. `due`: when what it waits for ends by itself, a timed wait or its timers. */
interface Stand {
  readonly runnable: boolean;
  /** In an `Atomics.wait`. */
  readonly parked: boolean;
  readonly due: readonly number[];
}

const BUSY: Stand = { runnable: true, parked: false, due: [] };

/** A place in the tree. */
export class Moment {
  /** Where it was, and what it saw there: `undefined` at the first moment. */
  readonly before: Moment | undefined;
  readonly seen: Seen | Input;
  /** What comes next; `undefined` while it waits, or stands still for others to go on. */
  readonly effect: Effect | undefined;
  /** Others may go on before. */
  readonly stops: boolean;
  readonly stand: Stand;
  /** Two hashes of all that has been seen until now. */
  readonly hash1: number;
  readonly hash2: number;
  /** What was seen first here, and where it led to. Most moments have nothing else. */
  #seen: Seen;
  #next: Moment | undefined;
  #others: Map<Seen, Moment> | undefined;

  constructor(
    before: Moment | undefined,
    seen: Seen | Input,
    effect?: Effect,
    stops = true,
    stand: Stand = BUSY,
  ) {
    this.before = before;
    this.seen = seen;
    this.effect = effect;
    this.stops = stops;
    this.stand = stand;
    const key = typeof seen === 'object' ? seen.key : seen;
    let [a, b] = [before?.hash1 ?? 1, before?.hash2 ?? 1];
    const text = String(key);
    for (let i = 0; i <= text.length; i++) {
      const letter = text.charCodeAt(i) | 0; // 0 at the end
      a = Math.imul(a ^ letter, 0x0100_0193);
      b = (Math.imul(b, 0x9e37_79b1) + letter) | 0;
    }
    [this.hash1, this.hash2] = [a, b];
    if (before !== undefined) before.#leadsTo(this, key);
  }

  #leadsTo(next: Moment, seen: Seen): void {
    if (this.#next === undefined) [this.#seen, this.#next] = [seen, next];
    else {
      this.#others ??= new Map();
      this.#others.set(seen, next);
    }
  }

  /** `undefined`: that was never seen here. */
  after(seen: Seen): Moment | undefined {
    return seen === this.#seen ? this.#next : this.#others?.get(seen);
  }
}

/** Of a thread that was killed. */
export const DEAD: Moment = new Moment(undefined, 'dead', undefined, true, { ...BUSY, runnable: false });

/** Leaves the code of a thread. */
const STOP = new Error('The code of a thread has to stop here');
/** So many steps are computed ahead. */
const MOST_AHEAD = 200;

type Link = Pick<Moment, 'before' | 'seen'>;
type Job = () => unknown;
export interface Timer {
  readonly at: number;
  readonly job: Job;
}

export class Thread {
  readonly name: string;
  readonly index: number;
  /** Runs its code. */
  actor: Actor | undefined;
  /** Where it is now. */
  at: Moment = DEAD;
  // The rest is its code's, and nobody else's.
  readonly tasks: Job[] = [];
  /** For the end of this turn. */
  readonly immediates: Job[] = [];
  readonly timers: Timer[] = [];
  /** Settle those of its promises that others may settle, by number. */
  readonly promises: ((value: Seen) => void)[] = [];
  /** How its last `Atomics.wait` has ended. */
  woken: 'ok' | 'timed-out' = 'ok';
  /** How many of its async waits for room have not come back. */
  listening = 0;
  #preparing = false;
  /** What the code has to see again, and how much of that it has seen. */
  #script: Link[] = [];
  #had = 0;
  /** Where the code was, and what it saw, before what it asks for next. */
  #before: Moment | undefined;
  #seen: Seen;
  /** The next stop; and what undoes the steps after that. */
  #arrived: Moment | undefined;
  #undo: (() => void) | undefined;
  #ahead = 0;
  #left = false;

  constructor(name: string, index: number) {
    this.name = name;
    this.index = index;
  }

  /** Gets ready. */
  begin(): Promise<void> {
    return this.#run([]);
  }

  /** Goes on to the next stop. */
  step(): Promise<void> | undefined {
    let moment = this.at;
    do {
      const seen = moment.effect?.();
      const next = moment.after(seen);
      if (next === undefined) return this.#compute(moment, seen);
      moment = next;
    } while (!moment.stops);
    this.at = moment;
    return undefined;
  }

  /** Something happens to the thread. */
  give(input: Input): void {
    const { at } = this;
    if (at === DEAD) return;
    this.at = at.after(input.key) ?? new Moment(at, input, at.effect, true, input.changes(at));
  }

  // ── The thread's code is run ─────────────────────────────────────────────────────────────────────────────────────

  #compute(before: Moment, seen: Seen): Promise<void> {
    const script: Link[] = [{ before, seen }];
    for (let moment = before; moment.before !== undefined; moment = moment.before) script.push(moment);
    return this.#run(script.reverse());
  }

  #beginAnew(script: Link[]): void {
    for (const list of [this.tasks, this.immediates, this.timers, this.promises]) list.length = 0;
    this.listening = this.#had = this.#ahead = 0;
    this.#script = script;
    this.#before = script.at(-1)?.before;
    this.#seen = script.at(-1)?.seen as Seen;
    this.#arrived = this.#undo = undefined;
    this.#left = false;
    this.#preparing = true;
    this.actor?.prepare();
    this.#preparing = false;
    this.tasks.push(() => this.actor?.main());
  }

  async #run(script: Link[]): Promise<void> {
    const { tasks, immediates } = this;
    this.#beginAnew(script);
    if (this.#old(true) === undefined) this.#stand(false);
    while (!this.#left) {
      const job = tasks.shift() ?? immediates.shift();
      if (job !== undefined) {
        try {
          job();
        } catch (error) {
          this.threw(error);
        }
        await new Promise((resolve) => setImmediate(resolve)); // all that follows from it is done
      } else if (this.#old(true) === undefined) this.#stand(false);
    }
    this.#undo?.();
    if (this.#had < script.length || this.#arrived === undefined)
      throw new Error(`The code of thread ${this.name} did not do again what it had done`);
    this.at = this.#arrived;
  }

  /** For what is left to itself: a promise that nobody awaits. */
  readonly threw = (error: unknown): void => {
    if (!this.#left) this.ask(() => this.actor?.threw(error));
  };

  /** The next old answer, after what happened before it. */
  #old(stops: boolean): { readonly seen: Seen } | undefined {
    for (let link = this.#script[this.#had]; link !== undefined; link = this.#script[this.#had]) {
      const { before, seen } = link;
      if (typeof seen !== 'object' && before?.stops !== stops) this.#leave();
      this.#had += 1;
      if (typeof seen !== 'object') return { seen };
      seen.apply(this);
    }
    return undefined;
  }

  #leave(): never {
    this.#left = true;
    throw STOP;
  }

  /** Stands still until something happens, or others have gone on. */
  #stand(parked: boolean, due: readonly number[] = this.timers.map(({ at }) => at)): void {
    const runnable = !parked && this.tasks.length + this.immediates.length > 0;
    const moment = new Moment(this.#before, this.#seen, undefined, true, { runnable, parked, due });
    this.#arrived ??= moment;
    this.#left = true;
  }

  #meet<T extends Seen>(effect: () => T, stops: boolean): T {
    const old = this.#left ? this.#leave() : this.#old(stops);
    if (old !== undefined) return old.seen as T;
    this.#before = new Moment(this.#before, this.#seen, effect, stops);
    if (stops && ++this.#ahead === 1) {
      this.#arrived = this.#before;
      this.#undo = this.actor?.attempt();
      if (this.#undo === undefined) this.#leave();
    } else if (stops && this.#ahead > MOST_AHEAD) this.#leave();
    const seen = effect();
    this.#seen = seen;
    return seen;
  }

  // ── Called by the thread's code ──────────────────────────────────────────────────────────────────────────────────

  /** Nobody else goes on before. */
  ask<T extends Seen>(effect: () => T): T {
    return this.#meet(effect, false);
  }

  /** Others may go on before. */
  stop<T extends Seen>(effect: () => T): T {
    return this.#meet(effect, !this.#preparing);
  }

  /** In an `Atomics.wait`, at most until then. */
  park(until: number): 'ok' | 'timed-out' {
    if (this.#left) this.#leave();
    if (this.#old(true) === undefined) {
      this.#stand(true, until === Number.POSITIVE_INFINITY ? [] : [until]);
      this.#leave();
    }
    return this.woken;
  }

  /** A promise that others may settle, by its number. */
  promised<T extends Seen>(): Promise<T> {
    return new Promise((resolve) => this.promises.push(resolve as (value: Seen) => void));
  }

  /** Settles the promise with that number, in a task. */
  settle(number: number, value: Seen): void {
    this.tasks.push(() => this.promises[number]?.(value));
  }
}

// ── What happens to threads ──────────────────────────────────────────────────────────────────────────────────────────

/** Its `Atomics.wait` ends. */
export function waking(how: 'ok' | 'timed-out'): Input {
  return {
    key: `! ${how}`,
    changes: () => BUSY,
    apply: (thread) => {
      thread.woken = how;
    },
  };
}

/** A promise of it is settled. */
export function settling(number: number, value: Seen): Input {
  return {
    key: `! ${number} ${value}`,
    changes: ({ stand }) => ({ ...stand, runnable: !stand.parked }),
    apply: (thread) => thread.settle(number, value),
  };
}

/** Its next timer fires. */
export const TIMER: Input = {
  key: '! timer',
  changes: ({ stand: { due } }) => {
    const next = due.indexOf(Math.min(...due));
    return { ...BUSY, due: due.filter((_, n) => n !== next) };
  },
  apply: ({ timers, tasks }) => {
    const timer = timers.reduce((first, other) => (other.at < first.at ? other : first));
    timers.splice(timers.indexOf(timer), 1);
    tasks.unshift(timer.job);
  },
};
