/**
 * One worker thread, from its start to its end, as the supervisor sees it. The two talk over a port of their own, which
 * tasks cannot reach: what a task, or a watcher of files, posts to the thread's parent means nothing here.
 */
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { errorFromOutside, StartTimeoutError } from './errors.js';
import type { WorkerMessage, WorkerSetup } from './worker.js';

/** How a thread came to its end. */
export interface ThreadEnd {
  readonly cause: Error;
  /** For how long it could run tasks, in milliseconds. */
  readonly ms: number;
  readonly started: boolean;
  readonly threadId: number;
  /** The channel was closed, and all that was in it has run. */
  readonly drained: boolean;
}

/** Told once the thread has imported the tasks. */
export type Started = (module: { readonly names: readonly string[]; readonly timeouts: boolean }) => void;

const ENTRY = new URL('./worker.js', import.meta.url);

/** A worker thread. Its `end` always comes, also if no thread could be made. */
export class Thread {
  readonly end: Promise<ThreadEnd>;
  readonly #onStarted: Started;
  #settle: (end: ThreadEnd) => void = () => {};
  #worker: Worker | undefined;
  #threadId = -1;
  #late: NodeJS.Timeout | undefined;
  #cause: Error | undefined;
  /** Since when it has been starting, or running tasks, or ending. */
  #since = performance.now();
  #started = false;
  /** For how long it ran tasks, in milliseconds. Known with the cause of its end. */
  #ran = 0;
  #drained = false;

  /** `startTimeout`: how long the import of the tasks may take, in milliseconds. */
  constructor(setup: Omit<WorkerSetup, 'port'>, startTimeout: number, onStarted: Started) {
    this.#onStarted = onStarted;
    this.end = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { port1, port2 } = new MessageChannel();
    const workerData: WorkerSetup = { ...setup, port: port2 };
    try {
      this.#worker = new Worker(ENTRY, { workerData, transferList: [port2], name: 'async-tasks' });
      this.#threadId = this.#worker.threadId; // an ended one has none
    } catch (error) {
      this.#fails(error);
      this.#ends(port1, 1);
      return;
    }
    this.#late = setTimeout(() => {
      this.#hearAll(port1); // this thread, too, may have been late
      if (!this.#started) this.terminate(new StartTimeoutError(setup.tasks, startTimeout));
    }, startTimeout);
    this.#listen(this.#worker, port1);
  }

  /** It has imported the tasks, and is not being ended. */
  get running(): boolean {
    return this.#started && this.#cause === undefined;
  }

  /** For how long it has been starting, or running tasks, or ending, in milliseconds. */
  get age(): number {
    return performance.now() - this.#since;
  }

  /** Ends the thread, whatever it does; one inside a system call, once that returns. */
  terminate(cause: Error): void {
    this.#fails(cause);
    void this.#worker?.terminate();
  }

  #listen(worker: Worker, port: MessagePort): void {
    port.on('message', (message: WorkerMessage) => this.#hear(message));
    worker.on('error', (error: unknown) => {
      this.#fails(error);
      // If no thread could be made, nothing else may come.
      void worker.terminate().then(() => this.#ends(port, 1));
    });
    worker.once('exit', (code) => this.#ends(port, code));
  }

  #hear(message: WorkerMessage): void {
    if (message.type === 'started') {
      clearTimeout(this.#late);
      this.#started = true;
      this.#since = performance.now();
      this.#onStarted(message);
    } else {
      this.#drained = true;
      void this.#worker?.terminate(); // timers and sockets of earlier tasks would keep it alive
    }
  }

  #hearAll(port: MessagePort): void {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      this.#hear(next.message as WorkerMessage);
  }

  /** It comes to its end now. Returns the cause of that: the first one counts. */
  #fails(error: unknown): Error {
    if (this.#cause !== undefined) return this.#cause;
    this.#cause = explained(error instanceof Error ? error : new Error(inspect(error)));
    this.#ran = this.#started ? this.age : 0;
    this.#since = performance.now();
    return this.#cause;
  }

  /** Does nothing the second time. */
  #ends(port: MessagePort, code: number): void {
    clearTimeout(this.#late);
    this.#hearAll(port); // what it told just before its end
    port.close();
    const cause = this.#fails(errorFromOutside(this.#exit(code)));
    const [started, drained, threadId] = [this.#started, this.#drained, this.#threadId];
    this.#settle({ cause, ms: this.#ran, started, drained, threadId });
  }

  #exit(code: number): string {
    // What Node.js says of a module whose top level awaits something when there is nothing left to wait for.
    const never = code === 13 && !this.#started;
    return `exit code ${code}${never ? ': the top level of the tasks module awaits what never comes' : ''}`;
  }
}

/** Names the real cause if the thread's entry is not where it was built. */
function explained(error: Error): Error {
  const missing = 'code' in error && /MODULE_NOT_FOUND$/.test(String(error.code));
  if (!missing || !error.message.includes(`'${fileURLToPath(ENTRY)}'`)) return error;
  return errorFromOutside(
    `Expected the worker thread's entry at ${ENTRY.href}: has a bundler put the library elsewhere? ` +
      'Bundle worker.js as an entry point of its own, beside the others: see README, "Bundle it"',
    'ERR_WORKER_NOT_FOUND',
  );
}
