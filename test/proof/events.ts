/** What threads wait for besides words: exits of others, and what a scenario gives a name. */
import type { Thread } from './loop.js';
import type { Input, Seen } from './moment.js';

interface Expected {
  readonly observer: Thread;
  readonly what: unknown;
  /** Of its promise. */
  readonly number: number;
}

export const PENDING = 'pending';

/** Never changed, but replaced: so it can be kept. */
export interface Happenings {
  readonly happened: ReadonlyMap<unknown, Seen>;
  readonly expected: readonly Expected[];
}

export const NOTHING: Happenings = { happened: new Map(), expected: [] };

/** Tells all who wait for `what`. */
export function happens({ happened, expected }: Happenings, what: unknown, value: Seen): Happenings {
  for (const { observer, number } of expected.filter((each) => each.what === what))
    observer.past.give(settling(number, value));
  return {
    happened: new Map([...happened, [what, value]]),
    expected: expected.filter((each) => each.what !== what),
  };
}

/** A promise of a thread is settled. */
export function settling(number: number, value: Seen): Input {
  return { key: `! ${number} ${value}`, apply: (thread) => thread.settle(number, value) };
}
