/**
 * What stands in a channel's memory, for tests that wait for a state, spoil it, or print it. The words are those of the
 * maps in `src/channel/line.ts` and `src/channel/memory.ts`.
 */
const GATE = 0;
const OPEN = 1;
const SENDERS = 32;
const CAPACITY = SENDERS + 31 * 32;
const CELLS = CAPACITY + 1;
const TAIL = CAPACITY + 32;
const HEAD = CAPACITY + 64;
const BELL = CAPACITY + 96;
const RECEIVER_THREAD = BELL + 1;
const FIRST_CELL = CAPACITY + 128;
const CELL_WORDS = 8;
const PHASES = ['?', 'WRITING', 'READY', 'ABORTED'];
const ABORTED = 3;
const WRITING = 1;

const views = new WeakMap<SharedArrayBuffer, Int32Array>();

function wordsOf(memory: SharedArrayBuffer): Int32Array {
  const known = views.get(memory);
  if (known !== undefined) return known;
  const cells = new Int32Array(memory, 0, TAIL)[CELLS] ?? 0;
  const words = new Int32Array(memory, 0, FIRST_CELL + cells * CELL_WORDS);
  views.set(memory, words);
  return words;
}

function cellAt(words: Int32Array, position: number): number {
  return FIRST_CELL + (position & ((words[CELLS] ?? 0) - 1)) * CELL_WORDS;
}

/** The next position that a sender will claim. */
export function tail(memory: SharedArrayBuffer): number {
  return Atomics.load(wordsOf(memory), TAIL);
}

/** The receiver is parked, or is about to park. */
export function receiverParked(memory: SharedArrayBuffer): boolean {
  return Atomics.load(wordsOf(memory), BELL) === 1;
}

/** Sender `slot` is parked, or is about to park. */
export function senderParked(memory: SharedArrayBuffer, slot: number): boolean {
  return Atomics.load(wordsOf(memory), SENDERS + slot * 32) === 1;
}

/** Sender `slot` stands in line for a cell. */
export function senderInLine(memory: SharedArrayBuffer, slot: number): boolean {
  return (Atomics.load(wordsOf(memory), GATE) & (1 << slot)) !== 0;
}

/** Overwrites the message that stands `ahead` places behind the next one to take. */
export function corrupt(
  memory: SharedArrayBuffer,
  ahead: number,
  change: { length?: number; byte?: number },
): void {
  const words = wordsOf(memory);
  const at = cellAt(words, Atomics.load(words, HEAD) + ahead);
  if (change.length !== undefined) words[at + 1] = change.length;
  if (change.byte !== undefined) new Uint8Array(memory, (at + 2) * 4, 24).fill(change.byte);
}

/**
 * Leaves the memory as a sender does that is killed in the middle of a send: the next cell is claimed, its message is
 * not complete, and TAIL has been moved on, or not.
 */
export function claimAndDie(memory: SharedArrayBuffer, slot: number, tailMoved: boolean): void {
  const words = wordsOf(memory);
  const position = Atomics.load(words, TAIL);
  const lap = lapOf(position, words[CELLS] ?? 0);
  Atomics.store(words, cellAt(words, position), (lap << 8) | (slot << 3) | WRITING);
  if (tailMoved) Atomics.store(words, TAIL, position + 1);
}

/** Leaves the memory as if messages up to this position had been sent, and all of them taken. */
export function moveTo(memory: SharedArrayBuffer, position: number): void {
  const words = wordsOf(memory);
  const cells = words[CELLS] ?? 0;
  for (let p = (position - cells) | 0; p !== position; p = (p + 1) | 0) {
    Atomics.store(words, cellAt(words, p), (lapOf(p, cells) << 8) | ABORTED);
  }
  Atomics.store(words, TAIL, position);
  Atomics.store(words, HEAD, position);
}

function lapOf(position: number, cells: number): number {
  return (position >>> Math.log2(cells)) & Math.min(2 ** (32 - Math.log2(cells)) - 1, 0xff_ffff);
}

/** One line for each word that decides anything, and one for each cell from HEAD on. */
export function describeState(memory: SharedArrayBuffer): string {
  const words = wordsOf(memory);
  const load = (at: number) => Atomics.load(words, at);
  const head = load(HEAD);
  const cells = words[CELLS] ?? 0;
  const lines = [
    `capacity ${words[CAPACITY]}, cells ${cells}, receiver in thread ${load(RECEIVER_THREAD)}`,
    `head ${head}, tail ${load(TAIL)}, bell ${load(BELL)}`,
    `gate ${bits(load(GATE))}, open ${bits(load(OPEN))}`,
  ];
  for (let slot = 0; slot < 31; slot++) {
    const at = SENDERS + slot * 32;
    if ((load(OPEN) & (1 << slot)) !== 0)
      lines.push(`sender ${slot}: bell ${load(at)}, turn ${load(at + 1)}`);
  }
  for (let p = head; p < head + Math.min(cells, 256); p++) {
    const state = load(cellAt(words, p));
    const phase = PHASES[state & 7] ?? '?';
    lines.push(`position ${p}: lap ${state >>> 8}, sender ${(state >>> 3) & 31}, ${phase}`);
  }
  return lines.join('\n');
}

function bits(word: number): string {
  return (word >>> 0).toString(2).padStart(32, '0');
}
