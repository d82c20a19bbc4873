/**
 * The entries that the ledger keeps: all that are open, and the last ones that have ended.
 *
 * Nearly all open ones lie in a ring, each at its id. A Map has those whose place is taken by one that runs for long. (A Map
 * alone costs a tenth of a microsecond for each task: it is built anew again and again.)
 */
import type { Entry } from './entry.js';

const PLACES = 1024;
/** How many that have ended are kept. */
const HISTORY = 1024;

export class Entries {
  /** How many are open. */
  open = 0;
  readonly #ring: (Entry | undefined)[] = new Array(PLACES).fill(undefined);
  readonly #others = new Map<number, Entry>();
  /** Those that have ended: a ring, too. */
  readonly #past: Entry[] = [];
  readonly #limit: number;
  #ended = 0;
  #newest = 0;

  /** `limit`: of the channel's positions. */
  constructor(limit: number) {
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
    const place = entry.id & (PLACES - 1);
    this.open += 1;
    if (entry.id > this.#newest) this.#newest = entry.id;
    if (this.#ring[place] === undefined) this.#ring[place] = entry;
    else this.#others.set(entry.id, entry);
  }

  /** The entry has ended. */
  end(entry: Entry): void {
    const place = entry.id & (PLACES - 1);
    this.open -= 1;
    if (this.#ring[place] === entry) this.#ring[place] = undefined;
    else this.#others.delete(entry.id);
    this.#past[this.#ended % HISTORY] = entry;
    this.#ended += 1;
  }

  findOpen(id: number): Entry | undefined {
    const entry = this.#ring[id & (PLACES - 1)];
    return entry?.id === id ? entry : this.#others.get(id);
  }

  find(id: number): Entry | undefined {
    return this.findOpen(id) ?? this.#past.find((entry) => entry.id === id);
  }

  allOpen(): Entry[] {
    return [...this.#ring.filter((entry) => entry !== undefined), ...this.#others.values()];
  }

  /** Newest first. */
  all(): Entry[] {
    return [...this.#past, ...this.allOpen()].sort((a, b) => b.id - a.id);
  }
}
