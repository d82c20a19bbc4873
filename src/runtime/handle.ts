/** The enqueuer's side of a task: `runTask`, and the handle to ask, stop and await it. Works in any thread. */

import { type Claimant, checked, keepAlive, type Sender, type SendOptions } from '../channel/index.js';
import { type EnqueueEvent, enqueueChannel } from './diagnostics.js';
import { OutcomeOmittedError, TaskCancelledError, TaskExpiredError } from './errors.js';
import { Ledger } from './ledger.js';
import { expectRequestId, type TaskRecord, type TaskState } from './record.js';
import type { Task } from './task.js';

/** How long `runTask` may wait for room in the queue: `timeout` in milliseconds, or until `signal` aborts. */
export interface RunOptions extends Pick<SendOptions, 'timeout' | 'signal'> {
  /** The id of the request that the task comes from: up to 64 characters of ASCII, for its record and the log. */
  readonly requestId?: string | undefined;
}

type Origin = Pick<RunOptions, 'requestId'>;

const NO_OPTIONS: RunOptions = Object.freeze({});

/**
 * Puts `task` into the queue. Resolves once it is *in the queue*, not once it has run.
 *
 * Rejects like `Sender.send`, and then the task will never run: SendTimeoutError, the signal's reason,
 * ChannelClosedError, NotSendableError, TaskTooLargeError; TypeError for a task of another module than the runtime's.
 */
export async function runTask<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: RunOptions = NO_OPTIONS,
): Promise<TaskHandle<R>> {
  const queued = enqueueTask(task, tx, options);
  return queued instanceof TaskHandle ? queued : await queued;
}

/** Puts `task` into the queue if there is room now. `undefined`: the queue is full, nothing was queued. */
export function tryRunTask<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: Origin = NO_OPTIONS,
): TaskHandle<R> | undefined {
  const handle = handleFor(task, tx, options);
  return tryEnqueue(task, tx, handle) ? handle : undefined;
}

/**
 * Like {@link runTask}, but makes no promise if there is room: most often there is. What is wrong may be thrown. `late`:
 * the runtime need not be woken before the end of this turn of the event loop, as `Sender.trySend` says.
 */
export function enqueueTask<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: RunOptions,
  late = false,
): TaskHandle<R> | Promise<TaskHandle<R>> {
  const { signal } = checked(options);
  const handle = handleFor(task, tx, options);
  if (signal?.aborted !== true && tryEnqueue(task, tx, handle, late)) return handle;
  return waitForRoom(task, tx, handle, options); // rejects with the reason of the signal
}

function handleFor<R>(task: Task<R>, tx: Sender<Task>, options: Origin): TaskHandle<R> {
  if (options.requestId !== undefined) expectRequestId(options.requestId);
  return new TaskHandle<R>(task, enqueuerOf(tx), options);
}

function tryEnqueue<R>(task: Task<R>, tx: Sender<Task>, handle: TaskHandle<R>, late = false): boolean {
  try {
    const sent = tx.trySend(task, handle, late);
    if (sent) handle.accepted();
    return sent;
  } catch (error) {
    handle.withdraw();
    throw error;
  }
}

async function waitForRoom<R>(
  task: Task<R>,
  tx: Sender<Task>,
  handle: TaskHandle<R>,
  options: RunOptions,
): Promise<TaskHandle<R>> {
  try {
    await tx.send(task, options, handle);
    handle.accepted();
  } catch (error) {
    handle.withdraw();
    throw error;
  }
  return handle;
}

/** Like {@link runTask}, but blocks the thread while the queue is full: for producer threads. See `blockingSend`. */
export function blockingRunTask<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: Pick<RunOptions, 'timeout' | 'requestId'> = NO_OPTIONS,
): TaskHandle<R> {
  const handle = handleFor(task, tx, options);
  try {
    tx.blockingSend(task, options, handle);
    handle.accepted();
  } catch (error) {
    handle.withdraw();
    throw error;
  }
  return handle;
}

/**
 * Resolves with the record of task `id` once it has ended; with `undefined` if there is none, or none any more. `tx` is
 * any sender of the task's channel.
 */
export async function whenEnded(id: number, tx: Sender<Task>): Promise<TaskRecord | undefined> {
  const enqueuer = enqueuerOf(tx);
  await enqueuer.end(id);
  return enqueuer.ledger.read(id);
}

/** A task that is in the queue, or was. */
export class TaskHandle<R = unknown> implements Claimant {
  readonly #task: Task<R>;
  readonly #enqueuer: Enqueuer;
  readonly #requestId: string | undefined;
  #id = -1;

  /** @internal Made by `runTask`. */
  constructor(task: Task<R>, enqueuer: Enqueuer, { requestId }: Origin) {
    if (task.module !== 0 && task.module !== enqueuer.ledger.module) {
      throw new TypeError(
        "Expected a task of the runtime's own tasks module: is there a second defineTasks?",
      );
    }
    this.#task = task;
    this.#enqueuer = enqueuer;
    this.#requestId = requestId;
  }

  /** Unique within the process, and in the order of the queue. */
  get id(): number {
    return this.#id;
  }

  /** @internal The channel's: the message has its position, and so the task its record. */
  claimed(position: number): boolean {
    const { number, kind } = this.#task;
    this.#id = this.#enqueuer.ledger.enqueue(position, number, kind, this.#requestId);
    return this.#id >= 0;
  }

  /** @internal The task is in the queue. */
  accepted(): void {
    if (!enqueueChannel.hasSubscribers) return;
    const { number, kind } = this.#task;
    enqueueChannel.publish({
      id: this.#id,
      fn: number,
      kind,
      requestId: this.#requestId,
    } satisfies EnqueueEvent);
  }

  /** @internal The send has failed: the task was never accepted. */
  withdraw(): void {
    if (this.#id >= 0) this.#enqueuer.ledger.withdraw(this.#id);
  }

  /** The task's record, or `undefined` if it has been used for a later task. Reads memory, asks nobody. */
  status(): TaskRecord | undefined {
    return this.#enqueuer.ledger.read(this.#id);
  }

  /**
   * Asks the task to stop. Returns the state it had: `queued`: it will never run. `running`: it has been told, by
   * `signal` and `cancelled` of its context, and may still succeed. A final state, or `undefined`: too late.
   */
  cancel(): TaskState | undefined {
    return this.#enqueuer.ledger.cancel(this.#id);
  }

  /**
   * Resolves with the task's result. Holds no timer: the executor wakes it.
   *
   * Rejects with what the task threw (an error keeps name, message, code, cause and stack, and this call's stack is
   * added), with TaskCancelledError, OutcomeOmittedError, or TaskExpiredError.
   */
  async finished(): Promise<R> {
    const here = new Error();
    Error.captureStackTrace(here, this.finished);
    await this.#enqueuer.end(this.#id);
    const record = this.status();
    if (record === undefined) throw new TaskExpiredError(this.#id);
    if (record.state === 'cancelled') throw new TaskCancelledError(record.outcome);
    if (record.omittedBytes !== undefined) throw new OutcomeOmittedError(record.state, record.omittedBytes);
    if (record.state === 'succeeded') return record.outcome as R;
    const error = record.outcome;
    if (error instanceof Error)
      error.stack += `\n    ---- awaited ----${here.stack?.slice('Error'.length) ?? ''}`;
    throw error;
  }
}

/** What all handles of one sender share: the ledger, and who waits for the end of which task. */
class Enqueuer {
  readonly ledger: Ledger;
  readonly #slot: number;
  readonly #waiting = new Map<number, { readonly ended: Promise<void>; readonly resolve: () => void }>();
  #parked = false;

  constructor(memory: SharedArrayBuffer, tx: Sender<Task>) {
    this.ledger = new Ledger(memory);
    this.#slot = tx.slot;
  }

  /** Resolves when the task has ended, or its record is gone. */
  end(id: number): Promise<void> {
    let waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      let resolve = () => {};
      const ended = new Promise<void>((settle) => {
        resolve = settle;
      });
      waiting = { ended, resolve };
      this.#waiting.set(id, waiting);
      keepAlive(1);
      // While it is parked, an end after that look wakes it. If this one has ended, others may have, too.
      if (!this.#parked || !this.ledger.watchers.watch(id, this.#slot)) this.#park();
    }
    return waiting.ended;
  }

  #park(): void {
    const { watchers } = this.ledger;
    const wakes = watchers.wakes(this.#slot);
    this.#settle(); // after the look at the wake-ups; see watchers.ts
    if (this.#parked || this.#waiting.size === 0) return;
    this.#parked = true;
    void watchers.park(this.#slot, wakes).then(() => this.#woken());
  }

  #woken(): void {
    this.#parked = false;
    this.#park();
  }

  #settle(): void {
    for (const [id, { resolve }] of this.#waiting) {
      if (this.ledger.watchers.watch(id, this.#slot)) continue;
      this.#waiting.delete(id);
      keepAlive(-1);
      resolve();
    }
  }
}

/** Made when they are first needed. The last one is found at once: most threads have one sender. */
const enqueuers = new WeakMap<Sender<Task>, Enqueuer>();
let last: { readonly tx: Sender<Task>; readonly enqueuer: Enqueuer } | undefined;

export function enqueuerOf(tx: Sender<Task>): Enqueuer {
  if (last?.tx === tx) return last.enqueuer;
  let enqueuer = enqueuers.get(tx);
  if (enqueuer === undefined) {
    const memory = tx.link.annex;
    if (memory === undefined)
      throw new Error('Expected a runtime on this channel: await startRuntime(rx, …) first');
    enqueuer = new Enqueuer(memory, tx);
    enqueuers.set(tx, enqueuer);
  }
  last = { tx, enqueuer };
  return enqueuer;
}
