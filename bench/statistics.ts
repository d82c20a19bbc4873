/** Medians and spreads: what a noisy machine lets one say. */

/** One figure over several rounds. */
export type Rounds = readonly number[];

export function median(rounds: Rounds): number {
  const sorted = [...rounds].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/** Round by round, how many times `a` is `b`: drift of the machine cancels out. */
export function ratio(a: Rounds, b: Rounds): Rounds {
  return a.slice(0, b.length).map((value, round) => value / (b[round] ?? Number.NaN));
}

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 0.1 ? 2 : 3);
}

/** `median (min–max)` */
export function spread(rounds: Rounds): string {
  const all = `${digits(median(rounds))}`;
  return rounds.length < 2 ? all : `${all} (${digits(Math.min(...rounds))}–${digits(Math.max(...rounds))})`;
}
