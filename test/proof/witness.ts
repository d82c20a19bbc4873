/**
 * The witness: sees every write to the channel and every outcome of one run, and says what breaks a promise.
 *
 * It trusts the memory's layout, not the code: who has claimed, published, taken back or taken which position, which
 * message stood there, which sends came back and how.
 */

import { CALLS, CLOSED, Memory, OPEN, PHASE_MASK, Phase, TAIL, WAITS } from '#channel/memory';
import { Decoder } from '#codec';
import type { Machine, Waiter } from './machine.js';
import type { Thread } from './thread.js';

export type Refusal = 'timeout' | 'closed' | 'aborted' | 'full';

/** A message says who sent it and as which: 10 × the sender's index + a number that grows. */
const senderOf = (value: number): number => Math.floor(value / 10);

/** A message is sent as a number, or as a text that begins with it. */
export function numberOf(message: unknown): number {
  return Number.parseInt(String(message), 10);
}

/** What it knows: never changed, but replaced, so it can be kept. Positions are counted from 0, the first of the run. */
const NOTHING = {
  claimed: 0,
  left: 0,
  /** Position → message. */
  published: new Map() as ReadonlyMap<number, number>,
  taken: [] as readonly number[],
  takenBack: [] as readonly number[],
  /** What a thread has taken and not decoded yet. */
  undecoded: new Map() as ReadonlyMap<Thread, number>,
  pending: new Map() as ReadonlyMap<number, Thread>,
  admitted: [] as readonly number[],
  refused: [] as readonly number[],
  /** Message → those that were waiting for room when its send began. */
  before: new Map() as ReadonlyMap<number, readonly Waiter[]>,
  /** Threads that were called, until the next call; and what each had seen then, as a hash. */
  called: new Map() as ReadonlyMap<Thread, number>,
  /** Sends that may not wait, and for which there was always room. */
  mustGo: [] as readonly number[],
  /** Threads that have called the receiver and not come back. */
  receiving: [] as readonly Thread[],
  /** The receiver's close was called, and has come back. */
  closing: false,
  closed: false,
  /** A receiver was told that nothing more will come. */
  ended: false,
};
type Knowledge = Readonly<typeof NOTHING>;

export class Witness {
  state: Knowledge = NOTHING;
  readonly #machine: Machine;
  readonly #layout: Memory;
  readonly #cells: number;
  readonly #start: number;

  /** The channel is the machine's first memory. */
  constructor(machine: Machine, start: number) {
    this.#machine = machine;
    this.#layout = new Memory(machine.shared.words.buffer as unknown as SharedArrayBuffer);
    this.#cells = this.#layout.cell(0);
    this.#start = start;
  }

  #now(changes: Partial<Knowledge>): undefined {
    this.state = { ...this.state, ...changes };
  }

  /** A position as the channel counts. */
  #position(n: number): number {
    return (this.#start + n) % this.#layout.limit;
  }

  #word(at: number): number {
    return this.#machine.shared.load(at);
  }

  get #isFull(): boolean {
    return this.state.claimed - this.state.left >= this.#layout.capacity;
  }

  get #isAwaited(): boolean {
    return (this.#word(TAIL) & WAITS) !== 0;
  }

  #unpublished(thread: Thread): number[] {
    const published = [...this.state.published.values()];
    return [...this.state.pending].flatMap(([value, by]) =>
      by === thread && !published.includes(value) ? [value] : [],
    );
  }

  // ── Every write ────────────────────────────────────────────────────────────────────────────────────────────────

  wrote(thread: Thread, at: number, before: number, now: number): string | undefined {
    if (at === TAIL) return this.#tail(before, now);
    if (at === CALLS) return this.#calls(thread);
    if (at < this.#cells || (at - this.#cells) % 16 !== 0) return undefined;
    if (at >= this.#cells + 16 * this.#layout.capacity) return undefined;
    const phases = [before & PHASE_MASK, now & PHASE_MASK].join('→');
    if (phases === `${Phase.FREE}→${Phase.WRITING}`) return this.#claim(thread, at, before);
    const n = this.#outstanding(at);
    if (n < 0) return `a cell was changed that nobody has claimed: ${before} → ${now}`;
    const isSame = before >>> 2 === now >>> 2;
    if (isSame && phases === `${Phase.WRITING}→${Phase.READY}`) return this.#publish(thread, n);
    if (isSame && phases === `${Phase.WRITING}→${Phase.ABORTED}`) return undefined;
    if (isSame && phases === `${Phase.READY}→${Phase.ABORTED}`) return this.#takeBack(thread, n);
    if (now === this.#layout.freed(this.#layout.free(this.#position(n))))
      return this.#leave(thread, n, before & PHASE_MASK);
    return `the cell of position ${n} went from ${before} to ${now}`;
  }

  #tail(before: number, now: number): string | undefined {
    if ((now & WAITS) !== 0) this.#now({ mustGo: [] });
    else if ((before & WAITS) !== 0) this.#now({ before: new Map() });
    if ((before & CLOSED) > (now & CLOSED)) return 'the channel was opened again';
    const [from, to] = [before >>> 2, now >>> 2];
    if (from === to) return undefined;
    const isNext = to === this.#layout.next(from);
    const isClaimed = this.#layout.ahead(this.#position(this.state.claimed), to) <= this.#layout.capacity;
    return isNext && isClaimed ? undefined : `TAIL went from ${from} to ${to}`;
  }

  /**
   * A call takes the turn from those that had it, but for one that has not gone on since: it will see the new call. A
   * waiter whose wait has ended by itself makes the call its own.
   */
  #calls(by: Thread): undefined {
    const { called } = this.state;
    if (called.size === 0) return;
    const keeps = ([thread, hash]: readonly [Thread, number]): boolean =>
      thread === by || thread.at.hash1 === hash;
    this.#now({ called: new Map([...called].filter(keeps)) });
  }

  /** A notify of `by` has woken those, or the waits of those have ended by themselves. */
  woke(threads: readonly Thread[], at: number, by?: Thread): void {
    const { called, before, pending } = this.state;
    const isLater = (value: number): boolean =>
      at !== CALLS || !threads.includes(pending.get(value) as Thread);
    const rest = (waiters: readonly Waiter[]) => waiters.filter((waiter) => this.#machine.isWaiting(waiter));
    if (before.size > 0) {
      const left = [...before]
        .filter(([value]) => isLater(value))
        .map(([value, waiters]) => [value, rest(waiters)] as const);
      this.#now({ before: new Map(left) });
    }
    if (at === CALLS)
      this.#now({
        called: new Map([
          ...[...called].filter(([thread]) => thread !== by),
          ...threads.map((thread) => [thread, thread.at.hash1] as const),
        ]),
      });
  }

  /** Which position, claimed and not left, is in that cell. -1: none. */
  #outstanding(at: number): number {
    const { left, claimed } = this.state;
    for (let n = left; n < claimed; n++) if (this.#layout.cell(this.#position(n)) === at) return n;
    return -1;
  }

  #claim(thread: Thread, at: number, free: number): string | undefined {
    const { claimed, before } = this.state;
    const p = this.#position(claimed);
    if (this.#layout.cell(p) !== at || this.#layout.free(p) !== free)
      return `claimed out of order: not position ${claimed}`;
    this.#now({ claimed: claimed + 1 });
    if (this.state.claimed - this.state.left > this.#layout.capacity)
      return 'more positions are claimed and not taken than the channel has room for';
    if (this.#isFull) this.#now({ mustGo: [] });
    const isLate = (waiter: Waiter): boolean =>
      this.#machine.isWaiting(waiter) && this.#unpublished(waiter.thread).length > 0;
    const own = this.#unpublished(thread);
    if (own.length > 0 && own.every((value) => before.get(value)?.some(isLate)))
      return `${own[0]} took the room of a thread that waited before it came`;
    return undefined;
  }

  #publish(thread: Thread, n: number): string | undefined {
    const value = this.#messageAt(n);
    const { published, pending } = this.state;
    const former = [...published.values()];
    this.#now({ published: new Map([...published, [n, value]]) });
    if (pending.get(value) !== thread) return `${value} was published, but nobody sends it`;
    if (this.state.ended) return `${value} was published after the receiver was told the end`;
    if (former.includes(value)) return `${value} was published twice`;
    if (former.some((other) => senderOf(other) === senderOf(value) && other > value))
      return `${value} was published too late`;
    return undefined;
  }

  #takeBack(thread: Thread, n: number): string | undefined {
    const value = this.state.published.get(n) ?? Number.NaN;
    this.#now({ takenBack: [...this.state.takenBack, value] });
    return senderOf(value) === thread.index ? undefined : `${value} was taken back by another sender`;
  }

  #leave(thread: Thread, n: number, phase: number): string | undefined {
    const { left, published, taken, undecoded } = this.state;
    if (n !== left) return `position ${n} left before ${left}`;
    this.#now({ left: left + 1 });
    if (phase === Phase.ABORTED) return undefined;
    const value = published.get(n);
    if (phase !== Phase.READY || value === undefined) return `position ${n} was skipped`;
    this.#now({ taken: [...taken, value], undecoded: new Map([...undecoded, [thread, value]]) });
    return undefined;
  }

  // ── The receiver ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The receiver says what it is about to take. */
  takes(position: number): undefined {
    const { left } = this.state;
    if (position !== this.#start + left)
      this.#machine.fail(`position ${position} is about to be taken, not ${this.#start + left}`);
  }

  decodes(thread: Thread, message: number): undefined {
    const { undecoded } = this.state;
    const value = undecoded.get(thread);
    if (value !== message) this.#machine.fail(`${value} was taken, but ${message} was received`);
    this.#now({ undecoded: new Map([...undecoded].filter(([other]) => other !== thread)) });
  }

  /** `thread` calls the receiver, or has come back. */
  receives(thread: Thread, now: boolean): undefined {
    const { receiving } = this.state;
    this.#now({ receiving: now ? [...receiving, thread] : receiving.filter((other) => other !== thread) });
  }

  tells(now: 'closing' | 'closed'): undefined {
    this.#now({ [now]: true });
  }

  /** The receiver was told that nothing more will come. */
  ends(): undefined {
    this.#now({ ended: true });
    const isOver = (this.#word(TAIL) & CLOSED) !== 0 || this.#word(OPEN) === 0;
    if (!isOver) this.#machine.fail('the receiver was told the end, but senders are open');
    for (const value of this.#ready())
      this.#machine.fail(`the receiver was told the end, and ${value} is there`);
  }

  // ── Sends ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A send begins. `true`: the channel is closed, so it must fail. */
  sends(thread: Thread, value: number, mustGo: boolean): boolean {
    const { pending, before, called } = this.state;
    const waiters = this.#isAwaited && !called.has(thread) ? this.#machine.waitersAt(CALLS) : [];
    const others = waiters.filter((waiter) => waiter.thread !== thread);
    const isGo = mustGo && !this.#isFull && !this.#isAwaited;
    this.#now({
      pending: new Map([...pending, [value, thread]]),
      before: others.length > 0 ? new Map([...before, [value, others]]) : before,
      mustGo: isGo ? [...this.state.mustGo, value] : this.state.mustGo,
    });
    return this.state.closed;
  }

  #settle(value: number): void {
    const { pending, before, mustGo } = this.state;
    this.#now({
      pending: new Map([...pending].filter(([other]) => other !== value)),
      before: new Map([...before].filter(([other]) => other !== value)),
      mustGo: mustGo.filter((other) => other !== value),
    });
  }

  admitted(value: number, mustFail: boolean): undefined {
    this.#settle(value);
    this.#now({ admitted: [...this.state.admitted, value] });
    if (mustFail) this.#machine.fail(`${value} was sent after the channel was closed`);
    if (![...this.state.published.values()].includes(value))
      this.#machine.fail(`the send of ${value} came back, but it is not in the channel`);
  }

  refused(value: number, why: Refusal): undefined {
    if (why === 'full' && this.state.mustGo.includes(value))
      this.#machine.fail(`${value} was not sent, and there was always room`);
    this.#settle(value);
    this.#now({ refused: [...this.state.refused, value] });
    if (why === 'closed' && !this.state.closing) this.#machine.fail(`the send of ${value} failed: closed`);
  }

  /** What taking back has said. */
  tookBack(value: number, won: boolean): undefined {
    const { taken, takenBack } = this.state;
    if (!(won ? takenBack : taken).includes(value))
      this.#machine.fail(`taking ${value} back said ${won}, which is wrong`);
  }

  // ── At rest ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Nobody can go on: is anybody waiting for what is already true? */
  stuck(): string | undefined {
    const { pending, closed, claimed, left, receiving } = this.state;
    const waits = (thread: Thread): boolean =>
      !this.#machine.happened.has(thread) && !this.#machine.isDoomed(thread);
    const hasMessage = claimed > left && this.#phase(left) >= Phase.READY;
    for (const [value, thread] of pending) {
      if (!waits(thread)) continue;
      if (closed) return `${value} waits for room in a closed channel`;
      // With a message in the channel, the receiver will look again before it sleeps.
      if (claimed === left) return `${value} waits for room in an empty channel`;
    }
    for (const thread of receiving) {
      if (!waits(thread)) continue;
      if (hasMessage) return `${thread.name} waits for a message, and there is one`;
      const isOver = claimed === left && (this.#word(TAIL) & CLOSED) !== 0;
      if (isOver) return `${thread.name} waits, and the channel is closed`;
      if (this.#word(OPEN) === 0) return `${thread.name} waits, and all senders are closed`;
    }
    return undefined;
  }

  /** The end of the run: the books must balance. */
  balance(): string | undefined {
    const { taken, takenBack, admitted, refused } = this.state;
    const seen = [...taken, ...takenBack, ...this.#ready()];
    for (const value of admitted) if (!seen.includes(value)) return `${value} was admitted and is lost`;
    for (const value of refused) if (seen.includes(value)) return `${value} failed, and was in the channel`;
    if (new Set(seen).size !== seen.length) return `a message is there twice: ${seen.join(', ')}`;
    return undefined;
  }

  /** Messages that are there. */
  #ready(): number[] {
    const { claimed, left } = this.state;
    const positions = Array.from({ length: claimed - left }, (_, i) => left + i);
    return positions.filter((n) => this.#phase(n) === Phase.READY).map((n) => this.#messageAt(n));
  }

  #phase(n: number): number {
    return this.#word(this.#layout.cell(this.#position(n))) & PHASE_MASK;
  }

  #messageAt(n: number): number {
    const at = this.#layout.cell(this.#position(n));
    const decoder = new Decoder(this.#layout.maxBytes);
    const length = Math.min(this.#layout.lengthAt(at), this.#layout.maxBytes);
    this.#layout.copyOut(at, decoder, length);
    try {
      return numberOf(decoder.decode(length));
    } catch {
      return Number.NaN;
    }
  }
}
