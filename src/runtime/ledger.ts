/**
 * The ledger: one record for each recent task, in shared memory, so that any thread can tell what became of a task
 * while the worker thread is blocked, or dead.
 *
 * A task's id is its position in the channel, widened to 53 bits; its record is number `position mod HISTORY`. The
 * channel hands out positions, so nobody has to hand out records. Methods take ids. Those of the executor look at the low
 * 32 bits alone, so it may name a task that it has in hand by its position; only `enqueue` and `idAt` make an id of that.
 * What a record holds is said in record.ts, where it lies in records.ts.
 *
 *   LABEL  (another lap) → WRITING → QUEUED                 the sender, before the message is published
 *          QUEUED → WITHDRAWN                               the sender whose send failed; or the receiver, which skips it
 *   RUN    (another lap) → RUNNING                          the receiver, while the message still stands in the channel
 *          (another lap) → DROPPED                          anybody: cancelled before it was started
 *          RUNNING → SUCCEEDED | FAILED | CANCELLED         the executor; FAILED: the supervisor, once its thread is dead
 *          RUNNING → OVERDUE                                the supervisor, past its deadline; then it ends the thread
 *
 * Each arrow of RUN is one compare-exchange, so there is exactly one final state, and a task is started at most once. A
 * worker that dies before it is RUNNING leaves the message in the channel: the next worker starts it. One that dies
 * after that leaves a RUNNING record, which the supervisor fails; if the message still stands in the channel, the next
 * worker cannot start it again and drops it. There is no third case.
 *
 * While a thread lives, its executor and the supervisor write no word of a record both but RUN and WATCH: an OVERDUE record
 * has no outcome, and a time of its own. Who loses the compare-exchange has written what nobody reads. An executor that
 * loses starts nothing more: its thread is being ended. How that is sure if tasks overlap is said in lease.ts.
 *
 * A record in use is never overwritten. HISTORY is at least twice the number of the channel's cells: when position p is
 * claimed, HEAD > p - CELLS, so the record's former task, at p - HISTORY or before, left the channel at least CELLS
 * positions ago. It cannot be queued; and if tasks run one at a time, it cannot be running. If they overlap,
 * `enqueue` looks, and says no while it runs: the sender gives the position up for the next one. How tasks are counted
 * before their records are used again is said in tally.ts.
 */
import { Bell } from '../channel/index.js';
import { now } from './clock.js';
import { Lease } from './lease.js';
import { OutcomeEncoder } from './outcome.js';
import {
  CANCEL,
  DROPPED,
  ENQUEUED,
  FINAL,
  FINISHED,
  type FinalState,
  Label,
  OVERDUE,
  PROGRESS,
  REQUEST,
  SIZE,
  STARTED,
  STATE_NAMES,
  State,
  TASK,
  type TaskRecord,
  type TaskState,
  TIMEOUT,
} from './record.js';
import { CONTROL, LEASE, Records } from './records.js';
import { Tally } from './tally.js';
import { Watchers } from './watchers.js';

/** One thread's view of the ledger. */
export class Ledger {
  /** Who waits for the end of tasks. */
  readonly watchers: Watchers;
  /** Where the worker parks for cancel requests. */
  readonly control: Bell;
  /** How many tasks have ended, and how. */
  readonly tally: Tally;
  readonly #records: Records;
  readonly #lease: Lease;
  readonly #outcome: OutcomeEncoder;
  /** This thread's executor has lost a task: the thread is being ended. */
  #lost = false;

  constructor(memory: SharedArrayBuffer) {
    const records = new Records(memory);
    this.#records = records;
    this.watchers = new Watchers(records);
    this.control = new Bell(records.words, CONTROL);
    this.tally = new Tally(records);
    this.#lease = new Lease(records.words, LEASE, records.overlapping);
    this.#outcome = new OutcomeEncoder(records.resultBytes);
  }

  get memory(): SharedArrayBuffer {
    return this.#records.memory;
  }

  /** Which task module the worker thread runs: see `TaskModule`. Known once the runtime has started. */
  get module(): number {
    return this.#records.module;
  }

  set module(id: number) {
    this.#records.module = id;
  }

  // ── The sender ─────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Writes the record of the task at `position`, which this thread has claimed and not published. Returns its id, or
   * -1 if the record is still in use.
   */
  enqueue(position: number, fn: number, kind: 'sync' | 'async', requestId?: string): number {
    const records = this.#records;
    const { words, times } = records;
    const at = records.label(position);
    const run = records.run(position);
    // The former task runs, or, in this order, has run and is not counted yet: see tally.ts.
    if (
      records.overlapping &&
      ((Atomics.load(words, run) & 7) === State.RUNNING || this.tally.holds(position))
    )
      return -1;
    Atomics.store(words, at, records.word(position, Label.WRITING)); // readers of the former task see that it is gone
    words[at + TASK] = fn * 2 + (kind === 'async' ? 1 : 0);
    records.countHalves(position);
    words[at + REQUEST] = 0;
    if (requestId !== undefined) records.setRequest(position, requestId);
    times[(at >> 1) + ENQUEUED] = now();
    times[(at >> 1) + DROPPED] = 0;
    Atomics.store(words, at, records.word(position, Label.QUEUED)); // publishes the record; pairs with the loads in read
    return records.id(position);
  }

  /** The send of this task failed: it was never accepted. */
  withdraw(id: number): void {
    const { words } = this.#records;
    const queued = this.#records.word(id, Label.QUEUED);
    Atomics.compareExchange(words, this.#records.label(id), queued, this.#records.word(id, Label.WITHDRAWN));
    this.watchers.tell(id); // whoever has seen the record meanwhile
  }

  // ── The executor ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes a task for this thread to run; call it while the message still stands in the channel. `false`: it was
   * cancelled, or a worker that died had started it. Does not return if this thread is being ended.
   */
  start(id: number, time: number): boolean {
    const records = this.#records;
    const { words, times } = records;
    const at = records.run(id);
    if (this.#lost || !this.#lease.take()) this.#lease.awaitEnd();
    // Sent without `runTask`, it has no record, and runs all the same.
    const hasRecord = words[records.label(id)] === records.word(id, Label.QUEUED);
    const before = Atomics.load(words, at);
    let started = !hasRecord;
    if (hasRecord && !records.hasStarted(id, before)) {
      // Before it is RUNNING: nobody reads this part of the former task any more, for LABEL is about the new one.
      words[at + PROGRESS] = -1;
      words[at + SIZE] = 0;
      times[(at >> 1) + STARTED] = time;
      times[(at >> 1) + TIMEOUT] = 0;
      const running = records.word(id, State.RUNNING);
      started = Atomics.compareExchange(words, at, before, running) === before; // against cancel
    }
    this.#lease.giveBack();
    if (!started) this.watchers.tell(id); // whoever cancelled it may have been killed before that, or half-way through
    return started;
  }

  /** No task was accepted at `position`, which is about to leave the channel: its send has failed, or its sender is dead. */
  skip(position: number): void {
    this.tally.reach(position);
    this.withdraw(position);
  }

  /** When a started task began, and how long it may run: 0: as long as it likes. */
  begin(id: number, time: number, timeout: number): void {
    const { words, times } = this.#records;
    const at = this.#records.run(id);
    if (Atomics.load(words, at) !== this.#records.word(id, State.RUNNING)) return; // it has no record
    times[(at >> 1) + STARTED] = time;
    times[(at >> 1) + TIMEOUT] = timeout;
  }

  /** The id of the task that was started at `position`. */
  idAt(position: number): number {
    return this.#records.id(position);
  }

  /**
   * Ends a running task with its outcome: a result, or what it threw. Never throws. Returns the state in which it has
   * ended: `failed` if the result cannot cross to another thread. `undefined`: it had ended already.
   */
  finish(id: number, state: FinalState, outcome: unknown, time: number): FinalState | undefined {
    const size = this.#outcome.encode(state, outcome);
    const ended = this.#outcome.state;
    if (!this.#lease.take()) return this.#loses(id);
    const won = this.#end(id, FINAL[ended], size, time);
    this.#lease.giveBack();
    if (!won) return this.#loses(id);
    this.watchers.tell(id);
    return ended;
  }

  /** Stores the encoded outcome, and publishes it. */
  #end(id: number, state: number, size: number, time: number): boolean {
    const records = this.#records;
    const { words, times } = records;
    const at = records.run(id);
    if (!records.isRunning(id)) return false; // the room may be another task's
    words[at + SIZE] = size;
    times[(at >> 1) + FINISHED] = time;
    if (size > 0) records.room(id).set(this.#outcome.bytes.subarray(0, size));
    const running = records.word(id, State.RUNNING);
    return Atomics.compareExchange(words, at, running, records.word(id, state)) === running;
  }

  /** If the supervisor has ended the task over its deadline, this thread comes to its end. */
  #loses(id: number): undefined {
    const state = Atomics.load(this.#records.words, this.#records.run(id)); // pairs with endOverdue
    if (state === this.#records.word(id, State.OVERDUE)) this.#lost = true;
  }

  /** Tells how far a running task is, from 0 to 1. */
  progress(id: number, fraction: number): void {
    const { words } = this.#records;
    const at = this.#records.run(id);
    if (!this.#records.isRunning(id)) return; // given up, and goes on all the same
    words[at + PROGRESS] = Math.round(fraction * 1e6);
  }

  /** Somebody asked this task to stop. True even while the thread is busy: it is one load. */
  cancelRequested(id: number): boolean {
    return Atomics.load(this.#records.words, this.#records.run(id) + CANCEL) === this.#records.word(id, 1); // pairs with cancel
  }

  // ── Whoever asks ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The record of a task, or `undefined`: never accepted, or so long ago that its record was used again. */
  read(id: number): TaskRecord | undefined {
    return this.#records.read(id);
  }

  /** The task is queued or running. */
  isOpen(id: number): boolean {
    return this.#records.isOpen(id);
  }

  /** Asks a task to stop. Returns the state it had: a queued one is cancelled now, a running one has been told. */
  cancel(id: number): TaskState | undefined {
    const records = this.#records;
    const { words, times } = records;
    const at = records.run(id);
    for (;;) {
      // RUN first: while LABEL is about this task, no later one has been started, so this was about no later one either.
      const state = Atomics.load(words, at);
      if (records.read(id) === undefined) return undefined;
      if (!records.hasStarted(id, state)) {
        times[(records.label(id) >> 1) + DROPPED] = now(); // published by the next line, if that succeeds
        if (Atomics.compareExchange(words, at, state, records.word(id, State.DROPPED)) !== state) continue; // it has just been started
        this.watchers.tellFirst(id);
        return 'queued';
      }
      if ((state & 7) === State.DROPPED) this.watchers.tellFirst(id); // the one who dropped it may have been killed
      if ((state & 7) === State.RUNNING) {
        const before = Atomics.load(words, at + CANCEL);
        if (Atomics.load(words, at) !== state) continue; // it has just ended
        // Fails if somebody else asked first, for this task or, much later, for the record's next one.
        Atomics.compareExchange(words, at + CANCEL, before, records.word(id, 1));
        this.control.ringAlways(); // one who asked before, of this task or another, may have been killed half-way
      }
      return STATE_NAMES[state & 7];
    }
  }

  /** The ids of all tasks that are queued or running, oldest first. A snapshot. */
  open(): number[] {
    return this.#records.open();
  }

  /** The ids of all tasks that are running, oldest first. */
  running(): number[] {
    return this.#records.running();
  }

  /** The ids of the last `count` tasks that were accepted, oldest first. A snapshot. */
  latest(count: number): number[] {
    return this.#records.latest(count);
  }

  /** What records show for a time of the clock: in milliseconds since 1970. */
  wallTime(time: number): number {
    return this.#records.wallTime(time);
  }

  // ── The supervisor ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Ends a running task over its deadline. `true`: it has failed now, and its thread starts no other: end it. `false`: it
   * has just ended by itself; or, if tasks overlap, the executor is just starting or ending one: ask again later.
   */
  endOverdue(id: number): boolean {
    const records = this.#records;
    const { words, times } = records;
    const at = records.run(id);
    if (!this.#lease.revoke(() => records.isRunning(id))) return false;
    times[(at >> 1) + OVERDUE] = now();
    const running = records.word(id, State.RUNNING);
    if (Atomics.compareExchange(words, at, running, records.word(id, State.OVERDUE)) !== running)
      return false; // against finish
    this.watchers.tell(id);
    return true;
  }

  /** Fails a task that ran in a thread that is dead. */
  fail(id: number, error: Error): void {
    const size = this.#outcome.encode('failed', error);
    if (this.#end(id, State.FAILED, size, now())) this.watchers.tell(id);
  }

  /** After the death of a thread, and of what it ran: another one may be started. */
  handOver(): void {
    this.watchers.tellAll();
    this.#lease.renew();
  }

  /** The channel is closed and empty, and all that was accepted has ended: see {@link Records.closed}. */
  close(): void {
    this.#records.close();
    this.watchers.tellAll(); // what was never accepted may still look queued until now
  }
}
