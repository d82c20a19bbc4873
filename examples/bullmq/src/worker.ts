/**
 * A worker: runs the tasks, in as many threads as it is told, until a signal ends it. Any number of them, on any machine.
 * On the first signal it takes no more tasks, and those that run may end, for 25 s; a second one ends it at once. What it
 * cannot tell Redis any more is recorded by another worker, as a task whose worker was lost.
 */
import type { Lane } from './lane.js';

process.setSourceMapsEnabled(true);
const { MAX_TASK_BYTES, printDirectly, StartError, TASKS } = await import('./core.js');
const { countFrom, placeFrom } = await import('./environment.js');
const { connect, PATIENT } = await import('./redis.js');
const lane = await import('./lane.js');

const DRAIN_MS = 25_000;
/** Below the 30 s after which Kubernetes kills. */
const LEAVE_MS = 28_000;
const SAME_SIGNAL_MS = 1000;

printDirectly();
try {
  const lanes = await start(process.env);
  console.log(`working with ${lanes.length} thread${lanes.length > 1 ? 's' : ''}`);
  endBySignal(lanes);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exit(1);
}

async function start(env: NodeJS.ProcessEnv): Promise<Lane[]> {
  const { redis: url, queue: name } = placeFrom(env);
  const threads = countFrom(env, 'THREADS', 1, 256);
  const concurrency = countFrom(env, 'CONCURRENCY', 1, 256);
  const lockMs = countFrom(env, 'LOCK_MS', 30_000, 3_600_000);
  const tasks = new URL(env['TASKS'] || TASKS);
  const redis = await connect(url, PATIENT);
  const options = { name, tasks, concurrency, lockMs, maxBytes: MAX_TASK_BYTES };
  return Promise.all(Array.from({ length: threads }, () => lane.Lane.start(redis, options)));
}

function endBySignal(lanes: readonly Lane[]): void {
  let since: number | undefined;
  const end = async (signal: NodeJS.Signals) => {
    if (since !== undefined && performance.now() - since > SAME_SIGNAL_MS) process.exit(1);
    if (since !== undefined) return;
    since = performance.now();
    console.log(`${signal}: draining`);
    setTimeout(() => process.exit(1), LEAVE_MS); // Redis is away
    await Promise.all(lanes.map((lane) => lane.drain(DRAIN_MS)));
    process.exit();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, (name) => void end(name));
}
