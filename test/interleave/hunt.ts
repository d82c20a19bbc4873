/** The hunt for a schedule that fails: a mutant must not get away. */
import { exploreAll, type Report } from './explore.js';
import { exploreRandom } from './random.js';
import type { World } from './world.js';

/** The cheapest ways first; most mutants do not need more. Each takes so many seconds at most. */
export function hunt(world: World, seconds: number): Report['failure'] {
  const all = (preemptions: number, schedules = Number.POSITIVE_INFINITY) =>
    exploreAll(world, { preemptions, schedules, seconds }).failure;
  return (
    all(0, 150) ?? exploreRandom(world, 1, { schedules: 300, seconds }).failure ?? all(0) ?? all(1) ?? all(2)
  );
}
