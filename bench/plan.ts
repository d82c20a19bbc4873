/** How much to measure. */
export interface Plan {
  readonly rounds: number;
  /** For a question with many cases. */
  readonly fewRounds: number;
  /** How long to measure one thing, in milliseconds. */
  readonly ms: number;
  /** Scales the number of tasks. */
  readonly scale: number;
  /** How many tasks the longest run has. */
  readonly longest: number;
}

export const PLANS = {
  quick: { rounds: 1, fewRounds: 1, ms: 200, scale: 0.1, longest: 1e5 },
  normal: { rounds: 3, fewRounds: 1, ms: 300, scale: 0.5, longest: 1e6 },
  full: { rounds: 7, fewRounds: 3, ms: 500, scale: 1, longest: 1e7 },
} as const satisfies Record<string, Plan>;
