/** A broken channel, ring of ends or table of runs: a mistake that somebody could make, and the scenario that shows it. */
import type { Edit } from './realm.js';

export interface Mutant {
  /** What is wrong with it. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The scenario that catches it. */
  readonly scenario: string;
  /** That takes long: it is for the matrix only. */
  readonly deep: boolean;
}

/** `changes`: what to replace, and by what, in turn. */
export const mutant = (
  name: string,
  scenario: string,
  file: Edit['file'],
  ...changes: readonly string[]
): Mutant => ({
  name,
  scenario,
  deep: false,
  edits: changes.flatMap((from, n) => (n % 2 === 0 ? { file, from, to: changes[n + 1] ?? '' } : [])),
});

export const deep = (mutant: Mutant): Mutant => ({ ...mutant, deep: true });
