/**
 * All schedules up to a number of preemptions, depth first.
 *
 * At every call of a thread that others could go on before, the run forks: it goes on in one way, comes back here, and goes
 * on in the next. Two ways that lead to the same state (see state.ts) have the same future: the second ends there.
 */
import type { Choice, Snapshot } from './machine.js';
import { hash } from './state.js';
import type { Thread } from './thread.js';
import type { World } from './world.js';

export interface Report {
  /** Runs to their end. */
  schedules: number;
  /** States from which everything was explored. */
  states: number;
  /** Everything within the bounds has been run. */
  complete: boolean;
  /** What was wrong, and the steps to it. */
  failure?: string;
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
  readonly left: Left;
  /** Those that have not been gone, the next one first. */
  readonly ways: Choice[];
}

/** A `Map` holds no more. */
const MOST_STATES = 16_000_000;

class Exploration {
  readonly report: Report = { schedules: 0, states: 0, complete: false };
  readonly #world: World;
  /** States from which everything is explored, with so many preemptions. */
  readonly #known = new Map<number, number>();
  readonly #forks: Fork[] = [];
  /** It did something last. */
  #last: Thread | undefined;
  #left: Left;

  constructor(world: World, preemptions: number) {
    this.#world = world;
    const { mortal = [], timeouts = 0 } = world.scenario;
    this.#left = { preemptions, kills: Math.min(mortal.length, 1), timeouts };
  }

  /** It is about to make a call, and could go on. */
  get #current(): Thread | undefined {
    return this.#last?.at.effect === undefined ? undefined : this.#last;
  }

  /** Goes on to the end of the run, or to where it need not go on; `way` is the first step. */
  async goOn(way?: Choice): Promise<void> {
    const { machine } = this.#world;
    let choice = way ?? this.#choose();
    while (choice !== undefined) {
      const computing = this.#take(choice); // most steps are known: no promise for those
      if (computing !== undefined) await computing;
      if (machine.isOver(this.#current)) {
        this.report.schedules += 1;
        return;
      }
      choice = this.#choose();
    }
  }

  /** Goes back to the last fork where a way is left. `undefined`: there is none. */
  goBack(): Choice | undefined {
    for (let fork = this.#forks.at(-1); fork !== undefined; fork = this.#forks.at(-1)) {
      const way = fork.ways.shift();
      if (way !== undefined) {
        this.#world.machine.restore(fork.before);
        this.#last = fork.current;
        this.#left = fork.left;
        return way;
      }
      this.#forks.pop();
    }
    return undefined;
  }

  /** `undefined`: all that could follow is known. */
  #choose(): Choice | undefined {
    const current = this.#current;
    const { preemptions, kills, timeouts } = this.#left;
    const [first, ...others] = this.#list();
    if (current !== undefined && others.length === 0) return first;
    const state = hash(this.#world.machine, current, kills * 64 + timeouts);
    if ((this.#known.get(state) ?? -1) >= preemptions) return undefined;
    this.#known.set(state, preemptions);
    this.report.states = this.#known.size;
    if (others.length > 0)
      this.#forks.push({ before: this.#world.machine.snapshot(), current, left: this.#left, ways: others });
    return first;
  }

  /**
   * What can happen now. Another thread may only go on if preemptions are left, or the current one cannot. When nobody can
   * go on, time passes free of charge.
   */
  #list(): Choice[] {
    const { machine, scenario } = this.#world;
    const current = this.#current;
    const { preemptions, kills, timeouts } = this.#left;
    const mayRun = (thread: Thread): boolean =>
      thread !== current && thread.at.stand.runnable && (current === undefined || preemptions > 0);
    const mayDie = (thread: Thread): boolean =>
      !machine.happened.has(thread) &&
      (thread === current || current === undefined) &&
      (machine.isDoomed(thread) || (kills > 0 && scenario.mortal?.includes(thread.name) === true));
    const running = machine.threads.filter(mayRun);
    if (current !== undefined) running.unshift(current);
    const mayEnd = timeouts > 0 || running.length === 0;
    const ending = mayEnd ? machine.threads.filter(({ at }) => at.stand.due.length > 0) : [];
    return [
      ...running.map((thread): Choice => ({ kind: 'run', thread })),
      ...ending.map((thread): Choice => ({ kind: 'timeout', thread })),
      ...machine.threads.filter(mayDie).map((thread): Choice => ({ kind: 'kill', thread })),
    ];
  }

  #take(choice: Choice): Promise<void> | undefined {
    const { kind, thread } = choice;
    const { machine } = this.#world;
    const { preemptions, kills, timeouts } = this.#left;
    const preempts = kind === 'run' && this.#current !== undefined && thread !== this.#current;
    this.#left = {
      preemptions: preemptions - (preempts ? 1 : 0),
      kills: kills - (kind === 'kill' && !machine.isDoomed(thread) ? 1 : 0),
      timeouts: Math.max(0, timeouts - (kind === 'timeout' ? 1 : 0)),
    };
    this.#last = thread;
    return machine.take(choice);
  }
}

/** Runs every schedule with at most so many preemptions, or until the time is over, or one fails. */
export async function explore(world: World, preemptions: number, seconds: number): Promise<Report> {
  await world.begin();
  const exploration = new Exploration(world, preemptions);
  const { report } = exploration;
  const until = processorTime() + seconds;
  let way: Choice | undefined;
  for (let turns = 1; ; turns++) {
    await exploration.goOn(way);
    if (world.machine.failure !== undefined) return { ...report, failure: world.tell() };
    way = exploration.goBack();
    if (way === undefined) return { ...report, complete: true };
    if (report.states > MOST_STATES || (turns % 64 === 0 && processorTime() > until)) return report;
  }
}

/** How long this process has computed, in seconds: other work on the machine makes no difference. */
function processorTime(): number {
  return process.cpuUsage().user / 1e6;
}
