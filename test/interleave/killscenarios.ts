/** Who does what around a tiny channel while threads are killed. Names of threads: see scenarios.ts. */
import { BELOW_ZERO, other, rx, tx } from './cast.js';
import {
  blocking,
  burying,
  buryingLate,
  closingAfter,
  draining,
  inheriting,
  sending,
  succeeding,
  succeedingIfFree,
} from './programs.js';
import type { Scenario } from './world.js';

export const killScenarios: readonly Scenario[] = [
  {
    name: 'a sender is killed in line, and buried',
    capacity: 1,
    cells: 1,
    start: BELOW_ZERO,
    mortal: ['a'],
    threads: {
      a: tx(blocking(1, 2)),
      b: tx(blocking(1)),
      r: rx(draining('blocking')),
      u: tx(burying('a')),
    },
  },
  {
    name: 'the receiver closes, is killed anywhere, and replaced',
    capacity: 1,
    cells: 1,
    start: BELOW_ZERO,
    mortal: ['r'],
    threads: {
      a: tx(sending(1, 2)),
      b: tx(blocking(1)),
      r: rx(closingAfter(1, 'blocking')),
      h: other(inheriting('r', 'blocking')),
    },
  },
  {
    name: 'two threads bury one sender',
    capacity: 1,
    cells: 1,
    start: BELOW_ZERO,
    mortal: ['a'],
    threads: {
      a: tx(blocking(1)),
      n: tx(succeedingIfFree('a', 1)),
      r: rx(draining('blocking')),
      u: tx(burying('a')),
    },
  },
  {
    name: "a dead sender's number is used again, and the dead one buried again",
    capacity: 1,
    cells: 1,
    start: BELOW_ZERO,
    mortal: ['a'],
    threads: {
      a: tx(sending(1)),
      n: tx(succeeding('a', 1)),
      r: rx(draining('blocking')),
      u: tx(buryingLate('a')),
    },
  },
];
