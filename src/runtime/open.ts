/**
 * The open entries, by id. Nearly all lie in a ring, each at its id; a Map has those whose place is taken by one that runs
 * for long. (A Map alone costs a tenth of a microsecond for each task: it is built anew again and again.)
 */
import type { Entry } from './record.js';

const PLACES = 1024;

export class OpenEntries {
  size = 0;
  readonly #ring: (Entry | undefined)[] = new Array(PLACES).fill(undefined);
  readonly #others = new Map<number, Entry>();

  add(entry: Entry): void {
    const place = entry.id & (PLACES - 1);
    this.size += 1;
    if (this.#ring[place] === undefined) this.#ring[place] = entry;
    else this.#others.set(entry.id, entry);
  }

  get(id: number): Entry | undefined {
    const entry = this.#ring[id & (PLACES - 1)];
    return entry?.id === id ? entry : this.#others.get(id);
  }

  delete(entry: Entry): void {
    const place = entry.id & (PLACES - 1);
    this.size -= 1;
    if (this.#ring[place] === entry) this.#ring[place] = undefined;
    else this.#others.delete(entry.id);
  }

  list(): Entry[] {
    return [...this.#ring.filter((entry) => entry !== undefined), ...this.#others.values()];
  }
}
