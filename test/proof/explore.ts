/**
 * All schedules up to a number of preemptions, depth first.
 *
 * At every call of a thread that others could go on before, the run forks: it goes on in one way, comes back here, and goes
 * on in the next. Two ways that lead to the same state (see state.ts) have the same future: the second ends there.
 */
import { Choices } from './choices.js';
import type { Thread } from './loop.js';
import type { Choice } from './machine.js';
import { scheduleOf } from './schedule.js';
import { hash, Known } from './state.js';
import type { Snapshot, World } from './world.js';

export interface Report {
  /** Runs to their end, and kills in them. */
  schedules: number;
  kills: number;
  /** States from which everything was explored. */
  states: number;
  steps: number;
  /** Everything within the bounds has been run. */
  complete: boolean;
  failure?: { readonly what: string; readonly schedule: string };
}

export interface Bounds {
  readonly preemptions: number;
  readonly schedules?: number;
  readonly seconds?: number;
  /** Every way is gone to its end: for comparison. */
  readonly forgetful?: boolean;
  /** Told of the end of each run. */
  readonly atEnd?: () => void;
}

/** What is left of the bounds in a run. */
interface Left {
  readonly preemptions: number;
  readonly kills: number;
  readonly timeouts: number;
}

/** A place where runs go on in several ways. */
interface Fork {
  readonly before: Snapshot;
  readonly current: Thread | undefined;
  readonly list: readonly Choice[];
  readonly left: Left;
  /** How many of them have been gone. */
  gone: number;
}

/** About 2.5 GB. */
const MOST_STATES = 200_000_000;

class Exploration {
  readonly report: Report = { schedules: 0, kills: 0, states: 0, steps: 0, complete: false };
  readonly #world: World;
  readonly #bounds: Bounds;
  readonly #choices: Choices;
  readonly #known = new Known();
  readonly #forks: Fork[] = [];
  #current: Thread | undefined;
  #left: Left;

  constructor(world: World, bounds: Bounds) {
    this.#world = world;
    this.#bounds = bounds;
    this.#choices = new Choices(world);
    const { kills = 1, timeouts = 0 } = world.scenario;
    this.#left = { preemptions: bounds.preemptions, kills, timeouts };
    world.begin();
  }

  /** Goes on to the end of the run, or to where it need not go on. What was wrong, or undefined. */
  goOn(): string | undefined {
    const { machine } = this.#world;
    while (!machine.isOver(this.#current)) {
      const choice = this.#choose();
      if (choice === undefined) return undefined;
      this.#take(choice);
    }
    count(this.report, this.#world);
    this.#bounds.atEnd?.();
    return machine.failure;
  }

  /** Goes back to the last fork where a way is left, and takes it. `false`: there is none. */
  goBack(): boolean {
    for (let fork = this.#forks.at(-1); fork !== undefined; fork = this.#forks.at(-1)) {
      const next = fork.list[fork.gone];
      if (next !== undefined) {
        this.#world.restore(fork.before);
        this.#current = fork.current;
        this.#left = fork.left;
        fork.gone += 1;
        this.#take(next);
        return true;
      }
      this.#forks.pop();
    }
    return false;
  }

  /** `undefined`: all that could follow is known. */
  #choose(): Choice | undefined {
    const current = this.#current;
    const { preemptions, kills, timeouts } = this.#left;
    const { machine } = this.#world;
    const isAlone = preemptions + kills + timeouts === 0;
    if (current !== undefined && isAlone && !machine.isDoomed(current)) return this.#choices.run(current);
    const list = this.#choices.list(current, preemptions > 0, kills > 0, timeouts > 0);
    if (!this.#bounds.forgetful) {
      const state = hash(this.#world, current, kills * 64 + timeouts);
      if (this.#known.covers(state, preemptions)) return undefined;
      this.report.states = this.#known.size;
    }
    if (list.length > 1)
      this.#forks.push({ before: this.#world.snapshot(), current, list, left: this.#left, gone: 1 });
    return list[0];
  }

  #take(choice: Choice): void {
    const { preemptions, kills, timeouts } = this.#left;
    this.#left = {
      preemptions: preemptions - price(choice, this.#current),
      kills: kills - (choice.kind === 'kill' && !this.#world.machine.isDoomed(choice.thread) ? 1 : 0),
      timeouts: Math.max(0, timeouts - (choice.kind === 'timeout' ? 1 : 0)),
    };
    this.#current = this.#world.machine.take(choice, this.#current);
  }
}

/** In preemptions. */
function price({ kind, thread }: Choice, current: Thread | undefined): number {
  return kind === 'run' && current !== undefined && thread !== current ? 1 : 0;
}

/** Runs every schedule with at most `preemptions`, or until the other bounds are met, or one fails. */
export function exploreAll(world: World, bounds: Bounds): Report {
  const exploration = new Exploration(world, bounds);
  const { report } = exploration;
  const before = world.machine.allSteps;
  const until = processorTime() + (bounds.seconds ?? 3600);
  const most = bounds.schedules ?? Number.POSITIVE_INFINITY;
  for (let turns = 1; ; turns++) {
    const what = exploration.goOn();
    report.steps = world.machine.allSteps - before;
    if (what !== undefined) return { ...report, failure: { what, schedule: scheduleOf(world) } };
    if (!exploration.goBack()) return { ...report, complete: true };
    if (report.schedules >= most || report.states > MOST_STATES) return report;
    if (turns % 64 === 0 && processorTime() > until) return report;
  }
}

/** How long this process has computed, in seconds: other work on the machine makes no difference. */
export function processorTime(): number {
  return process.cpuUsage().user / 1e6;
}

/** One more run has come to its end. */
export function count(report: Report, { machine }: World): void {
  report.schedules += 1;
  report.kills += machine.threads.filter((thread) => thread.killed).length;
}
