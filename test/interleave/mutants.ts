/**
 * Ways to break the channel, each of them a mistake that somebody could make. The scheduler has to find every one.
 */
import type { Edit } from './realm.js';

export interface Mutant {
  /** What is wrong with it. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The scenario that catches it. */
  readonly scenario: string;
}

const mutant = (name: string, scenario: string, file: Edit['file'], from: string, to: string): Mutant => ({
  name,
  scenario,
  edits: [{ file, from, to }],
});

export const mutants: readonly Mutant[] = [
  mutant(
    'a wake-up that does not notify',
    'two blocking senders and a blocking receiver',
    'park',
    'Atomics.notify(words, at);',
    '',
  ),
  mutant(
    'a wake-up that notifies before it clears the word',
    'two blocking senders and a blocking receiver',
    'park',
    'Atomics.store(words, at, IDLE); // makes a late Atomics.wait return at once\n    Atomics.notify(words, at);',
    'Atomics.notify(words, at); Atomics.store(words, at, IDLE);',
  ),
  mutant(
    'a sender that parks without looking again',
    'two blocking senders and a blocking receiver',
    'sender',
    'announced = true;',
    'announced = true; continue;',
  ),
  mutant(
    'a receiver that parks without looking again',
    'two blocking senders and a blocking receiver',
    'receiver',
    'if (this.#ring.peek() !== EMPTY)\n                retract(words, at);\n            else\n                park',
    'park',
  ),
  mutant(
    'a message that is published before it is copied',
    'two blocking senders and a blocking receiver',
    'ring',
    'this.#store(p, message, length);\n            return this.#publish(p, slot);',
    'const outcome = this.#publish(p, slot); this.#store(p, message, length); return outcome;',
  ),
  mutant(
    'one admitted too many',
    'two blocking senders and a blocking receiver',
    'ring',
    'return ((p - this.#limit) | 0) < 0;',
    'return ((p - this.#limit) | 0) <= 0;',
  ),
  mutant(
    'a lap that is not masked where positions wrap',
    'two blocking senders and a blocking receiver',
    'ring',
    '((lap - 1) & this.#lapMask)',
    '(lap - 1)',
  ),
  mutant(
    'a claim that does not look whether the channel was closed meanwhile',
    'the receiver closes against blocking sends',
    'ring',
    'if (Atomics.load(words, GATE) < 0) {',
    'if (false) {',
  ),
  mutant(
    'a send that gives up with a plain store',
    'timeouts of async sends against admission',
    'ring',
    'return Atomics.compareExchange(this.#words, this.#cell(p), waiting, aborted) === waiting;',
    'Atomics.store(this.#words, this.#cell(p), aborted); return true;',
  ),
  mutant(
    'an admission with a plain store',
    'timeouts of async sends against admission',
    'ring',
    'if (Atomics.compareExchange(this.#words, at, state, (state & ~7) | Phase.READY) !== state)\n                        continue;',
    'Atomics.store(this.#words, at, (state & ~7) | Phase.READY);',
  ),
  mutant(
    'an admission that does not wake the sender',
    'two blocking senders and a blocking receiver',
    'ring',
    'wake(this.#words, SENDERS + ((state >>> 3) & 31) * LINE);',
    '',
  ),
  mutant(
    'a given-up position that keeps its room',
    'timeouts of blocking sends against admission',
    'ring',
    'return false;\n                default:',
    'return true;\n                default:',
  ),
  mutant(
    'an end of the channel without a second look',
    'two blocking senders and a blocking receiver',
    'ring',
    'state = Atomics.load(this.#words, at); // again',
    '// again',
  ),
  mutant(
    'a claim that nobody helps',
    'a blocking sender is killed, and buried',
    'ring',
    'if (before >>> 8 === lap) {\n                Atomics.compareExchange(words, TAIL, p, (p + 1) | 0);',
    'if (before >>> 8 === lap) {',
  ),
  mutant(
    'a burial that does not wake the receiver',
    'a blocking sender is killed, and buried',
    'ring',
    'wakeAlways(this.#words, BELL);',
    '',
  ),
  mutant(
    'a burial that leaves half-written messages',
    'a blocking sender is killed, and buried',
    'ring',
    'Atomics.store(this.#words, at, (state & ~7) | Phase.ABORTED); // its owner is dead',
    '// its owner is dead',
  ),
  mutant(
    'a burial that leaves the dead in line',
    'a sender is killed in line while the receiver has stopped, and buried',
    'ring',
    'Atomics.and(this.#words, GATE, ~(1 << slot));\n        this.#wakeSenders(ALL',
    'this.#wakeSenders(ALL',
  ),
  mutant(
    'a burial that does not wake the senders',
    'a sender is killed in line while the receiver has stopped, and buried',
    'ring',
    'Atomics.and(this.#words, GATE, ~(1 << slot));\n        this.#wakeSenders(ALL, wakeAlways);',
    'Atomics.and(this.#words, GATE, ~(1 << slot));',
  ),
  mutant(
    'a new receiver that does not recount the room',
    'the receiver is killed, and replaced',
    'ring',
    'let credits = this.capacity;',
    'let credits = 0;',
  ),
  mutant(
    'a new receiver that does not repeat wake-ups',
    'the receiver is killed, and replaced',
    'ring',
    'this.#grant(credits);\n        this.#wakeSenders(ALL, wakeAlways);',
    'this.#grant(credits);',
  ),
  mutant(
    'a receiver that forgets the line',
    'all cells in use: two threads in line',
    'ring',
    'if ((gate & ALL) !== 0)',
    'if (false)',
  ),
  mutant(
    'a thread that leaves the line in silence',
    'a thread in line gives up while the receiver has stopped',
    'ring',
    'this.#wakeSenders(others);',
    '',
  ),
  mutant(
    'a newcomer that passes the line',
    'all cells in use: three threads in line, async and blocking',
    'ring',
    'free > this.#ahead(slot, gate)',
    'free > 0',
  ),
  mutant(
    'a blocked thread that forgets its async sends in line',
    'a send and a blocking send on one thread, in line',
    'sender',
    'this.#settle();\n        return this.#line',
    'return this.#line',
  ),
  mutant(
    'a discard that waits for the dead',
    'the receiver discards what is left behind a dead sender that nobody buries',
    'receiver',
    'this.#ring.seal();',
    '',
  ),
  mutant(
    'a message that is published with a plain store',
    'the receiver discards what is left while senders write',
    'ring',
    'if (Atomics.compareExchange(words, at, writing, next) !== writing)\n            return Outcome.CLOSED;',
    'Atomics.store(words, at, next);',
  ),
];
