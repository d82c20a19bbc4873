/**
 * The witness: sees every write and every outcome of one run, and says what breaks a promise of the channel.
 *
 * It trusts the memory's layout, not the code: who claimed which position, what was decoded before HEAD went past it,
 * which sends came back and how.
 */
import { Decoder } from '#codec';
import { Task } from '#runtime/task';
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

/** Never changed, but replaced: so it can be kept. */
interface Knowledge {
  /** Sender number of each thread, by its index. */
  readonly slots: ReadonlyMap<number, number>;
  /** Who claimed which position, from the first one on. */
  readonly claims: readonly number[];
  readonly decoded: ReadonlyMap<Thread, number>;
  readonly delivered: readonly number[];
  readonly pending: ReadonlyMap<number, Thread>;
  readonly admitted: readonly number[];
  readonly refused: readonly number[];
  /** Sends without a position. */
  readonly unclaimed: readonly number[];
  /** Slot → who stood in line when its thread began to wait, or had its last turn: slot → turn. */
  readonly before: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** Threads that have called the receiver and not come back. */
  readonly receiving: readonly Thread[];
  /** The receiver's close was called, and has come back. */
  readonly closing: boolean;
  readonly closed: boolean;
  /** A receiver was told that nothing more will come. */
  readonly ended: boolean;
}

export class Witness {
  readonly #machine: Machine;
  readonly #layout: Instance['memory'];
  readonly #capacity: number;
  readonly #cells: number;
  readonly #start: number;
  /** What it knows. */
  state: Knowledge;

  constructor(
    machine: Machine,
    layout: Instance['memory'],
    slots: ReadonlyMap<number, number>,
    start: number,
  ) {
    this.#machine = machine;
    this.#layout = layout;
    this.#start = start;
    this.#capacity = this.#word('CAPACITY');
    this.#cells = this.#word('CELLS');
    const none = new Map<never, never>();
    this.state = {
      slots,
      claims: [],
      decoded: none,
      delivered: [],
      pending: none,
      admitted: [],
      refused: [],
      unclaimed: [],
      before: none,
      receiving: [],
      closing: false,
      closed: false,
      ended: false,
    };
  }

  #now(changes: Partial<Knowledge>): undefined {
    this.state = { ...this.state, ...changes };
  }

  // ── Memory ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #word(name: string): number {
    return this.#read(this.#layout[name] ?? Number.NaN);
  }

  #read(at: number): number {
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

  // ── Every write ────────────────────────────────────────────────────────────────────────────────────────────────

  wrote(thread: Thread, at: number, before: number, now: number): string | undefined {
    const { HEAD, FIRST_CELL = 0, Phase } = this.#layout;
    if (at === HEAD) return this.#took(thread, before, now);
    if (at < FIRST_CELL || (now & 7) !== Phase['WRITING']) return undefined;
    return this.#claim(at, now) ?? this.#bound();
  }

  #claim(at: number, state: number): string | undefined {
    const { claims, slots, unclaimed, before } = this.state;
    const p = (this.#start + claims.length) | 0;
    const slot = (state >>> 3) & 31;
    this.#now({ claims: [...claims, slot] });
    if (at !== this.#cell(p) || state >>> 8 !== this.#lap(p))
      return `claimed out of order: not position ${p}`;
    const value = unclaimed.find((sent) => slots.get(senderOf(sent)) === slot);
    if (value === undefined) return undefined; // the same message, after it refused a position
    const line = this.#line();
    const passed = [...(before.get(slot) ?? [])].filter(([other, turn]) => line.get(other) === turn);
    line.delete(slot);
    this.#now({ unclaimed: without(unclaimed, value), before: new Map([...before, [slot, line]]) });
    const room = (this.#word('HEAD') + this.#capacity - p) | 0;
    return room > passed.length ? undefined : `${value} took the room of a thread that stood in line before`;
  }

  /** Who stands in line: sender number → turn. */
  #line(): Map<number, number> {
    const { SENDERS = 0, STRIDE = 0, TURN = 0 } = this.#layout;
    const gate = this.#word('GATE');
    const slots = [...this.state.slots.values()].filter((slot) => (gate & (1 << slot)) !== 0);
    return new Map(slots.map((slot) => [slot, this.#read(SENDERS + slot * STRIDE + TURN)]));
  }

  #took(thread: Thread, p: number, next: number): string | undefined {
    const { ABORTED } = this.#layout.Phase;
    if (next !== ((p + 1) | 0)) return `HEAD went from ${p} to ${next}`;
    const { decoded, claims, slots, delivered, refused } = this.state;
    const value = decoded.get(thread);
    if (value === undefined) {
      const phase = this.#phase(p);
      return phase === ABORTED ? undefined : `position ${p} was skipped`;
    }
    const sender = senderOf(value);
    this.#now({
      decoded: new Map([...decoded].filter(([other]) => other !== thread)),
      delivered: [...delivered, value],
    });
    if (claims[(p - this.#start) | 0] !== slots.get(sender))
      return `${value} was received at position ${p}, which another sender claimed`;
    if (delivered.includes(value)) return `${value} was received twice`;
    if (delivered.some((other) => senderOf(other) === sender && other > value))
      return `${value} was received too late`;
    return refused.includes(value) ? `${value} was received, but its send had failed` : undefined;
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

  /** The receiver begins to close, or has closed; or it was told the end. */
  tells(now: 'closing' | 'closed' | 'ended'): undefined {
    this.#now({ [now]: true });
  }

  /** `thread` calls the receiver, or has come back. */
  receives(thread: Thread, now: boolean): undefined {
    const { receiving } = this.state;
    this.#now({ receiving: now ? [...receiving, thread] : without(receiving, thread) });
  }

  // ── Every outcome ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Returns what it was. */
  decodes(thread: Thread, message: unknown): number {
    const value = numberOf(message);
    this.#now({ decoded: new Map([...this.state.decoded, [thread, value]]) });
    return value;
  }

  discards(thread: Thread, position: number): number {
    return this.decodes(thread, this.#messageAt(position));
  }

  /** `thread` has a new sender, with the number that `former` had, which sends no more. */
  succeeds(thread: Thread, former: Thread, slot: number): undefined {
    const { slots, pending, unclaimed } = this.state;
    const isOver = (value: number): boolean => pending.get(value) === former;
    this.#now({
      slots: new Map([...slots, [thread.index, slot]]),
      pending: new Map([...pending].filter(([value]) => !isOver(value))),
      unclaimed: unclaimed.filter((value) => !isOver(value)),
    });
  }

  /** Returns what the checks of this send depend on. */
  sends(thread: Thread, value: number): string {
    const { slots, unclaimed, pending, before, closed } = this.state;
    const slot = slots.get(thread.index) ?? -1;
    const line = this.#line();
    line.delete(slot);
    const isFirst = unclaimed.every((sent) => slots.get(senderOf(sent)) !== slot);
    this.#now({
      before: isFirst ? new Map([...before, [slot, line]]) : before,
      unclaimed: [...unclaimed, value],
      pending: new Map([...pending, [value, thread]]),
    });
    return [closed, ...line].join();
  }

  #settled(value: number): Pick<Knowledge, 'pending' | 'unclaimed'> {
    const { pending, unclaimed } = this.state;
    return {
      pending: new Map([...pending].filter(([other]) => other !== value)),
      unclaimed: without(unclaimed, value),
    };
  }

  admitted(value: number, mustFail: boolean): undefined {
    const admitted = [...this.state.admitted, value];
    this.#now({ pending: this.#settled(value).pending, admitted });
    const untaken = admitted.filter((sent) => !this.state.delivered.includes(sent)).length;
    if (untaken > this.#capacity) this.#machine.fail(`${untaken} sends came back, nothing was taken`);
    if (mustFail) this.#machine.fail(`${value} was sent after the channel was closed`);
  }

  refused(value: number, why: Refusal, allowed: readonly Refusal[]): undefined {
    const { delivered, refused, closing } = this.state;
    this.#now({ ...this.#settled(value), refused: [...refused, value] });
    if (delivered.includes(value)) this.#machine.fail(`the send of ${value} failed, but it was received`);
    if (!(why === 'closed' ? closing : allowed.includes(why)))
      this.#machine.fail(`the send of ${value} failed: ${why}`);
  }

  // ── At rest ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Nobody can go on: is anybody waiting for what is already true? */
  stuck(senders: readonly Thread[]): string | undefined {
    const { READY } = this.#layout.Phase;
    const waits = (thread: Thread): boolean => !thread.finished && !thread.killed;
    const head = this.#word('HEAD');
    for (const thread of senders) {
      if (!waits(thread) || ![...this.state.pending.values()].includes(thread)) continue;
      if (this.state.closed) return `${thread.name} waits for room in a closed channel`;
      if (this.#mayClaim(thread, senders)) return `${thread.name} waits for room, and there is some for it`;
    }
    for (const thread of this.state.receiving) {
      if (!waits(thread)) continue;
      if (this.#phase(head) === READY) return `${thread.name} waits for a message, and there is one`;
      if (this.#word('OPEN') === 0) return `${thread.name} waits, and all senders are closed`;
    }
    return undefined;
  }

  /** There is more room than live threads before it. */
  #mayClaim(thread: Thread, senders: readonly Thread[]): boolean {
    const line = this.#line();
    const turn = line.get(this.state.slots.get(thread.index) ?? -1) ?? Number.POSITIVE_INFINITY;
    const before = senders.filter((other) => {
      const theirs = line.get(this.state.slots.get(other.index) ?? -1);
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
    const { ended, delivered, admitted, refused } = this.state;
    if (ended && left.length > 0) return `the receiver was told the end, but ${left} is in the channel`;
    const seen = [...delivered, ...left];
    for (const value of admitted) if (!seen.includes(value)) return `${value} was admitted and is lost`;
    for (const value of refused) if (seen.includes(value)) return `${value} failed, and is in the channel`;
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

function without<T>(list: readonly T[], value: T): readonly T[] {
  return list.filter((other) => other !== value);
}
