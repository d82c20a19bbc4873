/**
 * The ledger: one record for each recent task, in shared memory, so that any thread can tell what became of a task
 * while the worker thread is blocked, or dead.
 *
 * A task's id is its position in the channel, widened to 53 bits; its record is number `position mod HISTORY`. The
 * channel hands out positions, so nobody has to hand out records: between the claim of a position and its publication,
 * the sender alone writes the record.
 *
 *   word 0      STATE    tag (29 bits: id div HISTORY) | state (3 bits)     Atomics only; decides everything
 *   word 1, 2   POSITION, EPOCH: id = EPOCH × 2³² + POSITION
 *   word 3      CANCEL   tag | 1 once somebody asked this task to stop      Atomics only
 *   word 4      WATCH    bit s: sender s waits for an end                   Atomics only
 *   word 5      TASK     number of the function × 2 + (1 if async)
 *   word 6      SIZE     bytes of the encoded result or error; negative: left out, it would have had that many
 *   word 7      PROGRESS in millionths, -1: none
 *   word 8..15  four times in ms since 1970: enqueued, started, finished, deadline (0: none)
 *   behind the records: room for one encoded result or error each
 *
 *   WRITING → QUEUED      the sender, before the message is published
 *   QUEUED  → RUNNING     the receiver, while the message still stands in the channel
 *   QUEUED  → CANCELLED   anybody
 *   QUEUED  → WITHDRAWN   the sender whose send failed: the task was never accepted
 *   RUNNING → SUCCEEDED | FAILED | CANCELLED    the executor; or the supervisor, once the executor's thread is dead
 *
 * Each arrow out of QUEUED and RUNNING is one compare-exchange, so there is exactly one final state, and a task is
 * started at most once. A worker that dies before QUEUED → RUNNING leaves the message in the channel: the next worker
 * starts it. One that dies after it leaves a RUNNING record, which the supervisor fails; if the message still stands in
 * the channel, the next worker finds the record not QUEUED and drops it. There is no instruction in between.
 *
 * HISTORY is at least the number of the channel's cells. So when position p is claimed, the record's former task, at
 * p - HISTORY or before, has been taken from the channel: it cannot be queued. If it still runs, `enqueue` says no and
 * the sender gives the position up for the next one: a record in use is never overwritten.
 *
 * Readers copy a record between two looks at STATE and use the copy if both saw the same (a seqlock). The second look is
 * an `Atomics.add` of 0: unlike a load it cannot move before the plain reads (H.-J. Boehm, "Can seqlocks get along with
 * programming language memory models?", 2012).
 */
import { Decoder, Encoder, TaskTooLargeError } from './codec.js';
import { wake, wakeAlways } from './park.js';
import { type Bell, MAX_SENDERS } from './ring.js';

const LINE = 32; // words in 128 bytes
const HISTORY = 0; // constants
const RESULT_BYTES = 1;
const MODULE = 2; // which task module the worker thread runs
const CONTROL = LINE; // the worker parks here for cancel requests, while a task uses its signal
const CONDEMNED = LINE + 1; // 1: the supervisor is about to end the worker thread
const WATCHERS = 2 * LINE; // one line for each sender: it parks here for the end of tasks
const RECORDS: number = WATCHERS + MAX_SENDERS * LINE;
const RECORD_WORDS = 16;

const POSITION = 1;
const EPOCH = 2;
const CANCEL = 3;
const WATCH = 4;
const TASK = 5;
const SIZE = 6;
const PROGRESS = 7;
const ENQUEUED = 4; // these four in 64-bit words
const STARTED = 5;
const FINISHED = 6;
const DEADLINE = 7;

const State = {
  WRITING: 1,
  QUEUED: 2,
  RUNNING: 3,
  SUCCEEDED: 4,
  FAILED: 5,
  CANCELLED: 6,
  WITHDRAWN: 7,
} as const;

const STATE_NAMES = ['', '', 'queued', 'running', 'succeeded', 'failed', 'cancelled', ''] as const;

/** What a task is doing. The last three are final. */
export type TaskState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type FinalState = 'succeeded' | 'failed' | 'cancelled';

/** {@link Ledger.start}: the task must not be run. */
export const REFUSED = -1;
/** {@link Ledger.start}: the task may be run, but has no record. */
export const UNRECORDED = -2;

const FINAL = { succeeded: State.SUCCEEDED, failed: State.FAILED, cancelled: State.CANCELLED } as const;

/** A record, read as a whole. Times are in milliseconds since 1970. */
export interface TaskRecord {
  readonly id: number;
  /** Number of the task's function; -1: a closure made by `move`. */
  readonly fn: number;
  readonly kind: 'sync' | 'async';
  readonly state: TaskState;
  /** Somebody asked the task to stop. */
  readonly cancelRequested: boolean;
  /** From 0 to 1, if the task told. */
  readonly progress: number | undefined;
  readonly enqueued: number;
  readonly started: number | undefined;
  readonly finished: number | undefined;
  readonly deadline: number | undefined;
  /** The task's result, or what it threw, decoded; `undefined` while there is none, or if it was left out. */
  readonly outcome: unknown;
  /** The size in bytes of a result or error that was too large for its room. */
  readonly omittedBytes: number | undefined;
}

/** Makes the shared memory for at least `history` records and results of at most `resultBytes` encoded bytes. */
export function createLedgerMemory(history: number, resultBytes: number): SharedArrayBuffer {
  const records = 2 ** Math.ceil(Math.log2(history));
  const room = Math.ceil(resultBytes / 8) * 8;
  const memory = new SharedArrayBuffer((RECORDS + records * RECORD_WORDS) * 4 + records * room);
  const words = new Int32Array(memory, 0, LINE);
  words[HISTORY] = records;
  words[RESULT_BYTES] = resultBytes;
  return memory;
}

/** One thread's view of the ledger. */
export class Ledger {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #history: number;
  readonly #shift: number;
  readonly #resultBytes: number;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;

  constructor(memory: SharedArrayBuffer) {
    const constants = new Int32Array(memory, 0, LINE);
    this.memory = memory;
    this.#history = constants[HISTORY] ?? 0;
    this.#resultBytes = constants[RESULT_BYTES] ?? 0;
    this.#shift = Math.log2(this.#history);
    const recordsEnd = (RECORDS + this.#history * RECORD_WORDS) * 4;
    this.#words = new Int32Array(memory, 0, recordsEnd / 4);
    this.#times = new Float64Array(memory, 0, recordsEnd / 8);
    this.#bytes = new Uint8Array(memory, recordsEnd);
    this.#encoder = new Encoder(this.#resultBytes);
    this.#decoder = new Decoder(this.#resultBytes);
  }

  /** Which task module the worker thread runs: see `TaskModule`. Known once the runtime has started. */
  get module(): number {
    return this.#words[MODULE] ?? 0;
  }

  set module(id: number) {
    this.#words[MODULE] = id;
  }

  // ── The sender ─────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Writes the record of the task at `position`, which this thread has claimed and not published. Returns its id, or
   * -1 if the record is still in use.
   */
  enqueue(position: number, fn: number, kind: 'sync' | 'async'): number {
    const words = this.#words;
    const at = this.#record(position);
    if ((Atomics.load(words, at) & 7) === State.RUNNING) return -1;
    const before = words[at + POSITION] ?? 0;
    let epoch = words[at + EPOCH] ?? 0;
    if (position >>> 0 < before >>> 0) epoch += 1; // positions went once round since this record's former task
    const tag = this.#tag(position, epoch);
    Atomics.store(words, at, (tag << 3) | State.WRITING); // readers of the former task see that it is gone
    words[at + POSITION] = position;
    words[at + EPOCH] = epoch;
    words[at + TASK] = fn * 2 + (kind === 'async' ? 1 : 0);
    words[at + SIZE] = 0;
    this.#times[(at >> 1) + ENQUEUED] = Date.now();
    this.#times[(at >> 1) + STARTED] = 0;
    this.#times[(at >> 1) + FINISHED] = 0;
    this.#times[(at >> 1) + DEADLINE] = 0;
    words[at + PROGRESS] = -1;
    Atomics.store(words, at, (tag << 3) | State.QUEUED); // publishes the record; pairs with the loads in read
    return epoch * 2 ** 32 + (position >>> 0);
  }

  /** The send of this task failed: it was never accepted. */
  withdraw(id: number): void {
    this.#move(this.#record(id), this.#tagOf(id), State.QUEUED, State.WITHDRAWN);
  }

  // ── The executor ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes the task at `position` for this receiver to run; call it while the message still stands in the channel.
   * Returns its id. REFUSED: it was cancelled, or a worker that died had started it. UNRECORDED: it was sent without
   * `runTask`, and the record at its position is still in use; no record has that id.
   */
  start(position: number, fn: number, kind: 'sync' | 'async'): number {
    const at = this.#record(position);
    let state = Atomics.load(this.#words, at); // pairs with enqueue
    if (state === 0 || this.#words[at + POSITION] !== position) {
      if (this.enqueue(position, fn, kind) < 0) return UNRECORDED; // it was sent without `runTask`
      state = Atomics.load(this.#words, at);
    }
    if ((state & 7) !== State.QUEUED) return REFUSED;
    // Against cancel: one of the two succeeds.
    if (Atomics.compareExchange(this.#words, at, state, (state & ~7) | State.RUNNING) !== state)
      return REFUSED;
    return (this.#words[at + EPOCH] ?? 0) * 2 ** 32 + (position >>> 0);
  }

  /** The task begins to run. Times in milliseconds; `timeout` is counted from `now`. */
  begin(id: number, now: number, timeout: number): void {
    if (id < 0) return;
    const at = this.#record(id) >> 1;
    this.#times[at + STARTED] = now;
    if (timeout > 0) this.#times[at + DEADLINE] = now + timeout;
  }

  /** Ends a running task with its outcome: a result, or what it threw. `false`: it had ended already. */
  finish(id: number, state: FinalState, outcome: unknown, now: number): boolean {
    if (id < 0) return false;
    const at = this.#record(id);
    const running = (this.#tagOf(id) << 3) | State.RUNNING;
    if (Atomics.load(this.#words, at) !== running) return false;
    if (outcome !== undefined) this.#write(at, outcome);
    this.#times[(at >> 1) + FINISHED] = now;
    if (!this.#move(at, this.#tagOf(id), State.RUNNING, FINAL[state])) return false;
    this.#tell(at);
    return true;
  }

  /** Tells how far a running task is, from 0 to 1. One store. */
  progress(id: number, fraction: number): void {
    const at = this.#record(id);
    if (Atomics.load(this.#words, at) !== ((this.#tagOf(id) << 3) | State.RUNNING)) return; // given up, and goes on
    this.#words[at + PROGRESS] = Math.round(fraction * 1e6);
  }

  /** Somebody asked this task to stop. True even while the thread is busy: it is one load. */
  cancelRequested(id: number): boolean {
    return Atomics.load(this.#words, this.#record(id) + CANCEL) === ((this.#tagOf(id) << 3) | 1); // pairs with cancel
  }

  // ── Whoever asks ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The record of a task, or `undefined`: never accepted, or so long ago that its record was used again. */
  read(id: number): TaskRecord | undefined {
    const at = this.#record(id);
    const copy = new Int32Array(RECORD_WORDS);
    const times = new Float64Array(copy.buffer);
    for (;;) {
      const state = Atomics.load(this.#words, at); // pairs with the stores of STATE: all they published is visible
      if (state >>> 3 !== this.#tagOf(id)) return undefined;
      copy.set(this.#words.subarray(at, at + RECORD_WORDS));
      for (let i = ENQUEUED; i <= DEADLINE; i++) times[i] = this.#times[(at >> 1) + i] ?? 0; // whole, not in halves
      const size = copy[SIZE] ?? 0;
      const ended = (state & 7) >= State.SUCCEEDED;
      if (ended && size > 0) this.#decoder.bytes.set(this.#room(at).subarray(0, size));
      if (Atomics.add(this.#words, at, 0) !== state) continue; // it changed under our hands
      if (STATE_NAMES[state & 7] === '') return undefined;
      return this.#view(id, state, copy, ended && size > 0 ? this.#decoder.decode(size) : undefined);
    }
  }

  /** The task is queued or running. */
  isOpen(id: number): boolean {
    const state = Atomics.load(this.#words, this.#record(id));
    return state >>> 3 === this.#tagOf(id) && ((state & 7) === State.QUEUED || (state & 7) === State.RUNNING);
  }

  /** Asks a task to stop. Returns the state it had: a queued one is cancelled now, a running one has been told. */
  cancel(id: number): TaskState | undefined {
    const at = this.#record(id);
    for (;;) {
      const state = Atomics.load(this.#words, at);
      const name = STATE_NAMES[state & 7] ?? '';
      if (state >>> 3 !== this.#tagOf(id) || name === '') return undefined;
      if (name === 'queued') {
        if (!this.#move(at, this.#tagOf(id), State.QUEUED, State.CANCELLED)) continue; // it has just been started
        this.#times[(at >> 1) + FINISHED] = Date.now();
        this.#tell(at);
      } else if (name === 'running') {
        const before = Atomics.load(this.#words, at + CANCEL);
        if (Atomics.load(this.#words, at) !== state) continue; // it has just ended
        // Fails if somebody else asked first, for this task or, much later, for the record's next one.
        Atomics.compareExchange(this.#words, at + CANCEL, before, (state & ~7) | 1);
        wake(this.#words, CONTROL);
      }
      return name;
    }
  }

  /** Sender `slot` wants to be woken at its watcher bell when the task ends. Look at the state again afterwards. */
  watch(id: number, slot: number): void {
    Atomics.or(this.#words, this.#record(id) + WATCH, 1 << slot); // pairs with the load in #tell
  }

  /** Where sender `slot` parks for the end of tasks. */
  watcherBell(slot: number): Bell {
    return { words: this.#words, at: WATCHERS + slot * LINE };
  }

  /** Where the worker parks for cancel requests. */
  get controlBell(): Bell {
    return { words: this.#words, at: CONTROL };
  }

  /**
   * The supervisor's: no task may be started until `pardon`, because the thread is about to be ended over task `id`.
   * `false`: that task has just ended by itself.
   *
   * The store comes before the look at the record; in the executor, the end of a task comes before the look at
   * `condemned`. So if the task is seen running here, the executor starts no other one that would be killed with it.
   */
  condemn(id: number): boolean {
    Atomics.store(this.#words, CONDEMNED, 1);
    return Atomics.load(this.#words, this.#record(id)) === ((this.#tagOf(id) << 3) | State.RUNNING);
  }

  /** The supervisor's: the executor may start tasks. */
  pardon(): void {
    wakeAlways(this.#words, CONDEMNED);
  }

  /** The executor's: it must park at {@link condemnedBell} instead of starting a task. */
  get condemned(): boolean {
    return Atomics.load(this.#words, CONDEMNED) === 1; // pairs with condemn
  }

  /** Where a condemned executor parks, until its thread is ended, or pardoned. */
  get condemnedBell(): Bell {
    return { words: this.#words, at: CONDEMNED };
  }

  /** The supervisor's: wakes all who wait for the end of a task. The thread that died may have owed them that. */
  tellAll(): void {
    for (let s = 0; s < MAX_SENDERS; s++) wakeAlways(this.#words, WATCHERS + s * LINE);
  }

  /** The ids of all tasks that are queued or running, oldest first. A snapshot. */
  open(): number[] {
    return this.#select((state) => state === State.QUEUED || state === State.RUNNING);
  }

  /** The ids of all tasks that are running. */
  running(): number[] {
    return this.#select((state) => state === State.RUNNING);
  }

  #select(wanted: (state: number) => boolean): number[] {
    const ids: number[] = [];
    for (let slot = 0; slot < this.#history; slot++) {
      const at = RECORDS + slot * RECORD_WORDS;
      if (!wanted(Atomics.load(this.#words, at) & 7)) continue;
      ids.push((this.#words[at + EPOCH] ?? 0) * 2 ** 32 + ((this.#words[at + POSITION] ?? 0) >>> 0));
    }
    return ids.sort((a, b) => a - b);
  }

  // ── All ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #move(at: number, tag: number, from: number, to: number): boolean {
    const before = (tag << 3) | from;
    return Atomics.compareExchange(this.#words, at, before, (tag << 3) | to) === before; // publishes the outcome
  }

  /** Wakes those who wait for this task's end, which has just been published. */
  #tell(at: number): void {
    if (Atomics.load(this.#words, at + WATCH) === 0) return; // pairs with watch
    const watchers = Atomics.exchange(this.#words, at + WATCH, 0);
    for (let s = 0; watchers >>> s !== 0; s++) {
      if ((watchers & (1 << s)) !== 0) wake(this.#words, WATCHERS + s * LINE);
    }
  }

  /** Stores a result or an error, or how large it would have been. Read only once the state is final. */
  #write(at: number, outcome: unknown): void {
    try {
      const size = this.#encoder.encode(outcome);
      this.#room(at).set(this.#encoder.bytes.subarray(0, size));
      this.#words[at + SIZE] = size;
    } catch (error) {
      if (!(error instanceof TaskTooLargeError)) throw error;
      this.#words[at + SIZE] = -Math.min(error.bytes, 2 ** 31 - 1);
    }
  }

  #room(at: number): Uint8Array {
    const size = Math.ceil(this.#resultBytes / 8) * 8;
    const start = ((at - RECORDS) / RECORD_WORDS) * size;
    return this.#bytes.subarray(start, start + this.#resultBytes);
  }

  #view(id: number, stateWord: number, copy: Int32Array, outcome: unknown): TaskRecord {
    const state = stateWord & 7;
    const times = new Float64Array(copy.buffer);
    const time = (index: number) => times[index] || undefined;
    const task = copy[TASK] ?? 0;
    const progress = copy[PROGRESS] ?? -1;
    const size = copy[SIZE] ?? 0;
    return {
      id,
      fn: task >> 1,
      kind: (task & 1) === 1 ? 'async' : 'sync',
      state: STATE_NAMES[state] as TaskState,
      cancelRequested: copy[CANCEL] === ((stateWord & ~7) | 1),
      progress: progress < 0 ? undefined : progress / 1e6,
      enqueued: times[ENQUEUED] ?? 0,
      started: time(STARTED),
      finished: state >= State.SUCCEEDED ? time(FINISHED) : undefined,
      deadline: time(DEADLINE),
      outcome,
      omittedBytes: size < 0 ? -size : undefined,
    };
  }

  /** Where the record of an id, or of a position, begins. */
  #record(id: number): number {
    return RECORDS + (id & (this.#history - 1)) * RECORD_WORDS; // `&` takes the low 32 bits of an id, its position
  }

  #tag(position: number, epoch: number): number {
    return ((position >>> this.#shift) | (epoch << (32 - this.#shift))) & 0x1fff_ffff;
  }

  #tagOf(id: number): number {
    return this.#tag(id | 0, Math.floor(id / 2 ** 32));
  }
}
