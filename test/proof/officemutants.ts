/** Broken rings of ends, and broken tables of runs. */
import { type Mutant, mutant } from './mutant.js';

const LISTEN = 'ends, and an owner who listens';
const FULL = 'a full ring, and an owner who asks in the middle of each end';
const AWAIT = 'ends that a caller waits for';
const KILL = 'the worker is killed while it reports';
const TASKS = 'tasks, and their worker is killed anywhere';
const CANCEL = 'a task is cancelled, and the worker killed anywhere';
const BLOCKED = 'the owner is blocked in a send, and the ring is full';
const MEET = 'another thread sends a task, and the owner sees it run';
const LATE = 'a deadline, against the end of the task';
const TWO = 'a deadline, and two tasks at once';

export const officeMutants: readonly Mutant[] = [
  mutant(
    'an end that is published before it is written',
    LISTEN,
    'ends',
    'numbers[(at >> 1) + ID] = end.id;\n',
    '',
    'Atomics.store(words, TAIL, this.#tail); // publishes the cell; pairs with the loads in drain',
    'Atomics.store(words, TAIL, this.#tail); numbers[(at >> 1) + ID] = end.id;',
  ),
  mutant('an end that is told only to callers', LISTEN, 'ends', 'this.#isHalfFull()', 'false'),
  mutant('an end that a caller is not told', AWAIT, 'ends', 'bell === EAGER || ', ''),
  mutant(
    'an owner that is told after it has looked',
    LISTEN,
    'ends',
    'Atomics.store(this.words, BELL, wanted); // pairs with the load in report; then look\n            look();',
    'look(); Atomics.store(this.words, BELL, wanted);',
  ),
  mutant(
    'a worker that rings and does not notify',
    LISTEN,
    'ends',
    '#ring() {\n        Atomics.store(this.words, BELL, AWAKE); // makes a late waitAsync return at once\n        Atomics.notify(this.words, BELL);',
    '#ring() {\n        Atomics.store(this.words, BELL, AWAKE);',
  ),
  mutant(
    'a worker that notifies and does not clear the word',
    LISTEN,
    'ends',
    '#ring() {\n        Atomics.store(this.words, BELL, AWAKE); // makes a late waitAsync return at once',
    '#ring() {',
  ),
  mutant(
    'an owner that wakes a worker only after a whole ring',
    FULL,
    'ends',
    'if (((tail - before) | 0) === this.cells)',
    'if (((this.#head - before) | 0) === this.cells)',
  ),
  mutant(
    'an end that is counted after the call',
    FULL,
    'ends',
    'this.#head = (head + 1) | 0; // before the call, which may come back here\n                this.#take(head);',
    'this.#take(head); this.#head = (head + 1) | 0;',
  ),
  mutant(
    'a worker that writes over an end',
    FULL,
    'ends',
    'this.#free = this.cells - (',
    'this.#free = this.cells + 1 - (',
  ),
  mutant(
    'one room for all long outcomes',
    LISTEN,
    'ends',
    'const index = count & (this.cells - 1);',
    'const index = 0;',
  ),
  mutant(
    'a caller that is not eager',
    AWAIT,
    'ends',
    'Atomics.store(this.words, BELL, EAGER); // pairs with the load in report; then drain looks',
    '',
  ),
  mutant(
    'an owner that looks only at what it has',
    AWAIT,
    'ends',
    'EAGER); // pairs with the load in report; then drain looks\n        this.drain();',
    'EAGER);',
  ),
  mutant(
    "a dead worker's wake-up that nobody repeats",
    KILL,
    'ends',
    'wake() {\n        Atomics.store(this.words, BELL, AWAKE); // makes a late waitAsync return at once\n        Atomics.notify(this.words, BELL);',
    'wake() {',
  ),
  mutant(
    'a worker that begins anew',
    KILL,
    'ends',
    'this.#tail = Atomics.load(this.words, TAIL);',
    'this.#tail = 0;',
  ),
  mutant('a worker that waits for an owner who is blocked', BLOCKED, 'ends', 'this.#whenFull();', ''),
  mutant(
    'a task that is named after it was taken',
    TASKS,
    'receiver',
    'this.#hooks.taking(ring.memory.taken);\n        const taken = ring.take();',
    'const position = ring.memory.taken; const taken = ring.take();\n        this.#hooks.taking(position);',
  ),
  mutant('a table that is not cleared', TASKS, 'runs', 'Atomics.store(this.#words, at, IDLE);\n', ''),
  mutant(
    'a task of which the owner is not told',
    MEET,
    'ends',
    '!== AWAKE)\n            this.#ring();',
    '!== AWAKE);',
  ),
  mutant(
    'a task that keeps the name of the one before',
    MEET,
    'runs',
    'this.#words[at + NAMED] = this.#who[entry] ?? IDLE;',
    '',
  ),
  mutant(
    'a task that may be taken back from another sender',
    CANCEL,
    'ring',
    'const ready = this.memory.free(p) | (seat << 2) | Phase.READY;',
    'const ready = Atomics.load(this.#words, this.memory.cell(p));',
  ),
  mutant(
    'a position that seems to be here for ever',
    CANCEL,
    'ring',
    'return (state & ~SEAT_MASK) === this.memory.free(p) && (state & PHASE_MASK) !== Phase.ABORTED;',
    'return true;',
  ),
  mutant(
    'a task that starts in an entry that was revoked',
    TWO,
    'runs',
    'while (Atomics.compareExchange(this.#words, at, before, position + 1) !== before)',
    'while (Atomics.store(this.#words, at, position + 1) === REVOKED)',
  ),
  mutant(
    'an entry that is given back and not notified',
    LATE,
    'runs',
    'Atomics.notify(this.#words, placeOf(entry));',
    '',
  ),
  mutant(
    'an entry that ends although it was revoked',
    LATE,
    'runs',
    'while (Atomics.compareExchange(this.#words, at, before, IDLE) !== before)',
    'while (Atomics.store(this.#words, at, IDLE) === REVOKED)',
  ),
  mutant(
    'an owner that revokes whatever runs',
    LATE,
    'runs',
    'if (Atomics.compareExchange(this.#words, placeOf(late.entry), who, REVOKED) === who)',
    'if (Atomics.exchange(this.#words, placeOf(late.entry), REVOKED) !== REVOKED)',
  ),
  mutant('an owner that revokes one entry', TWO, 'runs', 'if (entry !== late.entry)\n', 'if (false)\n'),
  mutant(
    'an owner that forgets what it has revoked',
    TWO,
    'runs',
    '(this.#revoked.get(entry) ?? IDLE)',
    'IDLE',
  ),
  mutant(
    'a late revocation that is not undone',
    TWO,
    'runs',
    'this.giveBack();\n        return false;',
    'return false;',
  ),
];
