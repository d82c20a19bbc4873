/**
 * The tally: how many tasks have ended, by function and final state, and how long they waited and ran. It is exact
 * whatever dies when, and nobody counts a task while it ends:
 *
 *   positions   ───────────────FROM──────────────────HEAD─────────TAIL────►
 *                 in the totals │ in the records, which tell how they ended
 *
 * A record keeps what became of its task until it is used again, a whole HISTORY later. So the executor adds up the last
 * tasks whenever a BATCH of positions has left the channel, whether they had tasks or not. The totals
 * are kept twice. It writes the new ones, FROM included, over the older ones, and then one store of SEQ makes them the
 * valid ones. If its thread dies before that, nothing has been counted, and the next thread's executor does the same
 * again; after it, all has.
 *
 *   SEQ    +1 for each batch; its lowest bit says which of the two are valid         the executor
 *
 * If tasks overlap, some still run while those after them are counted. They are listed in the totals (RUNNING), to be
 * counted later, and a record on that list is not used again: `holds`.
 *
 * Whoever asks adds the records from FROM on to the totals, and is right if SEQ is still the same afterwards.
 *
 * What was sent without `runTask` has no record and is not counted. A batch is a quarter of HISTORY at most: half of it may
 * be in the channel (ledger.ts).
 */
import { ENQUEUED, FINISHED, type FinalState, Label, OVERDUE, STARTED, State, TASK } from './record.js';
import { type Records, SEQ } from './records.js';
import {
  countEnd,
  countRun,
  describeTotals,
  END,
  FROM,
  LIST,
  MAX_LIST,
  RUNNING,
  type Totals,
} from './totals.js';

const BATCH = 256;

/** One thread's view of the tally. */
export class Tally {
  readonly #records: Records;
  readonly #batch: number;
  /** The executor's own FROM. */
  #from: number;

  constructor(records: Records) {
    this.#records = records;
    this.#batch = Math.min(BATCH, records.history / 4);
    const side = ((records.words[SEQ] ?? 0) & 1) as 0 | 1; // the former executor's thread is dead
    this.#from = records.totals[side][FROM] ?? 0;
  }

  /** The executor's, before `position` leaves the channel: those before it have. */
  reach(position: number): void {
    if ((position - this.#from) >>> 0 < this.#batch) return;
    const { words } = this.#records;
    const seq = Atomics.load(words, SEQ);
    const valid = this.#side(seq);
    const next = this.#side(seq + 1);
    const end = valid[END] || LIST + MAX_LIST;
    next.fill(0, end, next[END]); // rows that a thread had begun, and was killed before they were valid
    next.set(valid.subarray(0, end));
    this.#add(next, position);
    next[FROM] = position;
    Atomics.store(words, SEQ, (seq + 1) | 0); // publishes all of it; pairs with the loads in holds and read
    this.#from = position;
  }

  /** The sender's: the record for `position` is of a task that ran when the last batch was counted. */
  holds(position: number): boolean {
    const { words, history } = this.#records;
    for (;;) {
      const seq = Atomics.load(words, SEQ); // pairs with the store in reach
      const totals = this.#side(seq);
      const end = LIST + (totals[RUNNING] ?? 0);
      let held = false;
      for (let i = LIST; i < end; i++) held ||= (((totals[i] ?? 0) - position) & (history - 1)) === 0;
      if (Atomics.add(words, SEQ, 0) === seq) return held; // as in records.ts: not moved before the reads
    }
  }

  /** What has ended until now. */
  read(): Totals[] {
    const { words, history } = this.#records;
    for (;;) {
      const seq = Atomics.load(words, SEQ); // pairs with the store in reach
      const totals = this.#side(seq).slice();
      this.#add(totals, ((totals[FROM] ?? 0) + history) | 0);
      if (Atomics.add(words, SEQ, 0) === seq) return describeTotals(totals);
    }
  }

  #side(seq: number): Float64Array {
    return this.#records.totals[(seq & 1) as 0 | 1];
  }

  /** Adds what has ended of the tasks on the list and of those from FROM to `to`, and lists those that run. */
  #add(totals: Float64Array, to: number): void {
    const listed = totals[RUNNING] ?? 0;
    totals[RUNNING] = 0;
    for (let i = 0; i < listed; i++) this.#addOne(totals, totals[LIST + i] ?? 0);
    const count = Math.min((to - (totals[FROM] ?? 0)) >>> 0, this.#records.history); // older ones have no record
    for (let i = count; i > 0; i--) this.#addOne(totals, (to - i) | 0);
  }

  #addOne(totals: Float64Array, position: number): void {
    const records = this.#records;
    const { words, times } = records;
    const label = records.label(position);
    const run = records.run(position);
    const word = Atomics.load(words, run); // pairs with what ended the task; LABEL was written before that
    if (!records.hasStarted(position, word)) return;
    if (words[label] !== records.word(position, Label.QUEUED)) return; // it has no record
    const state = word & 7;
    if (state === State.RUNNING) {
      const at = totals[RUNNING] ?? 0;
      if (at < MAX_LIST) totals[LIST + at] = position;
      totals[RUNNING] = Math.min(at + 1, MAX_LIST);
      return;
    }
    const fn = (words[label + TASK] ?? 0) >> 1;
    if (state === State.DROPPED) {
      countEnd(totals, fn, 'cancelled');
      return;
    }
    const enqueued = times[(label >> 1) + ENQUEUED] ?? 0;
    const started = Math.max(times[(run >> 1) + STARTED] ?? 0, enqueued); // as record.ts shows them
    const finished = times[(run >> 1) + (state === State.OVERDUE ? OVERDUE : FINISHED)] ?? 0;
    countRun(totals, fn, finalState(state), started - enqueued, Math.max(finished - started, 0));
  }
}

function finalState(state: number): FinalState {
  if (state === State.SUCCEEDED) return 'succeeded';
  return state === State.CANCELLED ? 'cancelled' : 'failed';
}
