/** The hunt for a schedule that fails: a mutant must not get away. */
import { exploreAll, processorTime, type Report } from './explore.js';
import { exploreRandom } from './random.js';
import type { World } from './world.js';

/** The cheapest ways first; most mutants do not need more. */
export function hunt(world: World, seconds: number): Report['failure'] {
  const until = processorTime() + seconds;
  const left = (): number => Math.max(0, until - processorTime());
  const all = (preemptions: number, schedules = Number.POSITIVE_INFINITY) =>
    exploreAll(world, { preemptions, schedules, seconds: left() }).failure;
  return (
    all(0, 150) ??
    exploreRandom(world, 1, { schedules: 300, seconds: left() / 4 }).failure ??
    all(0) ??
    all(1) ??
    (left() > 0 ? all(2) : undefined)
  );
}
