/** A queue of a test's own in Redis, with workers and as many servers as a test likes, and the file of marks. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from '#engine/core';
import { Engine, type EngineOptions } from '#engine/queue';
import { connect, HASTY } from '#engine/redis';
import { tasks } from '../fixtures/tasks.js';
import { Program } from './program.js';
import type { RedisServer } from './redis.js';

const TASKS = new URL('../fixtures/tasks.js', import.meta.url);
const never = new AbortController().signal;
let queues = 0;

export class Setting {
  readonly #t: TestContext;
  readonly #redis: RedisServer;
  readonly #name = `queue-${queues++}`;
  readonly #marks: string;

  constructor(t: TestContext, redis: RedisServer) {
    this.#t = t;
    this.#redis = redis;
    const folder = mkdtempSync(join(tmpdir(), 'async-tasks-marks-'));
    this.#marks = join(folder, 'marks');
    writeFileSync(this.#marks, '');
    t.after(() => rmSync(folder, { recursive: true, force: true }));
  }

  /** For programs that work on this queue. */
  get env(): Record<string, string> {
    return { REDIS_URL: this.#redis.url, QUEUE: this.#name, TASKS: TASKS.href, MARKS: this.#marks };
  }

  async engine(options: Partial<EngineOptions> = {}): Promise<Engine> {
    const redis = await connect(this.#redis.url, HASTY);
    this.#t.after(() => redis.disconnect());
    const defaults = { name: this.#name, tasks, capacity: 100, history: 1000, maxBytes: 65_536 };
    return Engine.open(redis, { ...defaults, ...options });
  }

  async worker(env: Readonly<Record<string, string>> = {}): Promise<Program> {
    const worker = await Program.worker({ ...this.env, ...env });
    this.#t.after(() => worker.end());
    return worker;
  }

  /** The number of each task that was started, as often as it was. */
  marks(): number[] {
    return readFileSync(this.#marks, 'utf8').split('\n').filter(Boolean).map(Number);
  }

  async marked(count: number): Promise<void> {
    for (const deadline = performance.now() + 20_000; this.marks().length < count; await sleep(5)) {
      if (performance.now() > deadline)
        throw new Error(`Expected ${count} marks, got ${this.marks().length}`);
    }
  }
}

/** The task's key. */
export async function enqueue(engine: Engine, task: Task, timeout = 10_000): Promise<string> {
  return (await engine.enqueue(task, { timeout, signal: never })).key;
}

export function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined;
}
