/**
 * The entries that the ledger keeps: of the newest tasks, and of all that are open.
 *
 * They lie in a ring, each at its id. A Map has the open ones whose place another has taken: those run for long. (A Map alone
 * costs a tenth of a microsecond for each task: it is built anew again and again.)
 */
import type { Entry } from './entry.js';

export class Entries {
  /** How many are open. */
  open = 0;
  readonly #ring: (Entry | undefined)[];
  readonly #others = new Map<number, Entry>();
  readonly #limit: number;
  #newest = 0;

  /** `history`: how many are kept, open or not. `limit`: of the channel's positions. */
  constructor(history: number, limit: number) {
    this.#ring = new Array(history).fill(undefined);
    this.#limit = limit;
  }

  /**
   * The channel hands out positions in the order of the queue. A task's id is its position, counted on past the limit: of the
   * ids with that position, the one that is closest to the newest.
   */
  idOf(position: number): number {
    const back = (this.#newest - position) % this.#limit;
    const laps = back > this.#limit / 2 ? 1 : back < -this.#limit / 2 ? -1 : 0;
    return this.#newest - back + laps * this.#limit;
  }

  add(entry: Entry): void {
    const place = entry.id % this.#ring.length;
    const former = this.#ring[place];
    if (former !== undefined && former.final === undefined) this.#others.set(former.id, former);
    this.#ring[place] = entry;
    this.open += 1;
    if (entry.id > this.#newest) this.#newest = entry.id;
  }

  /** The entry has ended. */
  end(entry: Entry): void {
    this.open -= 1;
    this.#others.delete(entry.id);
  }

  find(id: number): Entry | undefined {
    const entry = this.#ring[id % this.#ring.length];
    return entry?.id === id ? entry : this.#others.get(id);
  }

  /** Newest first. */
  all(): Entry[] {
    const kept = this.#ring.filter((entry) => entry !== undefined);
    return [...kept, ...this.#others.values()].sort((a, b) => b.id - a.id);
  }
}
