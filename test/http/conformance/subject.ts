/** What the conformance suite works on. */
import type { TestContext } from 'node:test';
import type { Queue } from '#http';
import type { tasks as definedTasks } from './tasks.js';

/** What the tests work on: one worker thread runs one task at a time. */
export interface Subject {
  readonly queue: Queue;
  readonly tasks: typeof definedTasks;
}

/** What makes HTTP of a queue. */
export type Http = Pick<typeof import('#http'), 'createHttpServer' | 'TaskResource' | 'taskRoutes'>;

/** A queue for one test, with room for so many tasks. */
export type Open = (t: TestContext, capacity: number) => Promise<Subject>;

/** How long a state may take to come. */
export const PATIENCE_MS = 20_000;
