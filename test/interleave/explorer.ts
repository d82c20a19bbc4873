/** A thread that explores scenarios for interleave.deep.ts, one job after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { exploreAll, type Report } from './explore.js';
import { exploreRandom } from './random.js';
import { Build } from './realm.js';
import { tell } from './replay.js';
import { scenarios } from './scenarios.js';
import { World } from './world.js';

/** One scenario: all schedules with so many preemptions, or random ones. */
export interface Job {
  readonly scenario: string;
  readonly preemptions: number | 'random';
  readonly seconds: number;
}

export interface Done {
  readonly report: Report;
  readonly milliseconds: number;
  /** The schedule that failed, step by step. */
  readonly story: string;
}

const seed = workerData as number;
const builds = [new Build(), new Build([], 1)] as const;

parentPort?.on('message', ({ scenario, preemptions, seconds }: Job) => {
  const chosen = scenarios.find(({ name }) => name === scenario);
  if (chosen === undefined) throw new Error(`Expected the name of a scenario, got ${scenario}`);
  const begin = performance.now();
  const isRandom = preemptions === 'random';
  const world = new World(chosen, builds[isRandom ? 1 : 0]);
  const report = isRandom
    ? exploreRandom(world, seed, { seconds })
    : exploreAll(world, { preemptions, seconds });
  const milliseconds = Math.round(performance.now() - begin);
  const story = report.failure === undefined ? '' : tell(world, report.failure.schedule);
  parentPort?.postMessage({ report, milliseconds, story } satisfies Done);
});
