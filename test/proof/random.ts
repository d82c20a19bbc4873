/** Many random schedules. */
import { Choices } from './choices.js';
import { type Bounds, count, processorTime, type Report } from './explore.js';
import type { Choice } from './machine.js';
import { scheduleOf } from './schedule.js';
import type { World } from './world.js';

/**
 * Random schedules by priorities (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding
 * bugs", 2010): the runnable thread with the highest priority goes on; at a few random points it drops to the lowest.
 */
export function exploreRandom(world: World, seed: number, bounds: Omit<Bounds, 'preemptions'>): Report {
  const report: Report = { schedules: 0, states: 0, steps: 0, kills: 0, complete: false };
  const choices = new Choices(world);
  const until = processorTime() + (bounds.seconds ?? 3600);
  let length = 100;
  for (let n = 0; n < (bounds.schedules ?? Number.POSITIVE_INFINITY) && processorTime() < until; n++) {
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
      const event = list.find(
        ({ kind, thread }) =>
          kind !== 'run' && (kind !== 'kill' || !world.machine.isDoomed(thread) || below(8) === 0),
      );
      if (event?.kind === 'kill' && !world.machine.isDoomed(event.thread)) {
        kills -= 1;
        killAt = point + below(length);
      }
      if (event?.kind === 'timeout') timeouts -= 1;
      return (
        event ?? list.reduce((best, next) => (of(priorities, next) > of(priorities, best) ? next : best))
      );
    });
    count(report, world);
    report.steps += world.machine.steps;
    if (n % 100 === 99) world.forget();
    length = Math.max(20, Math.round((length * 7 + point) / 8));
    if (what !== undefined) return { ...report, failure: { what, schedule: scheduleOf(world) } };
  }
  return report;
}

function of(priorities: readonly number[], { thread }: Choice): number {
  return priorities[thread.index] ?? 0;
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
