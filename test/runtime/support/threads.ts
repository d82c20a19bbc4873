/**
 * The worker threads that runtimes of this process start, from the import of this module on; a runtime offers no way to
 * end one at a random moment.
 */
import { syncBuiltinESMExports } from 'node:module';
import workerThreads, { Worker } from 'node:worker_threads';

export interface WatchedThread extends Worker {
  /** In milliseconds since 1970. */
  readonly born: number;
}

/** Oldest first. Empty it to begin anew. */
export const threads: WatchedThread[] = [];

class WatchedWorker extends Worker {
  readonly born: number = Date.now();

  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args);
    if (args[1]?.name !== 'async-tasks') return; // a test's own
    threads.push(this);
  }
}

workerThreads.Worker = WatchedWorker;
syncBuiltinESMExports();
