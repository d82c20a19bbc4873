/** The snapshot: everything that the page shows at one moment. Times are in milliseconds, dates since 1970. */
import { BOUNDS_MS, type Ended, type Runtime, type TaskHandle, type TaskRecord } from '../runtime/index.js';

/** The part of a runtime that the admin page reads. A task's handle is less than the class, so that a test can make one. */
export interface Watched {
  readonly runtime: Pick<Runtime, 'tasks' | 'stats' | 'ready' | 'failing' | 'ending'> & {
    task(id: number): Pick<TaskHandle, 'status' | 'cancel'> | undefined;
  };
}

/** The length of the page's list. Running tasks are in it, however old. */
const RECENT = 100;

export function snapshot(runtime: Watched['runtime']): object {
  const { ended, ...stats } = runtime.stats();
  const records = runtime.tasks();
  const sum = (of: (each: Ended) => number) => [...ended.values()].reduce((all, each) => all + of(each), 0);
  const buckets = (key: 'wait' | 'run') =>
    Array.from({ length: BOUNDS_MS.length + 1 }, (_, index) => sum((each) => each[key].counts[index] ?? 0));
  const open = records.filter(({ finished }) => finished === undefined).length;
  return {
    ...stats,
    time: Date.now(),
    worker: runtime.failing ? 'failing' : runtime.ending ? 'draining' : 'running',
    tasks: records.filter(({ state }, index) => index < RECENT || state === 'running').map(row),
    enqueued: sum((each) => each.succeeded + each.failed + each.cancelled) + open,
    succeeded: sum((each) => each.succeeded),
    failed: sum((each) => each.failed),
    cancelled: sum((each) => each.cancelled),
    bounds: BOUNDS_MS,
    wait: buckets('wait'),
    run: buckets('run'),
  };
}

/** A task as its row shows it. `GET /tasks/ID` has the rest. */
function row({ outcome, requestId, ...shown }: TaskRecord): object {
  return shown;
}
