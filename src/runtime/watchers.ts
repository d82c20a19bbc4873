/**
 * Watchers: senders that wait for the end of tasks. A bit for each of them stands in the task's record (WATCH), and each
 * parks on one word, WAKES, for all tasks that it waits for:
 *
 *   watcher:  1. WAKES is n                         waker:  1. the task ends
 *             2. sets its bit; is the task open?            2. the bit is set? WAKES + 1, notify
 *             3. parks while WAKES is n
 *
 * Nothing but the bit says whether anybody is parked. So if a waker is killed half-way, the next one wakes them all the
 * same; and a closed sender and the next one with its number may park on the same word.
 */
import { MAX_SENDERS, STRIDE } from '../channel/index.js';
import { WATCH } from './record.js';
import { type Records, WATCHERS } from './records.js';

/** One thread's view of those who wait. */
export class Watchers {
  readonly #records: Records;
  readonly #words: Int32Array;

  constructor(records: Records) {
    this.#records = records;
    this.#words = records.words;
  }

  /** How often sender `slot` has been woken. Look before {@link watch}, and park with what it was. */
  wakes(slot: number): number {
    return Atomics.load(this.#words, WATCHERS + slot * STRIDE); // pairs with the add in #wake
  }

  /** Sender `slot` will be woken when the task ends. `false`: it has ended, or its record is gone. Ask after each wake-up. */
  watch(id: number, slot: number): boolean {
    const at = this.#records.run(id) + WATCH;
    while (this.#records.isOpen(id)) {
      if ((Atomics.load(this.#words, at) & (1 << slot)) !== 0) return true; // an end after the look above finds it
      Atomics.or(this.#words, at, 1 << slot); // pairs with the loads in tell; then look again
    }
    return false;
  }

  /** Resolves when sender `slot` has been woken more than `wakes` times. */
  async park(slot: number, wakes: number): Promise<void> {
    const woken = Atomics.waitAsync(this.#words, WATCHERS + slot * STRIDE, wakes); // pairs with the notify in #wake
    if (woken.async) await woken.value;
  }

  /**
   * Wakes those who wait for this task's end, which has just been published, and takes them off. Whoever waits for the
   * record's next task by then is woken too, and watches again.
   */
  tell(id: number): void {
    const at = this.#records.run(id) + WATCH;
    if (Atomics.load(this.#words, at) === 0) return; // pairs with watch
    this.#wakeEach(Atomics.exchange(this.#words, at, 0));
  }

  /** The same, but takes nobody off: if this thread is killed half-way, the executor tells them when it drops the task. */
  tellFirst(id: number): void {
    this.#wakeEach(Atomics.load(this.#words, this.#records.run(id) + WATCH)); // pairs with watch
  }

  /** Wakes all senders. A thread that died may have owed them that. */
  tellAll(): void {
    for (let s = 0; s < MAX_SENDERS; s++) this.#wake(s);
  }

  #wakeEach(slots: number): void {
    for (let s = 0; slots >>> s !== 0; s++) if ((slots & (1 << s)) !== 0) this.#wake(s);
  }

  #wake(slot: number): void {
    Atomics.add(this.#words, WATCHERS + slot * STRIDE, 1); // makes a late waitAsync return at once
    Atomics.notify(this.#words, WATCHERS + slot * STRIDE);
  }
}
