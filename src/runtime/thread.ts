/**
 * One worker thread, from its start to its end, as the supervisor sees it. The two talk over a port of their own, which
 * tasks cannot reach: what a task, or a watcher of files, posts to the thread's parent means nothing here.
 */
import { existsSync } from 'node:fs';
import { inspect } from 'node:util';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { errorFromOutside } from './errors.js';
import type { TaskType } from './record.js';
import type { WorkerMessage, WorkerSetup } from './worker.js';

const ENTRY = new URL('./worker.js', import.meta.url);

/** A worker thread. Its end always comes, also if no thread could be made. It does not keep the process alive. */
export class Thread {
  /** Resolves with the cause of its end. */
  readonly ended: Promise<Error>;
  /** The tasks were imported. */
  started = false;
  /** The channel was closed, and all that was in it has run. */
  drained = false;
  /** For how long it could run tasks, in milliseconds. Known once it ends. */
  ran = 0;
  readonly #onStarted: (tasks: readonly TaskType[]) => void;
  readonly #port: MessagePort;
  #worker: Worker | undefined;
  #since = performance.now();
  #cause: Error | undefined;

  constructor(setup: Omit<WorkerSetup, 'port'>, onStarted: (tasks: readonly TaskType[]) => void) {
    const { port1, port2 } = new MessageChannel();
    this.#onStarted = onStarted;
    this.#port = port1;
    this.#port.on('message', (message: WorkerMessage) => this.#hear(message)).unref();
    this.ended = this.#live({ ...setup, port: port2 });
  }

  /** It has imported the tasks, and is not being ended. */
  get running(): boolean {
    return this.started && this.#cause === undefined;
  }

  /** For how long it has been starting, or running tasks, or ending, in milliseconds. */
  get age(): number {
    return performance.now() - this.#since;
  }

  /** A task was asked to stop, as the table of runs says: a task that waits does not look there. */
  tellStop(): void {
    this.#port.postMessage('stop');
  }

  /** Ends the thread, whatever it does; one inside a system call, once that returns. */
  terminate(cause: Error): void {
    this.#fail(cause);
    void this.#worker?.terminate();
  }

  /** Makes the thread. Returns the cause of its end: the first one counts. */
  async #live(workerData: WorkerSetup): Promise<Error> {
    try {
      const worker = new Worker(urlFor(workerData.tasks), {
        workerData,
        transferList: [workerData.port],
        name: 'async-tasks',
      });
      this.#worker = worker;
      worker.on('error', (error: unknown) => this.#fail(error)); // then it exits
      const code = await new Promise((resolve) => worker.once('exit', resolve).unref());
      const next = () => receiveMessageOnPort(this.#port); // what it told just before its end
      for (let each = next(); each !== undefined; each = next()) this.#hear(each.message as WorkerMessage);
      // What Node.js says of a module whose top level awaits something when there is nothing left to wait for.
      const never =
        code === 13 && !this.started ? ': the top level of the tasks module awaits what never comes' : '';
      return this.#fail(errorFromOutside(`exit code ${code}${never}`));
    } catch (error) {
      return this.#fail(error); // no thread could be made
    } finally {
      this.#port.close();
    }
  }

  #hear(message: WorkerMessage): void {
    if (message === 'drained') {
      this.drained = true;
      void this.#worker?.terminate(); // timers and sockets of earlier tasks would keep it alive
    } else {
      this.started = true;
      this.#since = performance.now();
      this.#onStarted(message);
    }
  }

  /** It comes to its end now. Returns the cause: the first one counts. */
  #fail(error: unknown): Error {
    if (this.#cause !== undefined) return this.#cause;
    this.#cause = error instanceof Error ? error : new Error(inspect(error));
    this.ran = this.started ? this.age : 0;
    this.#since = performance.now();
    return this.#cause;
  }
}

/**
 * Where the thread begins: beside this module, or else beside the tasks. A bundler may put this module into a folder for
 * what entry points share, as Vite does, or a copy of the entry in the place of its URL.
 */
function urlFor(tasks: string): URL {
  if (existsSync(ENTRY) || !URL.canParse('./worker.js', tasks)) return ENTRY;
  return new URL('./worker.js', tasks);
}
