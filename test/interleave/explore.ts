/**
 * Which schedules are run: all of them up to a number of preemptions, depth first; or many random ones.
 *
 * Depth first, a run repeats the choices that led to the last open one, takes the next there, and goes on without
 * preemptions. Two prefixes that lead to the same state (memory, and all that each thread has seen) have the same
 * future: the second is given up.
 */
import type { Thread } from './loop.js';
import type { Choice, Scheduler } from './machine.js';
import type { World } from './world.js';

export interface Report {
  schedules: number;
  /** Runs given up half-way, in a state known before. */
  known: number;
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
}

/** The choices of each thread, made once. */
class Choices {
  readonly world: World;
  readonly #run: Choice[];
  readonly #kill: Choice[];
  readonly #timeout: Choice[];
  readonly #mortal: boolean[];

  constructor(world: World) {
    this.world = world;
    const { threads } = world.machine;
    const choices = (kind: Choice['kind']): Choice[] => threads.map((thread) => ({ kind, thread }));
    this.#run = choices('run');
    this.#kill = choices('kill');
    this.#timeout = choices('timeout');
    this.#mortal = threads.map(({ name }) => world.scenario.mortal?.includes(name) ?? false);
  }

  run(thread: Thread): Choice {
    return this.#run[thread.index] as Choice;
  }

  /**
   * What can happen now, the cheapest first. Another thread may only go on if `preempts` or the current one cannot. When
   * nobody can go on, time passes free of charge.
   */
  list(current: Thread | undefined, preempts: boolean, kills: boolean, timeouts: boolean): Choice[] {
    const { threads } = this.world.machine;
    const list: Choice[] = [];
    if (current !== undefined) list.push(this.run(current));
    if (current === undefined || preempts) {
      for (const thread of threads) if (thread !== current && thread.runnable) list.push(this.run(thread));
    }
    const rest = list.length === 0;
    for (const thread of threads) {
      const { index } = thread;
      if ((timeouts || rest) && this.world.machine.expires(thread)) list.push(this.#timeout[index] as Choice);
      const within = thread === current || (current === undefined && !thread.finished);
      if (kills && within && this.#mortal[index] && !thread.killed) list.push(this.#kill[index] as Choice);
    }
    return list;
  }
}

/** Runs every schedule with at most `preemptions`, or until the other bounds are met, or one fails. */
export function exploreAll(world: World, bounds: Bounds): Report {
  const report: Report = { schedules: 0, known: 0, steps: 0, kills: 0, complete: false };
  const choices = new Choices(world);
  const known = new Map<number, number>();
  const path: { chosen: number; of: number }[] = [];
  const until = Date.now() + (bounds.seconds ?? 3600) * 1000;
  for (;;) {
    let [depth, preemptions] = [0, bounds.preemptions];
    let { kills = 1, timeouts = 0 } = world.scenario;
    const scheduler: Scheduler = (current) => {
      if (current !== undefined && preemptions === 0 && timeouts === 0 && kills === 0)
        return choices.run(current);
      const list = choices.list(current, preemptions > 0, kills > 0, timeouts > 0);
      let choice = list[0];
      if (list.length > 1) {
        if (depth === path.length) {
          const state = hash(world, current, kills * 64 + timeouts);
          if ((known.get(state) ?? -1) >= preemptions) return undefined;
          known.set(state, preemptions);
          path.push({ chosen: 0, of: list.length });
        }
        const node = path[depth] as { chosen: number; of: number };
        if (node.of !== list.length) throw new Error('The run was not repeated exactly');
        choice = list[node.chosen];
        depth += 1;
      }
      if (choice?.kind === 'kill') kills -= 1;
      else if (choice?.kind === 'timeout') timeouts = Math.max(0, timeouts - 1);
      else if (current !== undefined && choice?.thread !== current) preemptions -= 1;
      return choice;
    };
    const what = world.run(scheduler);
    count(report, world);
    if (what !== undefined) return { ...report, failure: { what, schedule: scheduleOf(world) } };
    while (path.length > 0 && (path.at(-1)?.chosen ?? 0) + 1 === path.at(-1)?.of) path.pop();
    const last = path.at(-1);
    if (last === undefined) return { ...report, complete: true };
    last.chosen += 1;
    if (report.schedules + report.known >= (bounds.schedules ?? Number.POSITIVE_INFINITY)) return report;
    if (known.size > 8_000_000 || Date.now() > until) return report;
  }
}

/**
 * Random schedules by priorities (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding
 * bugs", 2010): the runnable thread with the highest priority goes on; at a few random points it drops to the lowest.
 */
export function exploreRandom(world: World, seed: number, bounds: Omit<Bounds, 'preemptions'>): Report {
  const report: Report = { schedules: 0, known: 0, steps: 0, kills: 0, complete: false };
  const choices = new Choices(world);
  const until = Date.now() + (bounds.seconds ?? 3600) * 1000;
  let length = 100;
  for (let n = 0; n < (bounds.schedules ?? Number.POSITIVE_INFINITY) && Date.now() < until; n++) {
    const random = randomFrom(seed + n);
    const below = (end: number): number => Math.floor(random() * end);
    const priorities = world.machine.threads.map(() => random());
    const drops = new Set(Array.from({ length: 1 + below(6) }, () => below(length)));
    let { kills = 1, timeouts = 0 } = world.scenario;
    let killAt = below(length * 2);
    let [point, lowest] = [0, 0];
    const what = world.run((current) => {
      const list = choices.list(current, true, kills > 0 && point >= killAt, timeouts > 0 && below(20) === 0);
      if (current !== undefined && drops.has(point)) priorities[current.index] = --lowest;
      point += 1;
      const event = list.find(({ kind }) => kind !== 'run');
      if (event?.kind === 'kill') {
        kills -= 1;
        killAt = point + below(length);
      }
      if (event?.kind === 'timeout') timeouts -= 1;
      return (
        event ?? list.reduce((best, next) => (of(priorities, next) > of(priorities, best) ? next : best))
      );
    });
    count(report, world);
    length = Math.max(20, Math.round((length * 7 + point) / 8));
    if (what !== undefined) return { ...report, failure: { what, schedule: scheduleOf(world) } };
  }
  return report;
}

function of(priorities: readonly number[], { thread }: Choice): number {
  return priorities[thread.index] ?? 0;
}

function count(report: Report, world: World): void {
  const { machine } = world;
  if (machine.abandoned) report.known += 1;
  else report.schedules += 1;
  report.steps += machine.steps;
  if (!machine.abandoned) report.kills += machine.threads.filter((thread) => thread.killed).length;
}

/** 53 bits of the state of everything. */
function hash(world: World, current: Thread | undefined, more: number): number {
  const { machine, witness, audit } = world;
  let [a, b] = [(current?.index ?? -1) ^ (more << 8), more];
  const into = (value: number): void => {
    a = Math.imul(a ^ value, 0x9e37_79b1) + 1;
    a ^= a >>> 15;
    b = Math.imul(b + value, 0x85eb_ca6b) ^ (b >>> 13);
  };
  into(machine.hash1);
  into(machine.hash2);
  into(machine.clock);
  witness.payloadHash(into);
  if (machine.records.length > 0) audit.hash(into);
  for (const thread of machine.threads) {
    into(thread.seen1);
    into(thread.seen2);
    into(
      (thread.killed ? 1 : 0) +
        (thread.runnable ? 2 : 0) +
        thread.tasks.length * 4 +
        thread.timers.length * 64,
    );
  }
  return (a >>> 0) * 0x20_0000 + (b & 0x1f_ffff);
}

/** A small generator of random numbers (mulberry32). */
function randomFrom(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b_79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SIGNS = { run: '', kill: '!', timeout: '~' } as const;

/** `a12 b3 a! b~4`: a runs for 12 calls, b for 3, a is killed, b's timer or timed wait ends and it runs for 4. */
export function scheduleOf({ machine }: World): string {
  return machine.segments
    .map(({ choice: { kind, thread }, calls }) => thread.name + SIGNS[kind] + calls)
    .join(' ');
}

/** Repeats a schedule; what it leaves open goes on without preemptions. */
export function replay(world: World, schedule: string): string | undefined {
  const choices = schedule
    .split(/\s+/)
    .filter(Boolean)
    .map((text) => {
      const [, name = '', sign = '', calls = ''] = /^([a-z]+)([!~]?)(\d+)$/.exec(text) ?? [];
      const kind = (['run', 'kill', 'timeout'] as const).find((known) => SIGNS[known] === sign) ?? 'run';
      return { choice: { kind, thread: world.thread(name) }, calls: Number(calls) };
    });
  const fallback = new Choices(world);
  let at = -1;
  return world.run((current) => {
    const calls = world.machine.segments.at(-1)?.calls ?? 0;
    if (current !== undefined && (at >= choices.length || calls < (choices[at]?.calls ?? 0)))
      return fallback.run(current);
    at += 1;
    return choices[at]?.choice ?? fallback.list(current, false, false, false)[0];
  });
}
