/** A thread that sends tasks, through a sender that was made for it. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { SenderHandle, Task } from '#index';

export interface Production {
  readonly handle: SenderHandle<Task>;
  /** Of the function in fixtures/tasks.ts. */
  readonly name: string;
  readonly args: readonly unknown[];
  /** How many are sent. The last one's number is added to a numeric first argument. */
  readonly count: number;
  /** `blocking` by default. */
  readonly how?: 'async' | 'try' | 'blocking';
}

export function startProducer(production: Production): Worker {
  return new Worker(new URL('../fixtures/producer.js', import.meta.url), { workerData: production });
}

export function produce(t: TestContext, production: Production): Worker {
  const producer = startProducer(production);
  t.after(() => producer.terminate());
  producer.on('error', (error) => assert.fail(error));
  return producer;
}

/** Resolves when the thread has ended. */
export function ended(producer: Worker): Promise<void> {
  return new Promise((resolve) => producer.once('exit', () => resolve()));
}
