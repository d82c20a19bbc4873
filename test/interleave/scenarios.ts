/** Who does what around a tiny channel. Names of threads: a, b, c, n send, r receives, h is its heir, u the undertaker. */
import { BELOW_SIGN, BELOW_ZERO, rx, tx } from './cast.js';
import { killScenarios } from './killscenarios.js';
import {
  aborting,
  blocking,
  blockingLater,
  burying,
  choosy,
  discardingAfter,
  draining,
  drainingTwo,
  impatientThenPatient,
  mixingImpatiently,
  sending,
  trying,
  tryingLater,
} from './programs.js';
import { taskScenarios } from './taskscenarios.js';
import type { Scenario } from './world.js';

export const scenarios: readonly Scenario[] = [
  {
    name: 'trySend at full',
    capacity: 1,
    cells: 1,
    start: BELOW_ZERO,
    refusals: ['full'],
    threads: { a: tx(trying(1, 2)), b: tx(blocking(1)), r: rx(draining('blocking')) },
  },
  {
    name: 'trySend while there is always room',
    capacity: 2,
    cells: 2,
    start: BELOW_SIGN,
    threads: { a: tx(tryingLater), b: tx(blockingLater), r: rx(drainingTwo) },
  },
  {
    name: 'three threads in line, async and blocking, and room for two',
    capacity: 2,
    cells: 2,
    start: BELOW_ZERO,
    threads: {
      a: tx(sending(1, 2, 3)),
      b: tx(blocking(1)),
      c: tx(blocking(1)),
      r: rx(draining('async')),
    },
  },
  {
    name: 'a blocking send behind an async one times out',
    capacity: 1,
    cells: 1,
    start: BELOW_ZERO,
    timeouts: 1,
    refusals: ['timeout'],
    threads: { a: tx(mixingImpatiently), r: rx(draining('blocking')) },
  },
  {
    name: 'a send after those before it timed out',
    capacity: 1,
    cells: 1,
    start: BELOW_ZERO,
    timeouts: 2,
    refusals: ['timeout'],
    threads: { a: tx(impatientThenPatient), r: rx(draining('blocking')) },
  },
  {
    name: 'an abort against room',
    capacity: 1,
    cells: 1,
    start: BELOW_ZERO,
    timeouts: 1,
    refusals: ['aborted'],
    threads: { a: tx(aborting), b: tx(blocking(1)), r: rx(draining('async')) },
  },
  {
    name: 'the receiver discards what is left while senders write',
    capacity: 2,
    cells: 2,
    start: BELOW_SIGN,
    threads: { a: tx(blocking(1, 2)), b: tx(sending(1, 2)), r: rx(discardingAfter(1)) },
  },
  {
    name: 'a sender that refuses positions is killed, and buried',
    capacity: 1,
    cells: 1,
    start: BELOW_ZERO,
    mortal: ['a'],
    threads: { a: tx(choosy), b: tx(blocking(1)), r: rx(draining('async')), u: tx(burying('a')) },
  },
  {
    name: 'messages of more than 24 bytes',
    capacity: 2,
    cells: 2,
    start: BELOW_ZERO,
    long: true,
    threads: { a: tx(blocking(1, 2)), b: tx(sending(1, 2)), r: rx(draining('async')) },
  },
  ...killScenarios,
  ...taskScenarios,
];
