/**
 * All schedules up to a number of preemptions, depth first.
 *
 * A run repeats the choices that led to the last open fork, takes the next there, and goes on without preemptions. Two
 * prefixes that lead to the same state (memory, and all that each thread has seen) have the same future: the second is
 * given up. So is a run that can only do what need not be done: see sleep.ts.
 */
import { Choices } from './choices.js';
import { Footprint } from './footprint.js';
import type { Thread } from './loop.js';
import type { Choice } from './machine.js';
import { scheduleOf } from './schedule.js';
import { Asleep } from './sleep.js';
import { hash, Known } from './state.js';
import type { World } from './world.js';

export interface Report {
  schedules: number;
  /** Runs given up half-way: in a state known before, or with nothing left to do but what sleeps. */
  known: number;
  vain: number;
  steps: number;
  kills: number;
  /** Everything within the bounds has been run. */
  complete: boolean;
  failure?: { readonly what: string; readonly schedule: string };
}

export interface Bounds {
  readonly preemptions: number;
  readonly schedules?: number;
  readonly seconds?: number;
  /** Nothing sleeps: for comparison. */
  readonly sleepless?: boolean;
  /** Gets the state at the end of each run. */
  readonly ends?: Set<number>;
}

/** What is left of the bounds in a run. */
interface Left {
  readonly preemptions: number;
  readonly kills: number;
  readonly timeouts: number;
}

/** A place where runs go on in several ways. */
interface Fork {
  /** So many choices came before. */
  readonly at: number;
  readonly current: Thread | undefined;
  readonly list: readonly Choice[];
  readonly left: Left;
  readonly asleep: Asleep;
  chosen: number;
  /** What the first step of each choice touched, and whether its thread stopped after it. */
  readonly steps: { readonly touched: Footprint; readonly stopped: boolean }[];
}

class Exploration {
  readonly #world: World;
  readonly #choices: Choices;
  readonly #bounds: Bounds;
  readonly #known = new Known();
  readonly #forks: Fork[] = [];
  /** All choices of this run. */
  readonly #path: Choice[] = [];
  #at = 0;
  /** Where this run leaves the former one's path. */
  #open: Fork | undefined;
  /** Where the last choice was made, if at a fork. */
  #fork: Fork | undefined;
  #left: Left;
  #asleep = new Asleep();
  isKnown = false;

  constructor(world: World, bounds: Bounds) {
    this.#world = world;
    this.#choices = new Choices(world);
    this.#bounds = bounds;
    const { kills = 1, timeouts = 0 } = world.scenario;
    this.#left = { preemptions: bounds.preemptions, kills, timeouts };
  }

  get states(): number {
    return this.#known.size;
  }

  /** What was wrong, or undefined. */
  run(): string | undefined {
    this.#at = 0;
    this.#fork = undefined;
    this.isKnown = false;
    this.#world.machine.footprint.muted = this.#open !== undefined;
    return this.#world.run((current) => this.#choose(current));
  }

  /** Goes back to the last fork where something is left to do. `false`: there is none. */
  next(): boolean {
    for (;;) {
      const fork = this.#forks.at(-1);
      this.#open = fork;
      if (fork === undefined) return false;
      fork.chosen += 1;
      this.#path.length = fork.at;
      if (fork.chosen < fork.list.length) return true;
      this.#forks.pop();
    }
  }

  #choose(current: Thread | undefined): Choice | undefined {
    const at = this.#at++;
    const fork = this.#open;
    if (fork !== undefined && at < fork.at) return this.#path[at];
    const choice = fork?.at === at ? this.#takeNext(fork, current) : this.#goOn(current);
    if (choice !== undefined) this.#path.push(choice);
    return choice;
  }

  /** The choice of `fork` whose turn it is. */
  #takeNext(fork: Fork, current: Thread | undefined): Choice | undefined {
    if (fork.current !== current) throw new Error('The run was not repeated exactly');
    const { footprint } = this.#world.machine;
    footprint.muted = false;
    footprint.clear();
    this.#left = fork.left;
    this.#asleep = fork.asleep.copy();
    if (!this.#bounds.sleepless) sendToSleep(this.#asleep, fork);
    return this.#take(fork);
  }

  #goOn(current: Thread | undefined): Choice | undefined {
    const { footprint } = this.#world.machine;
    const { preemptions, kills, timeouts } = this.#left;
    if (this.#fork !== undefined)
      this.#fork.steps[this.#fork.chosen] = { touched: footprint.copy(), stopped: current === undefined };
    this.#fork = undefined;
    this.#asleep.see(footprint);
    footprint.clear();
    if (current !== undefined && preemptions + kills + timeouts === 0) return this.#choices.run(current);
    const all = this.#choices.list(current, preemptions > 0, kills > 0, timeouts > 0);
    const list = all.filter((choice) => !this.#asleep.has(choice));
    const [first] = list;
    if (first === undefined) return undefined;
    const state = hash(this.#world, current, kills * 64 + timeouts);
    this.isKnown = this.#known.covers(state, preemptions, this.#asleep.bits);
    if (this.isKnown) return undefined;
    if (list.length === 1) return this.#spend(first, current);
    const asleep = this.#asleep.copy();
    if (!this.#bounds.sleepless)
      for (const choice of list)
        if (choice.kind === 'kill')
          asleep.add(choice, this.#world.machine.touchedByKill(choice.thread, new Footprint()));
    const fork = { at: this.#at - 1, current, list, left: this.#left, asleep, chosen: 0, steps: [] };
    this.#forks.push(fork);
    this.#asleep = asleep.copy();
    return this.#take(fork);
  }

  #take(fork: Fork): Choice | undefined {
    this.#fork = fork;
    const choice = fork.list[fork.chosen];
    return choice && this.#spend(choice, fork.current);
  }

  #spend(choice: Choice, current: Thread | undefined): Choice {
    const { preemptions, kills, timeouts } = this.#left;
    this.#asleep.wake(choice.thread);
    this.#left = {
      preemptions: preemptions - price(choice, current),
      kills: kills - (choice.kind === 'kill' ? 1 : 0),
      timeouts: Math.max(0, timeouts - (choice.kind === 'timeout' ? 1 : 0)),
    };
    return choice;
  }
}

/** In preemptions. */
function price({ kind, thread }: Choice, current: Thread | undefined): number {
  return kind === 'run' && current !== undefined && thread !== current ? 1 : 0;
}

/** Before the choice whose turn it is: those that have been explored, where that costs no preemptions. */
function sendToSleep(asleep: Asleep, { current, list, chosen, steps }: Fork): void {
  const next = list[chosen];
  if (next === undefined) return;
  for (const [index, choice] of list.slice(0, chosen).entries()) {
    const step = steps[index];
    if (step === undefined || choice.kind !== 'run' || choice.thread === next.thread) continue;
    const goesOn = choice.thread === current;
    const costsNothing = step.stopped && price(choice, current) <= price(next, current);
    if (goesOn || costsNothing) asleep.add(choice, step.touched);
  }
}

/** Runs every schedule with at most `preemptions`, or until the other bounds are met, or one fails. */
export function exploreAll(world: World, bounds: Bounds): Report {
  const report: Report = { schedules: 0, known: 0, vain: 0, steps: 0, kills: 0, complete: false };
  const exploration = new Exploration(world, bounds);
  const until = Date.now() + (bounds.seconds ?? 3600) * 1000;
  const most = bounds.schedules ?? Number.POSITIVE_INFINITY;
  for (;;) {
    const what = exploration.run();
    count(report, world, exploration.isKnown);
    if (what !== undefined) return { ...report, failure: { what, schedule: scheduleOf(world) } };
    if (!world.machine.abandoned) bounds.ends?.add(hash(world, undefined, 0));
    if (!exploration.next()) return { ...report, complete: true };
    if (report.schedules + report.known + report.vain >= most) return report;
    if (exploration.states > 8_000_000 || Date.now() > until) return report;
  }
}

export function count(report: Report, { machine }: World, isKnown = false): void {
  if (machine.abandoned) report[isKnown ? 'known' : 'vain'] += 1;
  else report.schedules += 1;
  report.steps += machine.steps;
  if (!machine.abandoned) report.kills += machine.threads.filter((thread) => thread.killed).length;
}
