/**
 * What tracing tools can listen to, by `node:diagnostics_channel`. Each event is published in the thread where it happens:
 * `enqueue` where the task was sent, `start` and `end` in the worker thread (listen in the tasks module), `worker:death`
 * in the thread that started the runtime. Without a subscriber an event is never made.
 */
import { channel } from 'node:diagnostics_channel';
import type { FinalState } from './record.js';

/** `async-tasks:enqueue`: the task is in the queue. `fn`: see `TaskRecord`. */
export interface EnqueueEvent {
  readonly id: number;
  readonly fn: number;
  readonly kind: 'sync' | 'async';
  readonly requestId: string | undefined;
}

/** `async-tasks:start`: the task's function is about to be called. */
export interface StartEvent {
  readonly id: number;
  readonly name: string;
  readonly requestId: string | undefined;
}

/** `async-tasks:end`: the task has ended in its thread. */
export interface EndEvent extends StartEvent {
  readonly state: FinalState;
  /** Its result, or what it threw. */
  readonly outcome: unknown;
  /** How long it ran, in milliseconds. */
  readonly duration: number | undefined;
}

/** `async-tasks:worker:death`: the worker thread has ended without having been asked to. */
export interface WorkerDeathEvent {
  readonly cause: Error;
  /** When another one is started, in milliseconds. */
  readonly delay: number;
}

export const enqueueChannel = channel('async-tasks:enqueue');
export const startChannel = channel('async-tasks:start');
export const endChannel = channel('async-tasks:end');
export const workerDeathChannel = channel('async-tasks:worker:death');
