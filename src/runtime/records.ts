/**
 * Where the records lie in shared memory, and how one is read while other threads change it. What a record holds is said
 * in record.ts.
 *
 *   constants | words on which threads park | the senders' parts | the executor's parts | rooms for outcomes, and for ids of
 *   requests | the tally
 *
 * Readers copy a record between two looks at LABEL and RUN and use the copy if both saw the same (a seqlock). The second
 * look is an `Atomics.add` of 0: unlike a load it cannot move before the plain reads (H.-J. Boehm, "Can seqlocks get
 * along with programming language memory models?", 2012).
 */
import { MAX_SENDERS, STRIDE } from '../channel/index.js';
import { Decoder } from '../codec/index.js';
import { wallOffset } from './clock.js';
import {
  CANCEL,
  DROPPED,
  describe,
  ENQUEUED,
  HALVES,
  isOutcome,
  LABEL_WORDS,
  Label,
  MAX_REQUEST,
  OVERDUE,
  REQUEST,
  RUN_WORDS,
  SIZE,
  STARTED,
  State,
  type TaskRecord,
} from './record.js';
import { MAX_ROWS, totalsWords } from './totals.js';

const HISTORY = 0; // constants
const RESULT_BYTES = 1;
const OVERLAPPING = 2; // 1: tasks may overlap
const MODULE = 3; // which task module the worker thread runs
const OFFSET = 4; // from the records' times to wall time, in two words
const CLOSED = 6; // 1: the channel is closed and empty
/** See pulse.ts. Two times; the worker thread writes them now and then. */
export const PULSE = 8;
/** The worker parks here for cancel requests, while a task uses its signal. */
export const CONTROL: number = STRIDE;
/** See lease.ts. The executor writes it often, others hardly ever look. */
export const LEASE: number = 2 * STRIDE;
/** See tally.ts. */
export const SEQ: number = 3 * STRIDE;
/** A stride for each sender: see watchers.ts. */
export const WATCHERS: number = 4 * STRIDE;
const LABELS: number = WATCHERS + MAX_SENDERS * STRIDE; // the senders' parts, then the executor's

/**
 * Makes the shared memory for at least `history` records and results of at most `resultBytes` encoded bytes.
 * `overlapping`: tasks may overlap. `history` must be at least twice the number of the channel's cells. `rows`: for how
 * many functions tasks are counted, and closures.
 */
export function createLedgerMemory(
  history: number,
  resultBytes: number,
  overlapping: boolean,
  rows = MAX_ROWS,
): SharedArrayBuffer {
  const records = 2 ** Math.ceil(Math.log2(Math.max(history, 8))); // a lap needs 29 bits at most
  const room = Math.ceil(resultBytes / 8) * 8;
  const totals = 2 * totalsWords(rows) * 8;
  const memory = new SharedArrayBuffer(
    (LABELS + records * (LABEL_WORDS + RUN_WORDS)) * 4 + records * (room + MAX_REQUEST) + totals,
  );
  const words = new Int32Array(memory, 0, STRIDE);
  words[HISTORY] = records;
  words[RESULT_BYTES] = resultBytes;
  words[OVERLAPPING] = overlapping ? 1 : 0;
  new Float64Array(memory, 0, STRIDE / 2)[OFFSET / 2] = wallOffset();
  return memory;
}

/** One thread's view of the memory. Every method takes a task's id, or its low 32 bits: its position in the channel. */
export class Records {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly times: Float64Array;
  readonly history: number;
  readonly resultBytes: number;
  readonly overlapping: boolean;
  /** What tally.ts counts, twice. */
  readonly totals: readonly [Float64Array, Float64Array];
  readonly #offset: number;
  readonly #shift: number;
  readonly #runs: number;
  readonly #rooms: Uint8Array;
  readonly #requests: Uint8Array;
  readonly #decoder: Decoder;

  constructor(memory: SharedArrayBuffer) {
    const constants = new Int32Array(memory, 0, STRIDE);
    this.memory = memory;
    this.history = constants[HISTORY] ?? 0;
    this.resultBytes = constants[RESULT_BYTES] ?? 0;
    this.overlapping = constants[OVERLAPPING] === 1;
    this.#offset = new Float64Array(memory, 0, STRIDE / 2)[OFFSET / 2] ?? 0;
    this.#shift = Math.log2(this.history);
    this.#runs = LABELS + this.history * LABEL_WORDS;
    const end = (this.#runs + this.history * RUN_WORDS) * 4;
    this.words = new Int32Array(memory, 0, end / 4);
    this.times = new Float64Array(memory, 0, end / 8);
    this.#rooms = new Uint8Array(memory, end, this.history * Math.ceil(this.resultBytes / 8) * 8);
    this.#requests = new Uint8Array(memory, end + this.#rooms.byteLength, this.history * MAX_REQUEST);
    const rest = end + this.#rooms.byteLength + this.#requests.byteLength;
    const half = (memory.byteLength - rest) / 2;
    this.totals = [new Float64Array(memory, rest, half / 8), new Float64Array(memory, rest + half, half / 8)];
    this.#decoder = new Decoder(this.resultBytes);
  }

  /** In milliseconds since 1970, as records show it. */
  wallTime(time: number): number {
    return time + this.#offset;
  }

  get module(): number {
    return this.words[MODULE] ?? 0;
  }

  set module(id: number) {
    this.words[MODULE] = id;
  }

  /** Where the sender's part of a task's record begins. */
  label(id: number): number {
    return LABELS + (id & (this.history - 1)) * LABEL_WORDS; // `&` takes the low 32 bits of an id
  }

  /** Where the executor's part begins. */
  run(id: number): number {
    return this.#runs + (id & (this.history - 1)) * RUN_WORDS;
  }

  /** The id of the task at `position`, once its record has been begun. */
  id(position: number): number {
    const halves = this.words[this.label(position) + HALVES] ?? 0;
    return (halves >> 1) * 2 ** 32 + (position >>> 0);
  }

  /** Has the highest bit of positions changed since the record's former task? Whoever is killed before, leaves that to the next. */
  countHalves(position: number): void {
    const at = this.label(position) + HALVES;
    const halves = this.words[at] ?? 0;
    if ((halves & 1) !== position >>> 31) this.words[at] = halves + 1;
  }

  /** The room for a task's outcome. */
  room(id: number): Uint8Array {
    const start = (id & (this.history - 1)) * Math.ceil(this.resultBytes / 8) * 8;
    return this.#rooms.subarray(start, start + this.resultBytes);
  }

  /** Keeps the id of a request: at most MAX_REQUEST characters of ASCII. */
  setRequest(id: number, requestId: string): void {
    const at = (id & (this.history - 1)) * MAX_REQUEST;
    const size = Math.min(requestId.length, MAX_REQUEST);
    for (let i = 0; i < size; i++) this.#requests[at + i] = requestId.charCodeAt(i);
    this.words[this.label(id) + REQUEST] = size;
  }

  /** `undefined`: none. Of a task that is read, ask between the looks at its record. */
  request(id: number): string | undefined {
    const size = this.words[this.label(id) + REQUEST] ?? 0;
    if (size === 0) return undefined;
    const at = (id & (this.history - 1)) * MAX_REQUEST;
    return String.fromCharCode(...this.#requests.slice(at, at + Math.min(size, MAX_REQUEST)));
  }

  /** What LABEL, RUN or CANCEL of a task's record is: the task's lap, and a label, a state or a bit. */
  word(id: number, bits: number): number {
    return (((id | 0) >>> this.#shift) << 3) | bits;
  }

  /** That word, RUN, is about this task, not about a former one in the same record. */
  hasStarted(id: number, word: number): boolean {
    return word >>> 3 === (id | 0) >>> this.#shift && (word & 7) !== 0;
  }

  isRunning(id: number): boolean {
    return Atomics.load(this.words, this.run(id)) === this.word(id, State.RUNNING);
  }

  /** The task is queued or running. */
  isOpen(id: number): boolean {
    const state = Atomics.load(this.words, this.run(id));
    const started = this.hasStarted(id, state);
    if (started ? (state & 7) !== State.RUNNING : this.closed) return false;
    return Atomics.load(this.words, this.label(id)) === this.word(id, Label.QUEUED);
  }

  /**
   * The channel is closed and empty: no task that has not been started ever will be. A record that says QUEUED is of a
   * send that failed, or whose thread died or stood still in it.
   */
  get closed(): boolean {
    return Atomics.load(this.words, CLOSED) === 1;
  }

  /** Comes after the end of all tasks that were accepted. */
  close(): void {
    Atomics.store(this.words, CLOSED, 1);
  }

  /** The ids of all tasks that are queued or running, oldest first. A snapshot. */
  open(): number[] {
    const ids: number[] = [];
    for (let record = 0; record < this.history; record++) {
      const label = Atomics.load(this.words, LABELS + record * LABEL_WORDS);
      const id = this.#idIn(record, label >>> 3);
      if (label !== 0 && this.isOpen(id)) ids.push(id);
    }
    return ids.sort((a, b) => a - b);
  }

  /** The ids of the last `count` tasks that were accepted, oldest first. A snapshot. */
  latest(count: number): number[] {
    const ids: number[] = [];
    for (let record = 0; record < this.history; record++) {
      const label = Atomics.load(this.words, LABELS + record * LABEL_WORDS);
      if ((label & 7) === Label.QUEUED) ids.push(this.#idIn(record, label >>> 3));
    }
    return ids.sort((a, b) => a - b).slice(-count);
  }

  /** The ids of all tasks that are running, oldest first. */
  running(): number[] {
    const ids: number[] = [];
    for (let record = 0; record < this.history; record++) {
      const state = Atomics.load(this.words, this.#runs + record * RUN_WORDS);
      if ((state & 7) === State.RUNNING) ids.push(this.#idIn(record, state >>> 3));
    }
    return ids.sort((a, b) => a - b);
  }

  #idIn(record: number, lap: number): number {
    return this.id((lap << this.#shift) + record);
  }

  /** The record of a task, or `undefined`: never accepted, or so long ago that its record was used again. */
  read(id: number): TaskRecord | undefined {
    const { words, times } = this;
    const [labelAt, runAt] = [this.label(id), this.run(id)];
    const labelTimes = new Float64Array(LABEL_WORDS / 2);
    const runTimes = new Float64Array(RUN_WORDS / 2);
    const label = new Int32Array(labelTimes.buffer);
    const run = new Int32Array(runTimes.buffer);
    for (;;) {
      const closed = this.closed; // before RUN: what was accepted had its final state by then
      const found = Atomics.load(words, labelAt); // pairs with the stores of LABEL and RUN: all that they
      const state = Atomics.load(words, runAt); //   published is visible
      if (found !== this.word(id, Label.QUEUED)) return undefined;
      const started = this.hasStarted(id, state);
      if (!started && closed) return undefined;
      label.set(words.subarray(labelAt, labelAt + LABEL_WORDS));
      run.set(words.subarray(runAt, runAt + RUN_WORDS));
      for (let i = ENQUEUED; i <= DROPPED; i++) labelTimes[i] = times[(labelAt >> 1) + i] ?? 0; // whole
      for (let i = STARTED; i <= OVERDUE; i++) runTimes[i] = times[(runAt >> 1) + i] ?? 0;
      const requestId = this.request(id);
      const size = started && isOutcome(state & 7) ? (run[SIZE] ?? 0) : 0;
      if (size > 0) this.#decoder.bytes.set(this.room(id).subarray(0, size));
      if (Atomics.add(words, labelAt, 0) !== found || Atomics.add(words, runAt, 0) !== state) continue;
      if ((label[HALVES] ?? 0) >> 1 !== Math.floor(id / 2 ** 32)) return undefined;
      run[0] = started ? state : 0;
      const asked = run[CANCEL] === this.word(id, 1);
      const outcome = size > 0 ? this.#decoder.decode(size) : undefined;
      return describe(id, { label, run, labelTimes, runTimes, requestId }, asked, outcome, this.#offset);
    }
  }
}
