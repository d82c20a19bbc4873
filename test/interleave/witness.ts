/**
 * The witness: sees every write and every outcome of one run, and says what breaks a promise of the channel.
 *
 * It trusts the memory's layout, not the code: who claimed which position, what was decoded before HEAD went past it,
 * which sends came back and how.
 */
import { Decoder } from '#codec';
import { Task } from '#runtime/task';
import { PAYLOADS, WITNESS } from './footprint.js';
import type { Thread } from './loop.js';
import type { Machine } from './machine.js';
import type { Instance } from './realm.js';

export type Refusal = 'timeout' | 'closed' | 'aborted' | 'full';

/** A message says who sent it and as which: 10 × the sender's index + a number that grows. */
const senderOf = (value: number): number => Math.floor(value / 10);

/** A message is sent as a number, as a text that begins with it, or as a task with that number. */
export function numberOf(message: unknown): number {
  return message instanceof Task ? message.number : Number.parseInt(String(message), 10);
}

export class Witness {
  readonly #machine: Machine;
  readonly #layout: Instance['memory'];
  readonly #capacity: number;
  readonly #cells: number;
  readonly #start: number;
  /** Sender number of each thread, by its index. */
  readonly #slots = new Map<number, number>();
  readonly #firstSlots: ReadonlyMap<number, number>;
  readonly #claims: number[] = [];
  readonly #decoded = new Map<Thread, number>();
  readonly delivered: number[] = [];
  readonly pending = new Map<number, Thread>();
  readonly #admitted = new Set<number>();
  readonly #refused = new Set<number>();
  /** Sends without a position. */
  readonly #unclaimed = new Set<number>();
  /** Slot → who stood in line when its thread began to wait, or had its last turn: slot → turn. */
  readonly #before = new Map<number, ReadonlyMap<number, number>>();
  /** The receiver's close was called, and has come back. */
  closing = false;
  closed = false;
  /** A receiver was told that nothing more will come. */
  ended = false;

  constructor(
    machine: Machine,
    layout: Instance['memory'],
    slots: ReadonlyMap<number, number>,
    start: number,
  ) {
    this.#machine = machine;
    this.#layout = layout;
    this.#firstSlots = slots;
    this.#start = start;
    this.#capacity = this.#word('CAPACITY');
    this.#cells = this.#word('CELLS');
  }

  reset(): void {
    this.#claims.length = this.delivered.length = 0;
    for (const list of [
      this.#decoded,
      this.pending,
      this.#admitted,
      this.#refused,
      this.#unclaimed,
      this.#before,
    ])
      list.clear();
    this.#slots.clear();
    for (const [index, slot] of this.#firstSlots) this.#slots.set(index, slot);
    this.closing = this.closed = this.ended = false;
  }

  // ── Memory ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #word(name: string): number {
    return this.#read(this.#layout[name] ?? Number.NaN);
  }

  #read(at: number): number {
    this.#machine.footprint.reads(at);
    return this.#machine.words[at] ?? 0;
  }

  #cell(p: number): number {
    return (this.#layout['FIRST_CELL'] ?? 0) + (p & (this.#cells - 1)) * (this.#layout['CELL_WORDS'] ?? 0);
  }

  #lap(p: number): number {
    const shift = Math.log2(this.#cells);
    return (p >>> shift) & Math.min(2 ** (32 - shift) - 1, 0xff_ffff);
  }

  /** The phase of position `p`, or 0 if it is not claimed. */
  #phase(p: number): number {
    const state = this.#read(this.#cell(p));
    return state >>> 8 === this.#lap(p) ? state & 7 : 0;
  }

  #countPhases(from: number, to: number, counts: (phase: number) => boolean): number {
    let count = 0;
    for (let p = from; p !== to; p = (p + 1) | 0) if (counts(this.#phase(p))) count += 1;
    return count;
  }

  /** The overflow room of `p`. */
  #room(p: number): number {
    const { FIRST_CELL = 0, CELL_WORDS = 0 } = this.#layout;
    const words = Math.ceil(this.#word('MAX_BYTES') / 8) * 2;
    return FIRST_CELL + this.#cells * CELL_WORDS + (p & (this.#cells - 1)) * words;
  }

  /** Two hashes of what plain stores left in the cells, for the state of the machine. */
  payloadHash(into: (value: number) => void): void {
    for (let p = 0; p < this.#cells; p++) {
      for (let i = 1; i < 5; i++) into(this.#machine.words[this.#cell(p) + i] ?? 0);
      for (let i = 0; i < 3; i++) into(this.#machine.words[this.#room(p) + i] ?? 0);
    }
  }

  // ── Every write ────────────────────────────────────────────────────────────────────────────────────────────────

  wrote(thread: Thread, at: number, before: number, now: number): string | undefined {
    const { HEAD, FIRST_CELL = 0, Phase } = this.#layout;
    if (at === HEAD) return this.#took(thread, before, now);
    if (at < FIRST_CELL || (now & 7) !== Phase['WRITING']) return undefined;
    this.#machine.footprint.changes(WITNESS);
    return this.#claim(at, now) ?? this.#bound();
  }

  #claim(at: number, state: number): string | undefined {
    const p = (this.#start + this.#claims.length) | 0;
    const slot = (state >>> 3) & 31;
    this.#claims.push(slot);
    if (at !== this.#cell(p) || state >>> 8 !== this.#lap(p))
      return `claimed out of order: not position ${p}`;
    const value = [...this.#unclaimed].find((sent) => this.#slots.get(senderOf(sent)) === slot);
    if (value === undefined) return undefined; // the same message, after it refused a position
    this.#unclaimed.delete(value);
    const line = this.#line();
    const passed = [...(this.#before.get(slot) ?? [])].filter(([other, turn]) => line.get(other) === turn);
    line.delete(slot);
    this.#before.set(slot, line);
    const room = (this.#word('HEAD') + this.#capacity - p) | 0;
    return room > passed.length ? undefined : `${value} took the room of a thread that stood in line before`;
  }

  /** Who stands in line: sender number → turn. */
  #line(): Map<number, number> {
    const { SENDERS = 0, STRIDE = 0, TURN = 0 } = this.#layout;
    const gate = this.#word('GATE');
    const slots = [...this.#slots.values()].filter((slot) => (gate & (1 << slot)) !== 0);
    return new Map(slots.map((slot) => [slot, this.#read(SENDERS + slot * STRIDE + TURN)]));
  }

  #took(thread: Thread, p: number, next: number): string | undefined {
    const { ABORTED } = this.#layout.Phase;
    this.#machine.footprint.changes(WITNESS);
    if (next !== ((p + 1) | 0)) return `HEAD went from ${p} to ${next}`;
    const value = this.#decoded.get(thread);
    this.#decoded.delete(thread);
    if (value === undefined) {
      const phase = this.#phase(p);
      return phase === ABORTED ? undefined : `position ${p} was skipped`;
    }
    const sender = senderOf(value);
    if (this.#claims[(p - this.#start) | 0] !== this.#slots.get(sender))
      return `${value} was received at position ${p}, which another sender claimed`;
    if (this.delivered.includes(value)) return `${value} was received twice`;
    if (this.delivered.some((other) => senderOf(other) === sender && other > value))
      return `${value} was received too late`;
    if (this.#refused.has(value)) return `${value} was received, but its send had failed`;
    this.delivered.push(value);
    return undefined;
  }

  #bound(): string | undefined {
    const claimed = this.#claimed();
    if (claimed <= this.#capacity) return undefined;
    return `${claimed} positions are claimed and not taken, the capacity is ${this.#capacity}`;
  }

  /** Positions claimed and not taken. */
  #claimed(): number {
    const head = this.#word('HEAD');
    return this.#countPhases(head, (head + this.#cells) | 0, (phase) => phase !== 0);
  }

  /** The receiver begins to close, or has closed. */
  closes(now: 'closing' | 'closed'): void {
    this.#machine.footprint.changes(WITNESS);
    this[now] = true;
  }

  // ── Every outcome ──────────────────────────────────────────────────────────────────────────────────────────────

  decodes(thread: Thread, message: unknown): void {
    const value = numberOf(message);
    this.#machine.footprint.changes(WITNESS);
    this.#machine.footprint.changes(PAYLOADS);
    thread.see(value);
    this.#decoded.set(thread, value);
  }

  discards(thread: Thread, position: number): void {
    this.decodes(thread, this.#messageAt(position));
  }

  /** `thread` has a new sender, with the number that `former` had, which sends no more. */
  succeeds(thread: Thread, former: Thread, slot: number): void {
    this.#machine.footprint.changes(WITNESS);
    this.#slots.set(thread.index, slot);
    for (const [value, sender] of this.pending) {
      if (sender !== former) continue;
      this.pending.delete(value);
      this.#unclaimed.delete(value);
    }
  }

  sends(thread: Thread, value: number): void {
    this.#machine.footprint.changes(WITNESS);
    const slot = this.#slots.get(thread.index) ?? -1;
    const line = this.#line();
    line.delete(slot);
    thread.see(this.closed ? 1 : 0);
    for (const [slot, turn] of line) thread.see(slot + 32 * turn);
    const first = [...this.#unclaimed].every((sent) => this.#slots.get(senderOf(sent)) !== slot);
    if (first) this.#before.set(slot, line);
    this.#unclaimed.add(value);
    this.pending.set(value, thread);
  }

  admitted(value: number): void {
    this.#machine.footprint.changes(WITNESS);
    this.pending.delete(value);
    this.#admitted.add(value);
    const untaken = [...this.#admitted].filter((sent) => !this.delivered.includes(sent)).length;
    if (untaken > this.#capacity) this.#machine.fail(`${untaken} sends came back, nothing was taken`);
  }

  refused(value: number, why: Refusal, allowed: readonly Refusal[]): void {
    this.#machine.footprint.changes(WITNESS);
    this.pending.delete(value);
    this.#unclaimed.delete(value);
    this.#refused.add(value);
    if (this.delivered.includes(value))
      this.#machine.fail(`the send of ${value} failed, but it was received`);
    if (!(why === 'closed' ? this.closing : allowed.includes(why)))
      this.#machine.fail(`the send of ${value} failed: ${why}`);
  }

  // ── At rest ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Nobody can go on: is anybody waiting for what is already true? */
  stuck(senders: readonly Thread[], receivers: readonly Thread[]): string | undefined {
    const { READY } = this.#layout.Phase;
    const waits = (thread: Thread): boolean => !thread.finished && !thread.killed;
    const head = this.#word('HEAD');
    for (const thread of senders) {
      if (!waits(thread) || ![...this.pending.values()].includes(thread)) continue;
      if (this.closed) return `${thread.name} waits for room in a closed channel`;
      if (this.#mayClaim(thread, senders)) return `${thread.name} waits for room, and there is some for it`;
    }
    for (const thread of receivers) {
      if (!waits(thread)) continue;
      if (this.#phase(head) === READY) return `${thread.name} waits for a message, and there is one`;
      if (this.#word('OPEN') === 0) return `${thread.name} waits, and all senders are closed`;
    }
    return undefined;
  }

  /** There is more room than live threads before it. */
  #mayClaim(thread: Thread, senders: readonly Thread[]): boolean {
    const line = this.#line();
    const turn = line.get(this.#slots.get(thread.index) ?? -1) ?? Number.POSITIVE_INFINITY;
    const before = senders.filter((other) => {
      const theirs = line.get(this.#slots.get(other.index) ?? -1);
      return !other.killed && !other.finished && theirs !== undefined && theirs < turn;
    });
    return this.#capacity - this.#claimed() > before.length;
  }

  /** The end of the run: the books must balance. */
  balance(): string | undefined {
    const { READY } = this.#layout.Phase;
    const head = this.#word('HEAD');
    const left: number[] = [];
    const tail = this.#word('TAIL'); // behind HEAD, if the thread that should have moved it was killed
    for (let p = head; ((p - tail) | 0) < 0; p = (p + 1) | 0) {
      if (this.#phase(p) === READY) left.push(this.#messageAt(p));
    }
    if (this.ended && left.length > 0) return `the receiver was told the end, but ${left} is in the channel`;
    const seen = [...this.delivered, ...left];
    for (const value of this.#admitted) if (!seen.includes(value)) return `${value} was admitted and is lost`;
    for (const value of this.#refused)
      if (seen.includes(value)) return `${value} failed, and is in the channel`;
    if (new Set(seen).size !== seen.length) return `a message is there twice: ${seen.join(', ')}`;
    return undefined;
  }

  #messageAt(p: number): number {
    const at = this.#cell(p) + 1;
    const length = this.#machine.words[at] ?? 0;
    const decoder = new Decoder(this.#word('MAX_BYTES'));
    const from = length > (this.#layout['INLINE_BYTES'] ?? 0) ? this.#room(p) : at + 1;
    decoder.words.set(this.#machine.words.subarray(from, from + decoder.words.length));
    return numberOf(decoder.decode(length));
  }
}
