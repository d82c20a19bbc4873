/** Medians and spreads: what a noisy machine lets one say. */

/** Several rounds of one figure. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Each round, in order. */
  readonly rounds: readonly number[];
}

export function spread(rounds: readonly number[]): Spread {
  const sorted = [...rounds].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN, rounds };
}

/** Round by round, how many times `a` is `b`: drift of the machine cancels out. */
export function ratio(a: Spread, b: Spread): Spread {
  return spread(a.rounds.map((value, round) => value / (b.rounds[round] ?? Number.NaN)));
}

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** `median (min–max)` */
export function show({ median, min, max }: Spread, unit = 1): string {
  return `${digits(median / unit)} (${digits(min / unit)}–${digits(max / unit)})`;
}
