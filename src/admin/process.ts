/** Metrics of the process and of its event loop, under the names that the usual client library, prom-client, gives them. */
import { readdir, readFile } from 'node:fs/promises';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { type Family, family } from './prometheus.js';

const STARTED = Date.now() / 1000 - process.uptime();
const RESOLUTION_MS = 10;
let delays: IntervalHistogram | undefined;

export async function processMetrics(): Promise<Family[]> {
  const { user, system } = process.cpuUsage();
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  return [
    counter('process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.', user / 1e6),
    counter('process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.', system / 1e6),
    counter(
      'process_cpu_seconds_total',
      'Total user and system CPU time spent in seconds.',
      (user + system) / 1e6,
    ),
    gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', STARTED),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', rss),
    ...(await descriptors()),
    ...(await eventLoop()),
    gauge('nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.', heapTotal),
    gauge('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.', heapUsed),
    gauge('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.', external),
    version(),
  ];
}

function counter(name: string, help: string, value: number): Family {
  return family(name, 'counter', help, [{ value }]);
}

function gauge(name: string, help: string, value: number): Family {
  return family(name, 'gauge', help, [{ value }]);
}

/** Linux only. */
async function descriptors(): Promise<Family[]> {
  try {
    const open = await readdir('/proc/self/fd');
    const limits = await readFile('/proc/self/limits', 'utf8');
    const max = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
    return [
      gauge('process_open_fds', 'Number of open file descriptors.', open.length - 1), // one is for looking
      gauge('process_max_fds', 'Maximum number of open file descriptors.', max),
    ];
  } catch {
    return [];
  }
}

/** The lag now, and its distribution since the last time somebody asked. */
async function eventLoop(): Promise<Family[]> {
  const start = performance.now();
  await setImmediate();
  const lag = (performance.now() - start) / 1000;
  const families = [gauge('nodejs_eventloop_lag_seconds', 'Lag of event loop in seconds.', lag)];
  if (delays !== undefined && delays.count > 0) families.push(...distribution(delays));
  delays ??= monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  delays.reset();
  return families;
}

function distribution(histogram: IntervalHistogram): Family[] {
  const values = {
    min: histogram.min,
    max: histogram.max,
    mean: histogram.mean,
    stddev: histogram.stddev,
    p50: histogram.percentile(50),
    p90: histogram.percentile(90),
    p99: histogram.percentile(99),
  };
  return Object.entries(values).map(([key, nanoseconds]) =>
    gauge(
      `nodejs_eventloop_lag_${key}_seconds`,
      `The ${key} of the recorded event loop delays.`,
      nanoseconds / 1e9,
    ),
  );
}

function version(): Family {
  const [major = '', minor = '', patch = ''] = process.versions.node.split('.');
  const labels = { version: process.version, major, minor, patch };
  return family('nodejs_version_info', 'gauge', 'Node.js version info.', [{ labels, value: 1 }]);
}
