/**
 * Tasks a second with 1, 2 and 4 workers, what an enqueue takes, and what a task costs Redis; the same between threads.
 * All on this machine, Redis included, which keeps an append-only file as it does by default (`everysec`).
 *
 *   npm run bench
 */
import { availableParallelism } from 'node:os';
import type { Redis } from 'ioredis';
import { channel, type Queue, queueOf, startRuntime, type Task } from '#engine/core';
import { Engine } from '#engine/queue';
import { connect, HASTY } from '#engine/redis';
import { Program } from '../test/support/program.js';
import { RedisServer } from '../test/support/redis.js';
import { tasks } from './tasks.js';

const TASKS = new URL('./tasks.js', import.meta.url);
const CAPACITY = 256;
/** So many enqueues are in flight. */
const CLIENTS = 32;
const SECONDS = 5;
const never = new AbortController().signal;

interface Figures {
  readonly tasks: number;
  readonly seconds: number;
  /** Of the enqueues, in milliseconds: while there is room one waits for Redis alone. */
  readonly median: number;
  readonly p99: number;
}

/** Keeps the queue full for a while, then waits until all has run. */
async function load(queue: Queue, make: () => Task): Promise<Figures> {
  const latencies: number[] = [];
  const since = performance.now();
  let last = '';
  const client = async () => {
    while (performance.now() - since < SECONDS * 1000) {
      const from = performance.now();
      last = (await queue.enqueue(make(), { timeout: 60_000, signal: never })).key;
      latencies.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await queue.ended(last);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? 0;
  const seconds = (performance.now() - since) / 1000;
  return { tasks: latencies.length, seconds, median: at(0.5), p99: at(0.99) };
}

/** One enqueue after the other, with room: what a request pays. */
async function unhurried(queue: Queue): Promise<{ median: number; p99: number }> {
  const latencies: number[] = [];
  for (let n = 0; n < 500; n++) {
    const from = performance.now();
    const { key } = await queue.enqueue(tasks.compute(0), { timeout: 1000, signal: never });
    latencies.push(performance.now() - from);
    await queue.ended(key);
  }
  latencies.sort((a, b) => a - b);
  return { median: latencies[250] ?? 0, p99: latencies[495] ?? 0 };
}

/** Seconds of processor and commands, since Redis started. */
async function spentBy(redis: Redis): Promise<{ cpu: number; commands: number }> {
  const info = await redis.info('everything');
  const field = (name: string) => Number(new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]);
  const cpu = field('used_cpu_user_main_thread') + field('used_cpu_sys_main_thread');
  return { cpu, commands: field('total_commands_processed') };
}

function row(what: string, { tasks: count, seconds, median, p99 }: Figures, more = ''): void {
  const rate = Math.round(count / seconds);
  console.log(`| ${what} | ${rate} | ${median.toFixed(2)} | ${p99.toFixed(2)} | ${more} |`);
}

async function between(ms: number): Promise<void> {
  const [tx, rx] = channel<Task>(CAPACITY);
  const runtime = await startRuntime(rx, { tasks: TASKS, log: false });
  row(`${ms} ms, between threads, 1 thread`, await load(queueOf(tx, runtime), () => tasks.compute(ms)));
  await runtime.close();
}

async function distributed(server: RedisServer, ms: number, count: number): Promise<void> {
  const name = `bench-${ms}-${count}`;
  const env = { REDIS_URL: server.url, QUEUE: name, TASKS: TASKS.href };
  const workers = await Promise.all(Array.from({ length: count }, () => Program.worker(env)));
  const redis = await connect(server.url, HASTY);
  const options = { name, tasks, capacity: CAPACITY, history: 10_000, maxBytes: 65_536 };
  const engine = await Engine.open(redis, options);
  const before = await spentBy(redis);
  const figures = await load(engine, () => tasks.compute(ms));
  const after = await spentBy(redis);
  const each = (key: 'cpu' | 'commands') => (after[key] - before[key]) / figures.tasks;
  const cost = `${Math.round(each('cpu') * 1e6)} µs, ${each('commands').toFixed(1)} commands`;
  row(`${ms} ms, BullMQ, ${count} worker${count > 1 ? 's' : ''}`, figures, cost);
  if (ms === 1 && count === 1) {
    const { median, p99 } = await unhurried(engine);
    console.log(`| one enqueue at a time, BullMQ | | ${median.toFixed(2)} | ${p99.toFixed(2)} | |`);
  }
  await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
  redis.disconnect();
}

const server = await RedisServer.start('--appendonly', 'yes');
try {
  console.log(
    `Node.js ${process.version}, ${availableParallelism()} cores, ${new Date().toISOString().slice(0, 10)}\n`,
  );
  console.log('| computing for | tasks a second | enqueue, median ms | p99 ms | Redis, for each task |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const ms of [1, 20]) {
    await between(ms);
    for (const count of [1, 2, 4]) await distributed(server, ms, count);
  }
} finally {
  await server.stop();
}
