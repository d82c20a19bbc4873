/**
 * `/metrics`, in Prometheus' text format, with names and units by its conventions. What a task waited and ran is in
 * seconds; counts are since the start of the process, and exact (tally.ts).
 */
import { BOUNDS_MS, type Histogram, readPulse } from '../runtime/index.js';
import type { WorkerLife } from './life.js';
import { processMetrics } from './process.js';
import { type Family, family, format, type Sample } from './prometheus.js';
import type { Watched } from './view.js';

const STATES = ['succeeded', 'failed', 'cancelled'] as const;

export class Metrics {
  readonly #watched: Watched;
  readonly #life: WorkerLife;

  constructor(watched: Watched, life: WorkerLife) {
    this.#watched = watched;
    this.#life = life;
  }

  async text(): Promise<string> {
    const own = this.#families();
    return format([...own, ...(await processMetrics())]);
  }

  #families(): Family[] {
    const { tx, runtime } = this.#watched;
    const totals = runtime.ledger.tally.read();
    const named = totals.map((each) => ({ ...each, task: runtime.nameOf(each) }));
    const gauge = (name: string, help: string, value: number) => family(name, 'gauge', help, [{ value }]);
    return [
      family('async_tasks_ended_total', 'counter', 'Tasks that have ended, by task and final state.', [
        ...named.flatMap((each) =>
          STATES.map((state) => ({ labels: { task: each.task, state }, value: each[state] })),
        ),
      ]),
      family('async_tasks_wait_seconds', 'histogram', 'Time from enqueued to started.', [
        ...named.flatMap(({ task, wait }) => buckets(task, wait)),
      ]),
      family('async_tasks_run_seconds', 'histogram', 'Time from started to finished.', [
        ...named.flatMap(({ task, run }) => buckets(task, run)),
      ]),
      gauge('async_tasks_queue_depth', 'Tasks in the queue.', tx.length),
      gauge('async_tasks_queue_capacity', 'Tasks for which the queue has room.', tx.capacity),
      gauge('async_tasks_queue_waiting', 'Sends of the main thread that wait for room.', tx.waiting),
      gauge('async_tasks_running', 'Tasks that are running.', runtime.ledger.running().length),
      gauge('async_tasks_worker_up', '1 while tasks are accepted and run.', runtime.ready ? 1 : 0),
      family('async_tasks_worker_restarts_total', 'counter', 'Worker threads that have died.', [
        { value: this.#life.restarts },
      ]),
      gauge(
        'async_tasks_worker_eventloop_lag_seconds',
        "Lag of the worker thread's event loop.",
        readPulse(runtime.ledger.memory) / 1000,
      ),
    ];
  }
}

/** Each bucket counts all that were as fast, or faster. */
function buckets(task: string, { sum, counts }: Histogram): Sample[] {
  let count = 0;
  const samples = counts.map((each, index) => {
    count += each;
    const bound = BOUNDS_MS[index];
    const le = bound === undefined ? '+Inf' : String(bound / 1000);
    return { suffix: '_bucket', labels: { task, le }, value: count };
  });
  return [
    ...samples,
    { suffix: '_sum', labels: { task }, value: sum / 1000 },
    { suffix: '_count', labels: { task }, value: count },
  ];
}
