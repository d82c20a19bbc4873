/**
 * The metrics, in Prometheus' text format 0.0.4, with names and units by its conventions. Counts are those since the
 * start of the process; times are in seconds.
 */
import { BOUNDS_MS, type Histogram } from '../runtime/index.js';
import type { Watched } from './snapshot.js';

const STATES = ['succeeded', 'failed', 'cancelled'] as const;

export function metrics(runtime: Watched['runtime']): string {
  const { ended, ...stats } = runtime.stats();
  const totals = [...ended].map(([name, counts]) => ({ ...counts, task: `task="${escaped(name)}"` }));
  const ends = totals.flatMap((each) =>
    STATES.map((state) => `async_tasks_ended_total{${each.task},state="${state}"} ${each[state]}`),
  );
  const histogram = (name: string, help: string, key: 'wait' | 'run') => {
    const lines = totals.flatMap((each) => buckets(name, each.task, each[key]));
    return family('histogram', name, help, lines);
  };
  const one = (type: string, name: string, help: string, value: number) =>
    family(type, name, help, [`${name} ${value}`]);
  return [
    family('counter', 'async_tasks_ended_total', 'Tasks that have ended, by task and final state.', ends),
    histogram('async_tasks_wait_seconds', 'Time from enqueued to started.', 'wait'),
    histogram('async_tasks_run_seconds', 'Time from started to finished.', 'run'),
    one('gauge', 'async_tasks_queue_depth', 'Tasks in the queue.', stats.queued),
    one('gauge', 'async_tasks_queue_capacity', 'Tasks for which the queue has room.', stats.capacity),
    one('gauge', 'async_tasks_queue_waiting', 'Sends of the main thread that wait for room.', stats.waiting),
    one('gauge', 'async_tasks_running', 'Tasks that are running.', stats.running.length),
    one('gauge', 'async_tasks_worker_up', '1 while tasks are accepted and run.', runtime.ready ? 1 : 0),
    one('counter', 'async_tasks_worker_restarts_total', 'Worker threads that have died.', stats.restarts),
  ].join('');
}

function family(type: string, name: string, help: string, lines: readonly string[]): string {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

/** Each bucket counts all tasks up to its bound, so each is at least the one before. */
function buckets(name: string, task: string, { sum, counts }: Histogram): string[] {
  let count = 0;
  const lines = counts.map((each, index) => {
    count += each;
    const bound = BOUNDS_MS[index];
    return `${name}_bucket{${task},le="${bound === undefined ? '+Inf' : bound / 1000}"} ${count}`;
  });
  return [...lines, `${name}_sum{${task}} ${sum / 1000}`, `${name}_count{${task}} ${count}`];
}

function escaped(label: string): string {
  return label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
