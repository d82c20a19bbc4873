/**
 * What need not happen next: sleep sets (P. Godefroid, "Partial-order methods for the verification of concurrent
 * systems", 1996), as far as they cost no preemptions.
 *
 * When all runs that go on at a fork with A's step have been explored, A sleeps while the others are: until a step that is
 * in conflict with its own. A run in which it went on unwoken would end as one in which its step comes first, at the fork.
 * That one must not need more preemptions, so A sleeps in two cases only. It was the one that could go on at the fork: then
 * it is preempted one step later there, if at all. Or its step ends with it parked, ended or killed: then whoever came
 * first here comes next there, at the same price. (And if it is killed after its step here, it is killed at once there.)
 * A kill sleeps before it has been explored: what it touches is known. So of all runs with one outcome one is never given
 * up: the first, with kills before steps, and else in the order of exploration.
 */
import type { Footprint } from './footprint.js';
import type { Thread } from './loop.js';
import type { Choice } from './machine.js';

export class Asleep {
  /** By the index of its thread: the footprint of the step that sleeps. */
  readonly #run: (Footprint | undefined)[] = [];
  readonly #kill: (Footprint | undefined)[] = [];

  add({ kind, thread }: Choice, step: Footprint): void {
    (kind === 'run' ? this.#run : this.#kill)[thread.index] = step;
  }

  has({ kind, thread }: Choice): boolean {
    return kind !== 'timeout' && (kind === 'run' ? this.#run : this.#kill)[thread.index] !== undefined;
  }

  /** Wakes those in conflict with what has been touched. */
  see(touched: Footprint): void {
    for (const steps of [this.#run, this.#kill])
      for (let i = 0; i < steps.length; i++) if (steps[i]?.conflictsWith(touched)) steps[i] = undefined;
  }

  /** The thread itself goes on, or ends. */
  wake({ index }: Thread): void {
    this.#run[index] = this.#kill[index] = undefined;
  }

  copy(): Asleep {
    const copy = new Asleep();
    copy.#run.push(...this.#run);
    copy.#kill.push(...this.#kill);
    return copy;
  }

  /** One bit for each. */
  get bits(): number {
    let bits = 0;
    for (let i = 0; i < this.#run.length; i++) if (this.#run[i] !== undefined) bits |= 1 << i;
    for (let i = 0; i < this.#kill.length; i++) if (this.#kill[i] !== undefined) bits |= 256 << i;
    return bits;
  }
}
