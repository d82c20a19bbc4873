/** The state of everything, as a number; and which states are known. */
import type { Thread } from './loop.js';
import type { World } from './world.js';

/** 53 bits of the state of everything. */
export function hash(world: World, current: Thread | undefined, more: number): number {
  const { machine, witness, audit } = world;
  let [a, b] = [(current?.index ?? -1) ^ (more << 8), more];
  const into = (value: number): void => {
    a = Math.imul(a ^ value, 0x9e37_79b1) + 1;
    a ^= a >>> 15;
    b = Math.imul(b + value, 0x85eb_ca6b) ^ (b >>> 13);
  };
  into(machine.hash1);
  into(machine.hash2);
  into(machine.clock);
  machine.waiting(into);
  witness.payloadHash(into);
  if (machine.records.length > 0) {
    audit.hash(into);
    audit.totalsHash(into);
  }
  for (const thread of machine.threads) {
    into(thread.seen1);
    into(thread.seen2);
    if (thread.killed) into(1);
    else
      into(
        (thread.runnable ? 2 : 0) +
          thread.tasks.length * 4 +
          thread.timers.length * 64 +
          thread.immediates.length * 1024,
      );
  }
  return (a >>> 0) * 0x20_0000 + (b & 0x1f_ffff);
}

/** States from which everything has been, or is being explored that is within some bounds. */
export class Known {
  /** What was left of the preemptions, and what slept: as `preemptions << 16 | asleep`, one or several. */
  readonly #bounds = new Map<number, number | number[]>();

  get size(): number {
    return this.#bounds.size;
  }

  /** With as many preemptions, and nothing asleep that is awake now. If not, it is known from now on. */
  covers(state: number, preemptions: number, asleep: number): boolean {
    const known = this.#bounds.get(state);
    const now = (preemptions << 16) | asleep;
    if (known === undefined) {
      this.#bounds.set(state, now);
      return false;
    }
    const list = typeof known === 'number' ? [known] : known;
    const covers = (old: number): boolean => old >> 16 >= preemptions && (old & ~asleep & 0xffff) === 0;
    if (list.some(covers)) return true;
    this.#bounds.set(state, [...list, now]);
    return false;
  }
}
