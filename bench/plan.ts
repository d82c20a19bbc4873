/** How much to measure. */
export interface Plan {
  /** How often each program runs, if the time allows it; once in any case. */
  readonly rounds: number;
  /** No further round is begun that would end later than so long after the start. */
  readonly budgetMs: number;
  /** Scales the number of tasks. */
  readonly scale: number;
  /** How long to measure one thing that is measured by time. */
  readonly ms: number;
  /** How long to look at an idle server. */
  readonly seconds: number;
}

export const PLANS = {
  quick: { rounds: 1, budgetMs: 0, scale: 0.02, ms: 60, seconds: 1 },
  normal: { rounds: 5, budgetMs: 110_000, scale: 0.25, ms: 200, seconds: 10 },
  full: { rounds: 7, budgetMs: 45 * 60_000, scale: 1, ms: 1000, seconds: 10 },
} as const satisfies Record<string, Plan>;
