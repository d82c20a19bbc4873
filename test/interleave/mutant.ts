/** A broken channel or ledger: a mistake that somebody could make, and the scenario that shows it. */
import type { Edit } from './realm.js';

export interface Mutant {
  /** What is wrong with it. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The scenario that catches it. */
  readonly scenario: string;
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
  edits: changes.flatMap((from, n) => (n % 2 === 0 ? { file, from, to: changes[n + 1] ?? '' } : [])),
});
