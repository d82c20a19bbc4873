/** How tasks come into the queue: `runTask` and its siblings, and what is wrong with a call. All on the owner's thread. */
import { Sender, type SendOptions } from '../channel/index.js';
import { expectOptions, shown } from '../expect.js';
import { Task } from '../task/index.js';
import { Entry } from './entry.js';
import type { Ledger } from './ledger.js';
import type { TaskHandle } from './record.js';

/** How long `runTask` may wait for room in the queue: `timeout` in milliseconds, or until `signal` aborts. */
export interface RunOptions extends SendOptions {
  /** The id of the request that the task comes from: up to 64 characters of ASCII, for its record and the log. */
  readonly requestId?: string | undefined;
}

const NO_OPTIONS: RunOptions = Object.freeze({});

/**
 * Puts `task` into the queue. Resolves once it is *in the queue*, not once it has run.
 *
 * Rejects like `Sender.send`, and then the task will never run: SendTimeoutError, the signal's reason,
 * ChannelClosedError, NotSendableError, TaskTooLargeError; TypeError for what is no task of the runtime's module.
 */
export async function runTask<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: RunOptions = NO_OPTIONS,
): Promise<TaskHandle<R>> {
  return enqueueTask(task, tx, options);
}

/**
 * Like {@link runTask}, but makes no promise if there is room: most often there is. What is wrong may be thrown. `late`:
 * the runtime need not be woken before the end of this turn of the event loop, as `Sender.send` says.
 */
export function enqueueTask<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: RunOptions,
  late = false,
): TaskHandle<R> | Promise<TaskHandle<R>> {
  const entry = entryFor(task, tx, options, 'timeout', 'signal', 'requestId');
  const sent = tx.send(noted(task, entry), sendOptions(options), entry, late);
  return entry.id >= 0 ? entry : after(sent, entry);
}

async function after<R>(sent: Promise<void>, entry: Entry<R>): Promise<Entry<R>> {
  await sent;
  return entry;
}

/** Puts `task` into the queue if there is room now and nobody waits for it. `undefined`: nothing was queued. */
export function tryRunTask<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: Pick<RunOptions, 'requestId'> = NO_OPTIONS,
): TaskHandle<R> | undefined {
  const entry = entryFor(task, tx, options, 'requestId');
  return tx.trySend(noted(task, entry), entry) ? entry : undefined;
}

/**
 * Like {@link runTask}, but blocks the thread while the queue is full. Meanwhile the owner enforces no deadline and restarts
 * no worker: give a `timeout`.
 */
export function blockingRunTask<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: Pick<RunOptions, 'timeout' | 'requestId'> = NO_OPTIONS,
): TaskHandle<R> {
  const entry = entryFor(task, tx, options, 'timeout', 'requestId');
  tx.blockingSend(noted(task, entry), sendOptions(options), entry);
  return entry;
}

/** The worker's log names the request, too. */
function noted(task: Task, { requestId }: Entry): Task {
  return requestId === undefined ? task : task.noted(requestId);
}

// ── What is wrong with a call ──────────────────────────────────────────────────────────────────────────────────────

/** By the memory of a channel: the ledger that this thread has started on it, or why there is none. */
const ledgers = new WeakMap<SharedArrayBuffer, Ledger | Error>();
/** Most calls have the sender of the call before. */
let last: { readonly tx: Sender<Task>; readonly ledger: Ledger } | undefined;

export function registerLedger(memory: SharedArrayBuffer, ledger: Ledger | Error): void {
  ledgers.set(memory, ledger);
  last = undefined;
}

/** `names`: of the options that may be given. */
function entryFor<R>(
  task: Task<R>,
  tx: Sender<Task>,
  options: Pick<RunOptions, 'requestId'>,
  ...names: readonly (keyof RunOptions)[]
): Entry<R> {
  const ledger = last?.tx === tx ? last.ledger : ledgerOf(task, tx);
  if (!(task instanceof Task)) {
    const hint = typeof task === 'function' ? ': did you forget to call it?' : '';
    throw new TypeError(`Expected a task made by defineTasks or move, got ${shown(task)}${hint}`);
  }
  if (options !== NO_OPTIONS) expectRequest(options, names);
  const type = ledger.typeOf(task);
  if (type !== undefined) return new Entry<R>(ledger, type, options.requestId, tx);
  const all = [...ledger.types.values()].map(({ name, kind }) => `${name} (${kind})`).join(', ');
  throw new TypeError(
    `Expected a task of the runtime's tasks module, which has ${all}; got ${task.name} (${task.kind})`,
  );
}

function ledgerOf(task: unknown, tx: Sender<Task>): Ledger {
  if (!(tx instanceof Sender)) {
    const swapped = task instanceof Sender ? ': the task comes first, then the sender' : '';
    throw new TypeError(`Expected \`tx\` to be a Sender, got ${shown(tx)}${swapped}`);
  }
  const ledger = ledgers.get(tx.memory);
  if (ledger === undefined)
    throw new Error(
      'Expected a runtime on this channel, started by this thread: await startRuntime(rx, …) first. ' +
        'Another thread sends tasks with `tx.send(task)`',
    );
  if (ledger instanceof Error) throw ledger;
  ledger.senders.add(tx);
  last = { tx, ledger };
  return ledger;
}

function expectRequest(options: RunOptions, names: readonly string[]): void {
  expectOptions(options, ...names);
  const { requestId = 'none' } = options;
  if (typeof requestId === 'string' && /^[\x20-\x7e]{1,64}$/.test(requestId)) return;
  throw new RangeError(`Expected \`requestId\` to be 1 to 64 characters of ASCII, got ${shown(requestId)}`);
}

/** Without the request, which the channel does not know. */
function sendOptions(options: RunOptions): SendOptions | undefined {
  return options === NO_OPTIONS ? undefined : { timeout: options.timeout, signal: options.signal };
}
