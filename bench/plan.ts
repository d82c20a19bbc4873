/** How much to measure. */
export interface Plan {
  readonly rounds: number;
  /** How long to measure one thing, in milliseconds. */
  readonly ms: number;
  /** Scales the number of tasks. */
  readonly scale: number;
  /** How many tasks the longest run has. */
  readonly longest: number;
}

export const PLANS = {
  quick: { rounds: 1, ms: 200, scale: 0.1, longest: 1e5 },
  normal: { rounds: 3, ms: 300, scale: 0.5, longest: 1e6 },
  full: { rounds: 7, ms: 500, scale: 1, longest: 1e7 },
} as const satisfies Record<string, Plan>;
