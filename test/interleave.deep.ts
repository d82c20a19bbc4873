/**
 * As interleave.test.ts, at length: `node build/test/interleave.deep.js [minutes] [seed]`. All schedules without
 * preemptions of every scenario, then all with one, with two, … of those that were complete with fewer, and random ones of
 * each in the last quarter of the time. As many threads explore as there are processors. One begins with the longest, so that
 * it is not alone with it at the end; the others with the shortest: what they leave over is for the others.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Done, Job } from './interleave/explorer.js';
import { scenarios } from './interleave/scenarios.js';
import { figure } from './support/figures.js';

const minutes = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const explorer = new URL('./interleave/explorer.js', import.meta.url);
const crew = Array.from({ length: availableParallelism() }, () => new Worker(explorer, { workerData: seed }));
const sum = { schedules: 0, steps: 0, kills: 0, failures: 0 };

/** Adds a job's figures, and prints them. */
function add({ scenario, preemptions }: Job, { report, milliseconds, story }: Done): void {
  sum.schedules += report.schedules;
  sum.steps += report.steps;
  sum.kills += report.kills;
  const kind = preemptions === 'random' ? 'random' : `${preemptions} preemptions`;
  const all = report.complete ? ' (all)' : '';
  console.log(
    `${kind}, ${scenario}: ${report.schedules} schedules, ${report.kills} kills${all}, ${milliseconds} ms`,
  );
  if (report.failure === undefined) return;
  const { what, schedule } = report.failure;
  sum.failures += 1;
  console.log(`FAILED: ${what}\n${story}\nreplay: '${scenario}' '${schedule}'`);
}

/** A scenario that is complete so far, and how long that took. */
interface Turn {
  readonly scenario: string;
  readonly milliseconds: number;
}

/** One scenario after the other, until then, with so many preemptions. Returns the complete ones. */
async function round(
  turns: readonly Turn[],
  preemptions: Job['preemptions'],
  until: number,
): Promise<Turn[]> {
  const complete: Turn[] = [];
  const queue = [...turns];
  const explore = async (worker: Worker, index: number): Promise<void> => {
    const beginsAtEnd = index === 0 && crew.length > 1 && preemptions !== 'random';
    const next = () => (beginsAtEnd ? queue.pop() : queue.shift());
    for (let turn = next(); turn !== undefined; turn = next()) {
      const left = (until - performance.now()) / 1000;
      if (left <= 0) return;
      const share = beginsAtEnd ? 1 : crew.length / (queue.length + 1);
      const seconds = Math.min(1, share) * left;
      const job: Job = { scenario: turn.scenario, preemptions, seconds };
      worker.postMessage(job);
      const [done] = (await once(worker, 'message')) as [Done];
      add(job, done);
      if (done.report.complete) complete.push({ scenario: turn.scenario, milliseconds: done.milliseconds });
    }
  };
  await Promise.all(crew.map(explore));
  return complete.sort((a, b) => a.milliseconds - b.milliseconds);
}

console.log(`${minutes} minutes, seed ${seed}`);
const begin = performance.now();
const total = minutes * 60_000;
const all: Turn[] = scenarios.map(({ name }) => ({ scenario: name, milliseconds: 0 }));
let turns = all;
const complete: number[] = [];
// The first two rounds may take a quarter of the time each, the others what is left of three quarters.
for (const [preemptions, part] of [0.25, 0.5, 0.75, 0.75, 0.75].entries()) {
  turns = await round(turns, preemptions, begin + part * total);
  complete.push(turns.length);
}
await round(all, 'random', begin + total);
console.log(`complete with 0, 1, 2, … preemptions: ${complete.join(', ')} of ${scenarios.length} scenarios`);
console.log(
  `${scenarios.length} scenarios, ${sum.schedules} schedules, ${sum.steps} steps, ${sum.kills} kills, ${sum.failures} failures`,
);
const most = complete.filter((count) => count === scenarios.length).length - 1;
figure(
  `interleavings: ${sum.schedules} schedules, all with up to ${most} preemptions and random ones; ${sum.kills} kills, ${sum.failures} failures`,
);
process.exitCode = sum.failures > 0 ? 1 : 0;
for (const worker of crew) void worker.terminate();
