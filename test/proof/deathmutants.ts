/** Broken burials, and broken heirs. */
import { deep, type Mutant, mutant } from './mutant.js';

const SENDER = 'a blocked sender is killed, and buried';
const ASYNC = 'an async sender is killed, and buried';
const CALLER = 'a sender is killed when it gives up, and buried';
const TWO = 'two threads bury one sender, and its seat is used again';
const AGAIN = 'a seat is used again, and its former sender buried again';
const CLOSES = 'the receiver closes, is killed anywhere, and replaced';
const HEIR = 'the receiver is killed anywhere, and replaced';

export const deathMutants: readonly Mutant[] = [
  mutant('a burial that leaves what is half-written', SENDER, 'seats', 'ring.abortAllOf(seat);', ''),
  deep(
    mutant(
      'a burial that leaves TAIL behind',
      SENDER,
      'ring',
      'this.#isClosedAfter((state >>> 7) * this.capacity + i);',
      '',
    ),
  ),
  mutant(
    'a burial that gives up what others write',
    ASYNC,
    'ring',
    'if ((state & SEAT_MASK) !== ((seat << 2) | Phase.WRITING))',
    'if ((state & PHASE_MASK) !== Phase.WRITING)',
  ),
  mutant('a burial that does not wake the receiver', SENDER, 'seats', 'ring.bell.ringAlways();', ''),
  mutant(
    'a burial that trusts the word of the bell',
    ASYNC,
    'seats',
    'ring.bell.ringAlways();',
    'ring.bell.ring();',
  ),
  mutant('a burial that calls nobody', CALLER, 'seats', 'calls.repeat();', ''),
  mutant('a burial that trusts WAITS', CALLER, 'seats', 'calls.repeat();', 'calls.callIfWaits();'),
  mutant(
    'a burial of whoever has the seat',
    AGAIN,
    'seats',
    'if (Atomics.compareExchange(words, OPENINGS + seat, opening, -opening) !== opening)\n        return;',
    '',
  ),
  mutant(
    'two burials at once',
    TWO,
    'seats',
    'if (Atomics.compareExchange(words, OPENINGS + seat, opening, -opening) !== opening)',
    'if (Atomics.load(words, OPENINGS + seat) !== opening)',
  ),
  deep(
    mutant(
      'a seat that is free before its sender is buried',
      TWO,
      'seats',
      'ring.abortAllOf(seat);\n    ring.bell.ringAlways();\n    calls.repeat();\n    closeSeat(ring, { seat, opening });',
      'closeSeat(ring, { seat, opening }); ring.abortAllOf(seat); ring.bell.ringAlways(); calls.repeat();',
    ),
  ),
  mutant(
    'a seat that is free while it counts as open',
    AGAIN,
    'seats',
    'Atomics.and(words, OPEN, ~(1 << seat)); // pairs with the load in Ring.peek\n    bell.ring();\n    Atomics.store(words, OPENINGS + seat, (opening + 1) & 0x7fff_fffe);',
    'Atomics.store(words, OPENINGS + seat, (opening + 1) & 0x7fff_fffe); Atomics.and(words, OPEN, ~(1 << seat)); bell.ring();',
  ),
  mutant(
    'an heir that stops at what was taken',
    HEIR,
    'ring',
    'if ((state & ~SEAT_MASK) !== this.#free) {\n                this.#advance();',
    'if ((state & ~SEAT_MASK) !== this.#free) {\n                return EMPTY;',
  ),
  deep(mutant('an heir that calls nobody', HEIR, 'receiver', 'receiver.#calls.repeat();', '')),
  mutant(
    'a lap that is not the first after the last',
    'long messages, and three cells',
    'memory',
    'return free >>> 7 === this.#laps - 1 ? 0 :',
    'return free >>> 7 === this.#laps - 1 ? 1 << 7 :',
  ),
  mutant(
    'a close that wakes one sender',
    'the receiver closes, and that is all',
    'waiting',
    'Atomics.notify(this.#words, CALLS);',
    'Atomics.notify(this.#words, CALLS, 1);',
  ),
  mutant(
    'a close that calls before it closes',
    CLOSES,
    'receiver',
    'this.#ring.close();\n        this.#calls.callAll();',
    'this.#calls.callAll();\n        this.#ring.close();',
  ),
];
