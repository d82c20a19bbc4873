/**
 * What a thread has seen, in all runs of one exploration.
 *
 * All that a thread does follows from what it has seen: the answers to what it asked for (a word, a check of the witness),
 * and what has happened to it (a wake-up, a timer). So each of its steps is computed once, by running its code, and is
 * looked up afterwards, in a tree of *moments*: what the thread asks for there, and where each answer leads. Only if an
 * answer is new is the thread's code run: from its beginning, with the old answers up to there, unless it just stands there.
 *
 * So whatever a thread does to the world it does in an {@link Effect}, which can be done again without the thread.
 */
import type { Steps, Thread } from './loop.js';
import { DEAD, type Effect, type Entry, type Input, Moment, type Seen } from './moment.js';

type Link = Pick<Moment, 'before' | 'entry'>;

const NOT_AGAIN = new Error('The code of a thread did not do again what it had done');

export class Past {
  /** Where the thread is now. */
  at: Moment = DEAD;
  /** Counts what the running code has asked for. */
  asked = 0;
  readonly #thread: Thread;
  readonly #begin: () => void;
  readonly #threw: (error: unknown) => undefined;
  /** Where the thread's code really stands. */
  #live: Moment | undefined;
  /** What code that is run again has to see, and how much of that it has seen. */
  #script: readonly Link[] = [];
  #had = 0;
  /** The script ends at a moment that is known. */
  #repeats = false;
  /** Where the code was, and what it saw, before what it asks for next. */
  #before: Moment | undefined;
  #entry: Entry | undefined;

  /** `begin` gets the thread ready for its code to begin anew; `threw` is told what that throws. */
  constructor(
    thread: Thread,
    begin: () => void = () => {},
    threw: (error: unknown) => undefined = () => undefined,
  ) {
    this.#thread = thread;
    this.#begin = begin;
    this.#threw = threw;
  }

  /** The thread's code is used by another world meanwhile. */
  leave(): void {
    this.#live = undefined;
  }

  /** For the first time. What getting ready asks for is done. */
  begin(): void {
    this.at = this.#run([], undefined, undefined);
  }

  /** Goes on to the next stop. */
  step(): void {
    let moment = this.at;
    do {
      const seen = moment.effect?.();
      const next = moment.after(seen);
      if (next === undefined) {
        this.at = this.#goOn(moment, seen);
        return;
      }
      moment = next;
    } while (!moment.stops);
    this.at = moment;
  }

  /** Something happens to the thread. */
  give(input: Input): void {
    if (this.at === DEAD) return;
    this.at = this.at.after(input.key) ?? this.#take(this.at, input);
  }

  // ── The thread's code is run ─────────────────────────────────────────────────────────────────────────────────────

  /** From `moment` to the next stop, after an answer that was not seen there before. */
  #goOn(moment: Moment, seen: Seen): Moment {
    const entry = { seen };
    if (this.#live !== moment) return this.#run([...moment.past, { before: moment, entry }], moment, entry);
    [this.#before, this.#entry] = [moment, entry];
    this.#advance();
    return this.#live;
  }

  /** The same moment, but with something that has happened since. */
  #take(moment: Moment, input: Input): Moment {
    if (this.#live !== moment) {
      this.#repeats = true;
      this.#run(moment.past, undefined, undefined);
      this.#repeats = false;
    }
    input.apply(this.#thread);
    this.#live = new Moment(moment, { input }, moment.effect, true);
    this.#describe(this.#live);
    return this.#live;
  }

  #run(script: readonly Link[], before: Moment | undefined, entry: Entry | undefined): Moment {
    [this.#script, this.#had, this.#before, this.#entry] = [script, 0, before, entry];
    this.#begin();
    if (this.rest()) this.#advance();
    if (this.#had < script.length) throw NOT_AGAIN;
    return this.#live as Moment;
  }

  #advance(): void {
    try {
      this.#thread.advance();
    } catch (error) {
      if (error === NOT_AGAIN) throw error;
      this.ask(() => this.#threw(error));
      this.rest();
    }
  }

  #arrive(effect: Effect | undefined, stops: boolean): Moment {
    const moment = new Moment(this.#before, this.#entry, effect, stops);
    if (stops) {
      this.#describe(moment);
      this.#live = moment;
    }
    return moment;
  }

  #describe(moment: Moment): void {
    const thread = this.#thread;
    moment.runnable = thread.runnable;
    moment.ends = thread.ends;
    moment.parked = thread.parked;
  }

  /** The next old answer, after what happened before it. */
  #old(stops: boolean): { readonly seen: Seen } | undefined {
    for (let link = this.#script[this.#had]; link?.entry !== undefined; link = this.#script[this.#had]) {
      this.#had += 1;
      const { before, entry } = link;
      if ('input' in entry) entry.input.apply(this.#thread);
      else if (before?.stops === stops) return entry;
      else throw NOT_AGAIN;
    }
    return undefined;
  }

  // ── Called by the thread's code ──────────────────────────────────────────────────────────────────────────────────

  /** Nobody else goes on before. */
  ask<T extends Seen>(effect: () => T): T {
    this.asked += 1;
    const old = this.#old(false);
    if (old !== undefined) return old.seen as T;
    this.#before = this.#arrive(effect, false);
    const seen = effect();
    this.#entry = { seen };
    return seen;
  }

  /** Others may go on before. The answer, or steps that have it at their end. */
  stop<T extends Seen>(effect: (() => T) | undefined): T | Steps<T> {
    this.asked += 1;
    const old = this.#old(true);
    return old === undefined ? this.#stand(effect) : (old.seen as T);
  }

  *#stand<T extends Seen>(effect: (() => T) | undefined): Steps<T> {
    if (!this.#repeats) this.#arrive(effect, true);
    yield;
    return (this.#entry as { readonly seen: T }).seen;
  }

  /** It has nothing to do. `true`: it had afterwards. */
  rest(): boolean {
    this.asked += 1;
    if (this.#old(true) !== undefined) return true;
    if (!this.#repeats) this.#arrive(undefined, true);
    return false;
  }
}
