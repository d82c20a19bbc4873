/**
 * The ledger: one record for each recent task, in shared memory, so that any thread can tell what became of a task
 * while the worker thread is blocked, or dead.
 *
 * A task's id is its position in the channel, widened to 53 bits; its record is number `position mod HISTORY`. The
 * channel hands out positions, so nobody has to hand out records. What a record holds is said in record.ts.
 *
 *   CLAIM  WRITING → QUEUED                                 the sender, before the message is published
 *          QUEUED → WITHDRAWN                               the sender whose send failed: the task was never accepted
 *   RUN    (another lap) → RUNNING                          the receiver, while the message still stands in the channel
 *          (another lap) → DROPPED                          anybody: cancelled before it was started
 *          RUNNING → SUCCEEDED | FAILED | CANCELLED         the executor; or the supervisor, once its thread is dead
 *
 * Each arrow of RUN is one compare-exchange, so there is exactly one final state, and a task is started at most once. A
 * worker that dies before it is RUNNING leaves the message in the channel: the next worker starts it. One that dies
 * after that leaves a RUNNING record, which the supervisor fails; if the message still stands in the channel, the next
 * worker cannot start it again and drops it. There is no instruction in between.
 *
 * A record in use is never overwritten. HISTORY is at least twice the number of the channel's cells: when position p is
 * claimed, HEAD > p - CELLS, so the record's former task, at p - HISTORY or before, has left the channel, and so has
 * another one after it. It cannot be queued; and if tasks run one at a time, it cannot be running. If they overlap,
 * `enqueue` looks, and says no while it runs: the sender gives the position up for the next one.
 *
 * Readers copy a record between two looks at CLAIM and RUN and use the copy if both saw the same (a seqlock). The second
 * look is an `Atomics.add` of 0: unlike a load it cannot move before the plain reads (H.-J. Boehm, "Can seqlocks get
 * along with programming language memory models?", 2012).
 */

import { type Bell, isParked, LINE, MAX_SENDERS, wake, wakeAlways } from '../channel/index.js';
import { Decoder, Encoder, TaskTooLargeError } from '../codec/index.js';
import {
  CANCEL,
  CLAIM_WORDS,
  DEADLINE,
  DROPPED,
  describe,
  ENQUEUED,
  EPOCH,
  FINAL,
  FINISHED,
  type FinalState,
  isOutcome,
  Phase,
  PROGRESS,
  RUN_WORDS,
  SIZE,
  STARTED,
  STATE_NAMES,
  State,
  TASK,
  type TaskRecord,
  type TaskState,
  WATCH,
} from './record.js';

const HISTORY = 0; // constants
const RESULT_BYTES = 1;
const OVERLAPPING = 2; // 1: tasks may overlap
const MODULE = 3; // which task module the worker thread runs
const CONTROL = LINE; // the worker parks here for cancel requests, while a task uses its signal
const CONDEMNED = LINE + 1; // 1: the supervisor is about to end the worker thread
const WATCHERS = 2 * LINE; // one line for each sender: it parks here for the end of tasks; number of wake-ups
const WAKES = 1;
const CLAIMS: number = WATCHERS + MAX_SENDERS * LINE; // the senders' parts, then the executor's

/**
 * Makes the shared memory for at least `history` records and results of at most `resultBytes` encoded bytes.
 * `overlapping`: tasks may overlap. `history` must be at least twice the number of the channel's cells.
 */
export function createLedgerMemory(
  history: number,
  resultBytes: number,
  overlapping: boolean,
): SharedArrayBuffer {
  const records = 2 ** Math.ceil(Math.log2(Math.max(history, 8))); // a lap needs 29 bits at most
  const room = Math.ceil(resultBytes / 8) * 8;
  const memory = new SharedArrayBuffer((CLAIMS + records * (CLAIM_WORDS + RUN_WORDS)) * 4 + records * room);
  const words = new Int32Array(memory, 0, LINE);
  words[HISTORY] = records;
  words[RESULT_BYTES] = resultBytes;
  words[OVERLAPPING] = overlapping ? 1 : 0;
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
  readonly #runs: number;
  readonly #overlapping: boolean;
  readonly #resultBytes: number;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  #awaited = false;

  constructor(memory: SharedArrayBuffer) {
    const constants = new Int32Array(memory, 0, LINE);
    this.memory = memory;
    this.#history = constants[HISTORY] ?? 0;
    this.#resultBytes = constants[RESULT_BYTES] ?? 0;
    this.#overlapping = constants[OVERLAPPING] === 1;
    this.#shift = Math.log2(this.#history);
    this.#runs = CLAIMS + this.#history * CLAIM_WORDS;
    const recordsEnd = (this.#runs + this.#history * RUN_WORDS) * 4;
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
    const at = this.#claim(position);
    if (this.#overlapping && (Atomics.load(words, this.#run(position)) & 7) === State.RUNNING) return -1;
    let epoch = words[at + EPOCH] ?? 0;
    const before = Atomics.load(words, at) >>> 3;
    if (position >>> this.#shift < before) epoch += 1; // positions went once round since this record's former task
    Atomics.store(words, at, this.#word(position, Phase.WRITING)); // readers of the former task see that it is gone
    words[at + TASK] = fn * 2 + (kind === 'async' ? 1 : 0);
    words[at + EPOCH] = epoch;
    this.#times[(at >> 1) + ENQUEUED] = Date.now();
    this.#times[(at >> 1) + DROPPED] = 0;
    Atomics.store(words, at, this.#word(position, Phase.QUEUED)); // publishes the record; pairs with the loads in read
    return epoch * 2 ** 32 + (position >>> 0);
  }

  /** The send of this task failed: it was never accepted. */
  withdraw(id: number): void {
    const queued = this.#word(id, Phase.QUEUED);
    Atomics.compareExchange(this.#words, this.#claim(id), queued, this.#word(id, Phase.WITHDRAWN));
  }

  // ── The executor ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes the task at `position` for this receiver to run; call it while the message still stands in the channel.
   * `false`: it was cancelled, or a worker that died had started it. `now` in milliseconds.
   */
  start(position: number, now: number): boolean {
    const at = this.#run(position);
    const before = Atomics.load(this.#words, at);
    if (!this.#hasStarted(position, before)) {
      // Only a task that was sent without `runTask` can find its record in use. It runs without one.
      if ((before & 7) === State.RUNNING) return true;
      // Before it is RUNNING: nobody reads this part of the former task any more, for CLAIM is about the new one.
      this.#words[at + PROGRESS] = -1;
      this.#words[at + SIZE] = 0;
      this.#times[(at >> 1) + STARTED] = now;
      this.#times[(at >> 1) + DEADLINE] = 0;
      const running = this.#word(position, State.RUNNING);
      if (Atomics.compareExchange(this.#words, at, before, running) === before) return true; // against cancel
    }
    this.#tell(at, true); // whoever cancelled it may have been killed before that, or half-way through
    return false;
  }

  /** A started task begins only now, or may run until `now + timeout`. In milliseconds; 0: no deadline. */
  begin(position: number, now: number, timeout: number): void {
    const at = this.#run(position);
    if (Atomics.load(this.#words, at) !== this.#word(position, State.RUNNING)) return; // it has no record
    this.#times[(at >> 1) + STARTED] = now;
    this.#times[(at >> 1) + DEADLINE] = timeout > 0 ? now + timeout : 0;
  }

  /** The id of the task that was started at `position`. */
  idAt(position: number): number {
    return (this.#words[this.#claim(position) + EPOCH] ?? 0) * 2 ** 32 + (position >>> 0);
  }

  /** Ends a running task with its outcome: a result, or what it threw. `false`: it had ended already. */
  finish(id: number, state: FinalState, outcome: unknown, now: number): boolean {
    const at = this.#run(id);
    const running = this.#word(id, State.RUNNING);
    if (Atomics.load(this.#words, at) !== running) return false;
    if (outcome !== undefined) this.#write(id, outcome);
    this.#times[(at >> 1) + FINISHED] = now;
    const final = this.#word(id, FINAL[state]);
    if (Atomics.compareExchange(this.#words, at, running, final) !== running) return false; // publishes the outcome
    this.#tell(at);
    return true;
  }

  /** Somebody awaited the end of a task that this thread has ended since the last call. */
  takeAwaited(): boolean {
    const awaited = this.#awaited;
    this.#awaited = false;
    return awaited;
  }

  /** Tells how far a running task is, from 0 to 1. */
  progress(id: number, fraction: number): void {
    const at = this.#run(id);
    if (Atomics.load(this.#words, at) !== this.#word(id, State.RUNNING)) return; // given up, and goes on all the same
    this.#words[at + PROGRESS] = Math.round(fraction * 1e6);
  }

  /** Somebody asked this task to stop. True even while the thread is busy: it is one load. */
  cancelRequested(id: number): boolean {
    return Atomics.load(this.#words, this.#run(id) + CANCEL) === this.#word(id, 1); // pairs with cancel
  }

  // ── Whoever asks ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The record of a task, or `undefined`: never accepted, or so long ago that its record was used again. */
  read(id: number): TaskRecord | undefined {
    const [claimAt, runAt] = [this.#claim(id), this.#run(id)];
    const claimTimes = new Float64Array(CLAIM_WORDS / 2);
    const runTimes = new Float64Array(RUN_WORDS / 2);
    const claim = new Int32Array(claimTimes.buffer);
    const run = new Int32Array(runTimes.buffer);
    for (;;) {
      const phase = Atomics.load(this.#words, claimAt); // pairs with the stores of CLAIM and RUN: all that they
      const state = Atomics.load(this.#words, runAt); //   published is visible
      if (phase !== this.#word(id, Phase.QUEUED)) return undefined;
      const started = this.#hasStarted(id, state);
      claim.set(this.#words.subarray(claimAt, claimAt + CLAIM_WORDS));
      run.set(this.#words.subarray(runAt, runAt + RUN_WORDS));
      for (let i = ENQUEUED; i <= DROPPED; i++) claimTimes[i] = this.#times[(claimAt >> 1) + i] ?? 0; // whole
      for (let i = STARTED; i <= DEADLINE; i++) runTimes[i] = this.#times[(runAt >> 1) + i] ?? 0;
      const size = started && isOutcome(state & 7) ? (run[SIZE] ?? 0) : 0;
      if (size > 0) this.#decoder.bytes.set(this.#room(id).subarray(0, size));
      if (Atomics.add(this.#words, claimAt, 0) !== phase || Atomics.add(this.#words, runAt, 0) !== state)
        continue;
      if (claim[EPOCH] !== Math.floor(id / 2 ** 32)) return undefined;
      run[0] = started ? state : 0;
      const asked = run[CANCEL] === this.#word(id, 1);
      return describe(id, claim, run, asked, size > 0 ? this.#decoder.decode(size) : undefined);
    }
  }

  /** The task is queued or running. */
  isOpen(id: number): boolean {
    const state = Atomics.load(this.#words, this.#run(id));
    const ended = this.#hasStarted(id, state) && (state & 7) !== State.RUNNING;
    return !ended && Atomics.load(this.#words, this.#claim(id)) === this.#word(id, Phase.QUEUED);
  }

  /** Asks a task to stop. Returns the state it had: a queued one is cancelled now, a running one has been told. */
  cancel(id: number): TaskState | undefined {
    const at = this.#run(id);
    for (;;) {
      // RUN first: while CLAIM is about this task, no later one has been started, so this was about no later one either.
      const state = Atomics.load(this.#words, at);
      if (this.read(id) === undefined) return undefined;
      if (!this.#hasStarted(id, state)) {
        const dropped = this.#word(id, State.DROPPED);
        this.#times[(this.#claim(id) >> 1) + DROPPED] = Date.now(); // published by the next line, if that succeeds
        if (Atomics.compareExchange(this.#words, at, state, dropped) !== state) continue; // it has just been started
        // Nobody is taken off: if this thread is killed before it has woken them, the executor still can, in start.
        this.#wakeWatchers(Atomics.load(this.#words, at + WATCH)); // pairs with watch
        return 'queued';
      }
      if ((state & 7) === State.RUNNING) {
        const before = Atomics.load(this.#words, at + CANCEL);
        if (Atomics.load(this.#words, at) !== state) continue; // it has just ended
        // Fails if somebody else asked first, for this task or, much later, for the record's next one.
        Atomics.compareExchange(this.#words, at + CANCEL, before, this.#word(id, 1));
        wake(this.#words, CONTROL);
      }
      return STATE_NAMES[state & 7];
    }
  }

  /**
   * Sender `slot` will be woken at its watcher bell when the task ends. `false`: it has ended, or its record is gone.
   *
   * Announce first, and call it again after each wake-up: who told of the end of the record's former task only now has
   * taken this sender off, and woken it.
   */
  watch(id: number, slot: number): boolean {
    const at = this.#run(id) + WATCH;
    while (this.isOpen(id)) {
      if ((Atomics.load(this.#words, at) & (1 << slot)) !== 0) return true; // an end after the look above finds it
      Atomics.or(this.#words, at, 1 << slot); // pairs with the load in #tell; then look again
    }
    return false;
  }

  /** Where sender `slot` parks for the end of tasks. */
  watcherBell(slot: number): Bell {
    return { words: this.#words, at: WATCHERS + slot * LINE };
  }

  /** How often watchers with this sender number have been woken. */
  wakes(slot: number): number {
    return Atomics.load(this.#words, WATCHERS + slot * LINE + WAKES); // pairs with #wakeWatcher
  }

  // ── The supervisor ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Where the worker parks for cancel requests. */
  get controlBell(): Bell {
    return { words: this.#words, at: CONTROL };
  }

  /**
   * No task may be started until `pardon`, because the thread is about to be ended over task `id`. `false`: that task
   * has just ended by itself.
   *
   * The store comes before the look at the record; in the executor, the end of a task comes before the look at
   * `condemned`. So if the task is seen running here, the executor starts no other one that would be killed with it.
   */
  condemn(id: number): boolean {
    Atomics.store(this.#words, CONDEMNED, 1);
    return Atomics.load(this.#words, this.#run(id)) === this.#word(id, State.RUNNING);
  }

  /** The executor may start tasks. */
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

  /** Wakes all who wait for the end of a task. The thread that died may have owed them that. */
  tellAll(): void {
    for (let s = 0; s < MAX_SENDERS; s++) this.#wakeWatcher(s);
  }

  /** The ids of all tasks that are queued or running, oldest first. A snapshot. */
  open(): number[] {
    return this.#ids().filter((id) => this.isOpen(id));
  }

  /** The ids of all tasks that are running, oldest first. */
  running(): number[] {
    return this.#ids().filter(
      (id) => Atomics.load(this.#words, this.#run(id)) === this.#word(id, State.RUNNING),
    );
  }

  /** The id of each record's last task: queued, or started. */
  #ids(): number[] {
    const ids: number[] = [];
    for (let record = 0; record < this.#history; record++) {
      const claim = Atomics.load(this.#words, CLAIMS + record * CLAIM_WORDS);
      const state = Atomics.load(this.#words, this.#runs + record * RUN_WORDS);
      // A task that was sent without `runTask` has only the executor's part.
      const lap = (state & 7) === State.RUNNING ? state >>> 3 : claim >>> 3;
      const epoch = this.#words[CLAIMS + record * CLAIM_WORDS + EPOCH] ?? 0;
      if (claim !== 0 || (state & 7) === State.RUNNING)
        ids.push(epoch * 2 ** 32 + ((lap << this.#shift) >>> 0) + record);
    }
    return ids.sort((a, b) => a - b);
  }

  // ── All ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Wakes those who wait for this task's end, which has just been published, and takes them off. Whoever waits for the
   * record's next task by then is woken too, and watches again.
   */
  #tell(at: number, always = false): void {
    if (Atomics.load(this.#words, at + WATCH) === 0) return; // pairs with watch
    this.#awaited = true;
    this.#wakeWatchers(Atomics.exchange(this.#words, at + WATCH, 0), always);
  }

  /** `always`: even if nobody seems to be parked. The thread that should have woken them may have been killed half-way. */
  #wakeWatchers(watchers: number, always = false): void {
    for (let s = 0; watchers >>> s !== 0; s++) {
      if ((watchers & (1 << s)) === 0) continue;
      if (always || isParked(this.#words, WATCHERS + s * LINE)) this.#wakeWatcher(s);
    }
  }

  #wakeWatcher(slot: number): void {
    Atomics.add(this.#words, WATCHERS + slot * LINE + WAKES, 1); // before the parking word is cleared
    wakeAlways(this.#words, WATCHERS + slot * LINE);
  }

  /** Stores a result or an error, or how large it would have been. Read only once the state is final. */
  #write(id: number, outcome: unknown): void {
    const at = this.#run(id);
    try {
      const size = this.#encoder.encode(outcome);
      this.#room(id).set(this.#encoder.bytes.subarray(0, size));
      this.#words[at + SIZE] = size;
    } catch (error) {
      if (!(error instanceof TaskTooLargeError)) throw error;
      this.#words[at + SIZE] = -Math.min(error.bytes, 2 ** 31 - 1);
    }
  }

  #room(id: number): Uint8Array {
    const start = (id & (this.#history - 1)) * Math.ceil(this.#resultBytes / 8) * 8;
    return this.#bytes.subarray(start, start + this.#resultBytes);
  }

  /** RUN is about this task, not about a former one in the same record. */
  #hasStarted(id: number, state: number): boolean {
    return state >>> 3 === this.#lap(id) && (state & 7) !== 0;
  }

  /** Where the sender's part of the record of an id, or of a position, begins. */
  #claim(id: number): number {
    return CLAIMS + (id & (this.#history - 1)) * CLAIM_WORDS; // `&` takes the low 32 bits of an id, its position
  }

  /** Where the executor's part begins. */
  #run(id: number): number {
    return this.#runs + (id & (this.#history - 1)) * RUN_WORDS;
  }

  #lap(id: number): number {
    return (id | 0) >>> this.#shift;
  }

  /** The lap of an id, with three bits more. */
  #word(id: number, bits: number): number {
    return (this.#lap(id) << 3) | bits;
  }
}
