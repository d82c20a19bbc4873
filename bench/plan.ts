/** How much to measure. */
export interface Plan {
  readonly rounds: number;
  /** How long to measure one thing, in milliseconds. */
  readonly ms: number;
  /** Scales the number of tasks. */
  readonly scale: number;
}

export const PLANS = {
  quick: { rounds: 1, ms: 200, scale: 0.1 },
  normal: { rounds: 5, ms: 500, scale: 1 },
  full: { rounds: 9, ms: 2000, scale: 4 },
} as const satisfies Record<string, Plan>;
