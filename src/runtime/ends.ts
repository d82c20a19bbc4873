/**
 * The ring of ends: how the worker thread tells the owner that tasks have ended. One producer, one consumer, and nothing
 * is ever taken back, so the two never write one word, but for BELL.
 *
 *   word     meaning                                       written by
 *   TAIL     how many ends were reported                   the worker, +1: publishes an end
 *   HEAD     how many ends were drained                    the owner: gives their cells back
 *   BELL     the owner is parked, or lazy: see park.ts     the owner; who wakes it
 *   a cell   one end: id, key, state, times, outcome       the worker, before TAIL
 *
 * An end that is published counts, whatever happens to the worker afterwards. One that is half-written does not exist: the
 * next worker writes over it.
 *
 * The owner drains at every 32nd send, and when it is asked or blocks. It parks while a caller waits for an end, and is woken
 * by each; else it is lazy, until half of the ring is used: tasks that nobody waits for share one wake-up. A full ring blocks
 * the worker's thread.
 */
import { Bell, Cells, createCells, type Layout, type Scratch, SLICE_MS } from '../channel/index.js';
import type { FinalState } from './record.js';

const STRIDE = 32;
const COUNT = 0; // a constant: how many cells
const MAX_BYTES = 1; // a constant: how long an outcome may be
const TAIL: number = STRIDE;
const HEAD: number = 2 * STRIDE;
const BELL: number = 3 * STRIDE;
const FIRST: number = 4 * STRIDE;
const CELL_WORDS = 32;
const ID = 0; // in 64-bit words
const STARTED = 1;
const FINISHED = 2;
const KEY = 6; // in words
const STATE = 7;
const LAYOUT: Layout = { first: FIRST, size: CELL_WORDS, length: 8 };

/** A cell has the state's place in this list. */
const STATES: readonly FinalState[] = ['succeeded', 'failed', 'cancelled'];

/** An end, but for its outcome. */
export interface End {
  /** Of the task: how many messages left the channel before it. */
  readonly id: number;
  /** Of the task's name: see `TaskType` in record.ts. */
  readonly key: number;
  readonly state: FinalState;
  readonly started: number;
  readonly finished: number;
}

/** Makes the memory of a ring for outcomes of at most `maxBytes`. `cells`: a power of two, less if each may be very long. */
export function createEnds(maxBytes: number, cells = maxBytes > 2 ** 18 ? 16 : 256): SharedArrayBuffer {
  const memory = createCells(cells, LAYOUT, maxBytes);
  const constants = new Int32Array(memory, 0, TAIL);
  constants[COUNT] = cells;
  constants[MAX_BYTES] = maxBytes;
  return memory;
}

/** What both sides see. Counts are 32 bits that wrap. */
class Ends extends Cells {
  /** Where the owner parks. */
  readonly bell: Bell;
  protected readonly numbers: Float64Array;
  protected readonly count: number;

  constructor(memory: SharedArrayBuffer) {
    const constants = new Int32Array(memory, 0, TAIL);
    const count = constants[COUNT] ?? 1;
    super(memory, count, LAYOUT, constants[MAX_BYTES] ?? 0);
    this.count = count;
    this.numbers = new Float64Array(memory, 0, this.words.length >> 1);
    this.bell = new Bell(this.words, BELL);
  }

  /** Where an end's cell begins. `before`: how many were reported before it. */
  protected cell(before: number): number {
    return FIRST + (before & (this.count - 1)) * CELL_WORDS;
  }
}

/** The worker's side. */
export class Reporter extends Ends {
  readonly #whenFull: () => void;
  #tail: number;
  /** Cells that are known to be free. */
  #free = 0;

  /** `whenFull` wakes the owner if it is blocked in a send: it drains before it sleeps again. */
  constructor(memory: SharedArrayBuffer, whenFull: () => void) {
    super(memory);
    this.#whenFull = whenFull;
    this.#tail = Atomics.load(this.words, TAIL); // the former worker's ends count
  }

  /** Reports an end. `size`: of the outcome in bytes, 0: it is undefined. */
  report(end: End, outcome: Scratch, size: number): void {
    const { words, numbers } = this;
    while (this.#free === 0) this.#awaitRoom();
    const at = this.cell(this.#tail);
    numbers[(at >> 1) + ID] = end.id;
    numbers[(at >> 1) + STARTED] = end.started;
    numbers[(at >> 1) + FINISHED] = end.finished;
    words[at + KEY] = end.key;
    words[at + STATE] = STATES.indexOf(end.state);
    this.copyIn(at, outcome, size);
    this.#tail = (this.#tail + 1) | 0;
    this.#free -= 1;
    Atomics.store(words, TAIL, this.#tail); // publishes the cell; pairs with the loads in drain
    this.bell.ring();
    const half = this.count >> 1;
    if (this.#free <= half && this.#lookForRoom() <= half) this.bell.rouse();
  }

  #lookForRoom(): number {
    const head = Atomics.load(this.words, HEAD); // pairs with the store in drain
    this.#free = this.count - ((this.#tail - head) | 0);
    return this.#free;
  }

  #awaitRoom(): void {
    if (this.#lookForRoom() > 0) return;
    this.bell.ringAlways();
    this.#whenFull();
    const head = (this.#tail - this.count) | 0; // of a full ring
    Atomics.wait(this.words, HEAD, head, SLICE_MS); // pairs with the notify in drain
  }
}

/** The owner's side. */
export class Collector extends Ends {
  readonly #outcome: Scratch;
  readonly #onEnd: (end: End, size: number) => void;
  #head = 0;
  #stopped = false;

  /** `onEnd` is called with each end and the size of its outcome, which has been copied to `outcome`. It must not drain. */
  constructor(memory: SharedArrayBuffer, outcome: Scratch, onEnd: (end: End, size: number) => void) {
    super(memory);
    this.#outcome = outcome;
    this.#onEnd = onEnd;
  }

  /** Takes all ends that were reported. */
  drain(): void {
    const { words } = this;
    let tail = Atomics.load(words, TAIL); // pairs with the store in report
    while (tail !== this.#head) {
      const before = this.#head;
      for (; this.#head !== tail; this.#head = (this.#head + 1) | 0) this.#take(this.#head);
      Atomics.store(words, HEAD, tail); // pairs with the load in lookForRoom; then TAIL is looked at again
      tail = Atomics.load(words, TAIL);
      // Full, as HEAD was before: the worker may wait for room.
      if (((tail - before) | 0) === this.count) Atomics.notify(words, HEAD);
    }
  }

  #take(count: number): void {
    const { words, numbers } = this;
    const at = this.cell(count);
    const size = this.lengthAt(at);
    this.copyOut(at, this.#outcome, size);
    const end = {
      id: numbers[(at >> 1) + ID] ?? 0,
      key: words[at + KEY] ?? 0,
      state: STATES[words[at + STATE] ?? 0] ?? 'failed',
      started: numbers[(at >> 1) + STARTED] ?? 0,
      finished: numbers[(at >> 1) + FINISHED] ?? 0,
    };
    this.#onEnd(end, size);
  }

  /** Looks whenever it is woken, until it is stopped. `look` drains. Does not keep the process alive. */
  async listen(isEager: () => boolean, look: () => void): Promise<void> {
    while (!this.#stopped) {
      const lazy = !isEager();
      const ready = () => {
        look();
        return this.#stopped || lazy === isEager();
      };
      await this.bell.waitAsync(ready, lazy);
    }
  }

  /** A caller waits for an end. */
  beEager(): void {
    this.bell.hurry();
    this.drain();
  }

  stop(): void {
    this.#stopped = true;
    this.bell.ringAlways();
  }
}
