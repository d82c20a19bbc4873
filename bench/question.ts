/**
 * A question is a table: each row is a program, each column a setting in which it runs, and each cell shows figures that
 * the program has printed. All of it is data: rounds.ts asks it, page/tables.ts shows it.
 */
import type { Condition } from './conditions.js';
import type { Plan } from './plan.js';
import type { Program } from './programs.js';

export interface Row {
  readonly name: string;
  readonly program: Program;
  readonly setup?: object;
  /** How many tasks, before the plan scales them. */
  readonly count?: number;
}

export interface Setting {
  readonly name: string;
  readonly condition?: Condition;
  readonly setup?: object;
  /** What share of the tasks each program gets. */
  readonly share?: number;
}

/** A figure, by the key that the program prints; with `against`, how many times it is the figure of that row. */
export interface Shown {
  readonly head: string;
  readonly key: string;
  readonly unit?: number;
  readonly against?: string;
}

export interface Question {
  readonly id: string;
  readonly rows: readonly Row[];
  readonly settings: readonly Setting[];
  readonly shown: readonly Shown[];
  /** Gets its further rounds before the others. */
  readonly first?: boolean;
  /** The programs do not disturb each other: they run at the same time. */
  readonly together?: boolean;
}

/** Where the figures of a row in a setting are found. */
export function keyOf(row: string, setting: string): string {
  return setting === '' ? row : `${row}, ${setting}`;
}

/** What the program gets. */
export function setupOf(row: Row, setting: Setting, { ms, seconds, scale }: Plan): object {
  const all = { ms, seconds, ...setting.setup, ...row.setup };
  return row.count === undefined
    ? all
    : { count: Math.ceil(row.count * (setting.share ?? 1) * scale), ...all };
}
