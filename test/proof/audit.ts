/**
 * The audit: what the witness is for the channel, for the ring of ends and the table of runs. A task is known by its
 * position, counted from the first of the run; it has exactly one fate.
 */

import type { Machine } from './machine.js';
import type { Instance } from './realm.js';
import type { Thread } from './thread.js';
import type { Witness } from './witness.js';
import type { World } from './world.js';

/** What it knows: never changed, but replaced, so it can be kept. */
const NOTHING = {
  /** Ends, in the order in which they were published; and how many of them the owner knows. */
  published: [] as readonly number[],
  drained: 0,
  /** Whose functions were called. */
  started: [] as readonly number[],
  victims: [] as readonly number[],
  /** Tasks whose ends a caller waits for. */
  awaited: [] as readonly number[],
  /** Tasks that the table named when the owner had shut its gate; `undefined`: it is open. */
  named: undefined as readonly number[] | undefined,
};
type Books = Readonly<typeof NOTHING>;

export class Audit {
  state: Books = NOTHING;
  readonly #world: World;
  readonly #machine: Machine;
  readonly #witness: Witness;
  // Where words lie, counted in all words of the machine.
  readonly #tail: number;
  readonly #head: number;
  readonly #firstCell: number;
  readonly #cellWords: number;
  readonly #cells: number;
  /** WHO of each row. */
  readonly #rows: readonly number[];

  /** It takes the layout from the constants of the modules. */
  constructor(world: World, modules: Instance) {
    const { machine, witness, scenario, ends, runs } = world;
    this.#world = world;
    this.#machine = machine;
    this.#witness = witness;
    const { concurrency = 1, ends: cells = 0 } = scenario;
    const ring = (name: string): number => machine.shared.begin(ends) + (modules.ends[name] ?? 0);
    const [first, step = 0] = [modules.runs['FIRST'] ?? 0, modules.runs['ROW_WORDS']];
    this.#tail = ring('TAIL');
    this.#head = ring('HEAD');
    this.#firstCell = ring('FIRST');
    this.#cellWords = modules.ends['CELL_WORDS'] ?? 0;
    this.#cells = cells;
    const table = machine.shared.begin(runs) + first;
    this.#rows = Array.from({ length: concurrency }, (_, row) => table + row * step);
  }

  #now(changes: Partial<Books>): undefined {
    this.state = { ...this.state, ...changes };
  }

  // ── Every write ────────────────────────────────────────────────────────────────────────────────────────────────

  wrote(_: Thread, at: number, before: number, now: number): string | undefined {
    if (at === this.#tail) return this.#publish(before, now);
    if (at === this.#head && now !== this.state.drained)
      return `HEAD is ${now}, ${this.state.drained} were drained`;
    return undefined;
  }

  #publish(before: number, now: number): string | undefined {
    const cell = this.#firstCell + (before % this.#cells) * this.#cellWords;
    const { words } = this.#machine.shared;
    const id = new Float64Array(words.buffer, words.byteOffset + cell * 4, 1)[0] ?? Number.NaN;
    this.#now({ published: [...this.state.published, id] });
    if (now !== this.state.published.length) return `TAIL of the ends went from ${before} to ${now}`;
    if (now - this.#machine.shared.load(this.#head) > this.#cells)
      return 'an end was written over that was not drained';
    return undefined;
  }

  // ── What the worker does ───────────────────────────────────────────────────────────────────────────────────────

  starts(id: number): undefined {
    const { started } = this.state;
    if (started.includes(id)) this.#machine.fail(`task ${id} was started twice`);
    if (this.state.named?.includes(id) === false)
      this.#machine.fail(`task ${id} was started when the gate was shut`);
    this.#now({ started: [...started, id] });
  }

  /** How many ends there are. */
  count(): number {
    return this.state.published.length;
  }

  // ── What the owner learns ──────────────────────────────────────────────────────────────────────────────────────

  drains(id: number, size: number, outcome: number): undefined {
    const { published, drained } = this.state;
    this.#now({ drained: drained + 1 });
    if (published[drained] !== id) this.#machine.fail(`end ${id} was drained, not ${published[drained]}`);
    if (size !== sizeOf(id) || outcome !== id) this.#machine.fail(`end ${id} has the outcome of ${outcome}`);
  }

  /** A task runs that the owner does not know, it thinks. */
  meets(id: number): undefined {
    if (this.state.published.slice(0, this.state.drained).includes(id))
      this.#machine.fail(`task ${id} was met after its end`);
  }

  awaits(id: number, isOver: boolean): undefined {
    const { awaited } = this.state;
    this.#now({ awaited: isOver ? awaited.filter((other) => other !== id) : [...awaited, id] });
  }

  /** The owner has shut the gate, or is about to open it. */
  shuts(now: boolean): undefined {
    const { first, limit } = this.#world;
    const who = this.#rows.map((at) => this.#machine.shared.load(at)).filter((each) => each !== 0);
    this.#now({ named: now ? who.map((each) => (each - 1 - first + limit) % limit) : undefined });
  }

  dies(ids: readonly number[]): undefined {
    this.#now({ victims: [...this.state.victims, ...ids] });
  }

  /** The table is ready for the next thread. */
  clears(): undefined {
    for (const at of this.#rows)
      if (this.#machine.shared.load(at) !== 0) this.#machine.fail('the table names a task of a dead thread');
  }

  // ── At rest ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Nobody can go on. Does the owner know what it ought to? */
  stuck(): string | undefined {
    const { published, drained, awaited } = this.state;
    const untold = published.slice(drained);
    if (untold.length === 0) return undefined;
    const isWanted = awaited.length > 0;
    const isHalf = 2 * untold.length >= this.#cells;
    if (!isWanted && !isHalf) return undefined;
    return `the owner was not woken for ${untold}`;
  }

  /** The end of the run: each task has had one fate. */
  balance(): string | undefined {
    const { published, drained, started, victims } = this.state;
    if (drained !== published.length) return `only ${drained} ends of ${published} were drained`;
    const { takenBack, taken } = this.#witness.state;
    const ofTasks = [...this.#witness.state.published];
    for (const [id, value] of ofTasks) {
      const fates = [...published, ...victims].filter((other) => other === id).length;
      const isBack = takenBack.includes(value) ? 1 : 0;
      const isTaken = taken.includes(value) ? 1 : 0;
      if (fates !== isTaken) return `task ${id} was taken ${isTaken} times and has ${fates} ends`;
      if (isBack + isTaken > 1) return `task ${id} was taken, and taken back`;
      if (isBack === 1 && started.includes(id)) return `task ${id} was started, and taken back`;
    }
    return undefined;
  }
}

/** Two outcomes of three are too long for a cell. */
export function sizeOf(id: number): number {
  return id % 3 === 0 ? 8 : 120;
}
