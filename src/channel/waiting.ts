/**
 * Waiting for room: which sender may send when there is none, and how a sender waits for that.
 *
 * All senders that wait park on one word, CALLS, and the platform keeps their queue: `Atomics.notify(CALLS, 1)` wakes the
 * thread that parked first, whether it is blocked or waits asynchronously. (A thread parks anew every LOOK_MS. So between
 * threads that wait for longer, the order in which they came is kept roughly, and not by a promise.)
 *
 *   a sender that finds no room              the receiver, after half as many takes as cells, or when it finds nothing
 *   1. reads CALLS                           1. sees WAITS in TAIL, else it goes on
 *   2. counts COMERS up                      2. reads COMERS
 *   3. sets WAITS in TAIL                    3. counts CALLS up, wakes one waiter: that one has the turn
 *   4. parks, if CALLS is as in 1            4. woke nobody? clears WAITS; COMERS has changed? sets it, and calls again
 *
 * A waiter that was called has the *turn* until the next call. It sends all that it can; meanwhile senders without the turn
 * come to wait as well, even if there is room. So room is handed over in batches, and newcomers come after waiters. They
 * may come first in one case: a caller that wakes nobody clears WAITS, and a sender that comes to wait just then sets it a
 * moment later; a third one may send in between. A sender that is called while its thread computes keeps the turn: the
 * others look after LOOK_MS.
 *
 * Why no call is missing. A sender reads CALLS before it counts COMERS. A call between the two changes CALLS, so the sender
 * does not park. A caller that came before the two and woke nobody reads COMERS again, and calls again if it has changed; if
 * it has not, the sender sets WAITS after the caller has cleared it. So while a sender is parked, WAITS is set, and a thread
 * is about to call:
 *   - the receiver, if there is a message: it looks at TAIL when it has taken the last one;
 *   - the waiter that has been called: it sends, which makes a message, or calls the next one;
 *   - the sender that set WAITS, if there is no message: the receiver may have looked before. It looks itself, and calls.
 *
 * A terminated thread may swallow a call: burial calls again. A thread that is blocked, or busy, may come late to a call of
 * an async wait. And a receiver that is slow frees half of the cells late. So a sender that waits looks by itself from time
 * to time, and before its timeout, and takes the turn if there is room.
 */
import type { Scratch } from './cells.js';
import { type Look, NAP_MS } from './look.js';
import { CALLS, CLOSED, COMERS, TAIL, WAITS } from './memory.js';
import { type OnSent, Signals } from './options.js';
import { doDuties, duties, keepAlive } from './park.js';
import { type Ring, Sent } from './ring.js';

/** How often a sender that waits looks by itself, in milliseconds. */
export const LOOK_MS = 20;

/** One thread's part in the calls. */
export class Calls {
  /** The call that gave this sender the turn. -1: none. (CALLS begins at 0, and is -1 after four thousand million calls.) */
  turn = -1;
  readonly #ring: Ring;
  readonly #words: Int32Array;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#words = ring.words;
  }

  /** Others wait, and this sender has not the turn. */
  get mustWait(): boolean {
    if ((Atomics.load(this.#words, TAIL) & WAITS) === 0) return false; // pairs with step 3 of a sender
    return Atomics.load(this.#words, CALLS) !== this.turn; // pairs with the add in call
  }

  /** The receiver has freed room. */
  callIfWaits(): void {
    if ((Atomics.load(this.#words, TAIL) & WAITS) !== 0) this.call(); // pairs with step 3 of a sender
  }

  /** Wakes the sender that has waited longest. `false`: none waits. */
  call(): boolean {
    for (;;) {
      const comers = Atomics.load(this.#words, COMERS); // pairs with step 2 of a sender
      Atomics.add(this.#words, CALLS, 1); // pairs with step 4 of a sender
      if (Atomics.notify(this.#words, CALLS, 1) > 0) return true;
      Atomics.and(this.#words, TAIL, ~WAITS);
      if (Atomics.load(this.#words, COMERS) === comers) return false; // pairs with step 2 of a sender
      Atomics.or(this.#words, TAIL, WAITS);
    }
  }

  /** Calls for a thread that was killed: it may have cleared WAITS and not set it again, though others wait. */
  repeat(): void {
    while (this.call()) {
      Atomics.or(this.#words, TAIL, WAITS); // pairs with callIfWaits
      if (!this.#ring.isEmpty) return; // the receiver will look
    }
  }

  /** All waiters look: the channel was closed, or their thread has something to do. */
  callAll(): void {
    Atomics.add(this.#words, CALLS, 1); // pairs with step 4 of a sender
    Atomics.notify(this.#words, CALLS);
  }

  /** Steps 1 to 3. Returns what to park with, or `undefined`: try to send again. */
  come(): number | undefined {
    this.#ring.bell.rouse();
    const calls = Atomics.load(this.#words, CALLS); // pairs with the add in call
    Atomics.add(this.#words, COMERS, 1); // pairs with the loads in call
    const before = Atomics.or(this.#words, TAIL, WAITS); // pairs with callIfWaits
    if ((before & CLOSED) !== 0) return undefined; // pairs with close: callAll may have come before step 1
    if ((before & WAITS) !== 0 || !this.#ring.isEmpty) return calls;
    this.call();
    return undefined;
  }

  /** A wait has ended: this sender was called, or takes the turn by itself if there is room. It has something to send. */
  take(how: 'ok' | 'not-equal' | 'timed-out'): void {
    if (how === 'ok')
      this.turn = Atomics.load(this.#words, CALLS); // pairs with the add in call
    else if (how === 'timed-out' && this.#ring.hasRoom(0))
      this.turn = (Atomics.add(this.#words, CALLS, 1) + 1) | 0; // pairs with step 4 of a sender
  }
}

/** An encoded message that waits, and who is told. */
export interface WaitingSend {
  readonly scratch: Scratch;
  readonly length: number;
  readonly signal: AbortSignal | undefined;
  readonly onSent: OnSent | undefined;
  /** It has left the list. FULL: it gave up, for `reason`. */
  settle(outcome: Sent, reason?: unknown): void;
}

/** The sends of one sender that wait for room, oldest first. */
export class Waiting {
  readonly #ring: Ring;
  readonly #seat: number;
  readonly #calls: Calls;
  readonly #look: Look;
  readonly #onEmpty: () => void;
  readonly #sends: WaitingSend[] = [];
  readonly #signals = new Signals(({ target: signal }) => {
    for (const each of this.#sends.filter((send) => send.signal === signal))
      this.giveUp(each, each.signal?.reason);
  });
  #listening = false;
  readonly #duty = (): void => void this.post();
  readonly #nap = (): boolean => this.#park(NAP_MS);

  /** `onEmpty` is called whenever nothing waits any more. */
  constructor(ring: Ring, seat: number, calls: Calls, look: Look, onEmpty: () => void) {
    this.#ring = ring;
    this.#seat = seat;
    this.#calls = calls;
    this.#look = look;
    this.#onEmpty = onEmpty;
  }

  get count(): number {
    return this.#sends.length;
  }

  /** Waits without blocking, but for a moment at first: see look.ts. */
  add(send: WaitingSend): void {
    this.#push(send);
    if (send.signal !== undefined) this.#signals.add(send.signal, 1);
    if (!this.#listening && !this.#look.nap(this.#nap)) void this.#listen();
  }

  /** Waits with the thread blocked, until it is `deadline` on `performance.now()`. */
  block(scratch: Scratch, length: number, deadline: number, onSent: OnSent | undefined): Sent {
    let outcome: Sent = Sent.FULL;
    const settle = (result: Sent) => {
      outcome = result;
    };
    const send: WaitingSend = { scratch, length, signal: undefined, onSent, settle };
    this.#push(send);
    while (this.#sends.includes(send)) {
      const left = deadline - performance.now();
      if (left > 0) this.#park(Math.min(left, LOOK_MS));
      else {
        this.giveUp(send, undefined);
        if (this.#sends.length === 0) this.#calls.call(); // if nobody else waits, WAITS goes
      }
    }
    return outcome;
  }

  /** Posts what waits, oldest first, as far as there is room. `true`: nothing waits any more. */
  post(): boolean {
    for (let first = this.#sends[0]; first !== undefined; first = this.#sends[0]) {
      const outcome = this.#ring.post(first.scratch, first.length, this.#seat, this.#calls.turn);
      if (outcome === Sent.FULL) return false;
      this.#sends.shift();
      if (outcome === Sent.YES) this.#ring.bell.ring();
      this.#leave(first);
      if (outcome === Sent.YES) first.onSent?.sent(this.#ring.sent);
      first.settle(outcome);
    }
    return true;
  }

  /** The time of a send is up: it is sent now, or gives up. */
  expire(send: WaitingSend, reason: unknown): void {
    if (!this.#sends.includes(send)) return;
    this.#calls.take('timed-out');
    if (!this.post()) this.giveUp(send, reason);
  }

  /** A send waits no more, for `reason`: unless it has left the list by itself. */
  giveUp(send: WaitingSend, reason: unknown): void {
    const at = this.#sends.indexOf(send);
    if (at < 0) return;
    this.#sends.splice(at, 1);
    this.#leave(send);
    send.settle(Sent.FULL, reason);
  }

  #push(send: WaitingSend): void {
    this.#sends.push(send);
    duties.add(this.#duty);
  }

  #leave({ signal }: WaitingSend): void {
    if (signal !== undefined) this.#signals.add(signal, -1);
    if (this.#sends.length > 0) return;
    duties.delete(this.#duty);
    this.#onEmpty();
  }

  /** Parks, with the thread blocked, for `ms` at most; then sends what there is room for. `true`: nothing waits any more. */
  #park(ms: number): boolean {
    const calls = this.#calls.come();
    if (calls !== undefined) {
      doDuties(); // after step 1: what a duty frees may be told by a call
      if (this.#sends.length === 0) return true;
      const how = Atomics.wait(this.#ring.words, CALLS, calls, ms); // step 4; pairs with call
      if (how === 'ok' || ms !== NAP_MS) this.#calls.take(how); // a nap is too short to take the turn after it
    }
    return this.post();
  }

  /** Waits to be called while anything waits. */
  async #listen(): Promise<void> {
    this.#listening = true;
    keepAlive(1);
    while (!this.post()) {
      const calls = this.#calls.come();
      if (calls === undefined) continue;
      const how = await Atomics.waitAsync(this.#ring.words, CALLS, calls, LOOK_MS).value; // step 4; pairs with call
      if (this.#sends.length === 0)
        this.#calls.call(); // it gave up meanwhile: the next one; if there is none, WAITS goes
      else this.#calls.take(how);
    }
    keepAlive(-1);
    this.#listening = false;
  }
}
