/**
 * The sends of one sender that wait for room: a list, oldest first. While it is not empty, the thread stands in line
 * (line.ts). Whenever it is called, or has a look by itself, it posts as many of them as there is room for.
 */
import { addWaiting, postAllWaiting, removeWaiting } from './blocked.js';
import type { Scratch } from './memory.js';
import { keepAlive } from './park.js';
import { IN_LINE_MS, type SenderPatience } from './patience.js';
import { type Claimant, Outcome, type Ring } from './ring.js';

/** An encoded message, and who follows it. */
export interface Message {
  readonly scratch: Scratch;
  readonly length: number;
  readonly claimant: Claimant | undefined;
}

/** A send that waits. */
export interface WaitingSend extends Message {
  /** It has left the list. FULL: it gave up, for `reason`. */
  settle(outcome: Outcome, reason?: unknown): void;
}

export class WaitingSends {
  readonly #ring: Ring;
  readonly #slot: number;
  readonly #patience: SenderPatience;
  readonly #ended: () => void;
  readonly #sends: WaitingSend[] = [];
  #listening = false;
  readonly #look = (): boolean => this.post();

  /** `ended` is called whenever nothing waits any more. */
  constructor(ring: Ring, slot: number, patience: SenderPatience, ended: () => void) {
    this.#ring = ring;
    this.#slot = slot;
    this.#patience = patience;
    this.#ended = ended;
  }

  get count(): number {
    return this.#sends.length;
  }

  /** The thread still waits at its bell, perhaps for nothing any more. */
  get listening(): boolean {
    return this.#listening;
  }

  /** Waits without blocking. */
  add(send: WaitingSend): void {
    this.#push(send);
    if (this.#listening)
      this.post(); // the thread may have joined the line just now: one look after that is its own to do
    else if (!this.#patience.nap(this.#ring.line.bell(this.#slot), this.#look)) void this.#listen();
  }

  /** Waits with the thread blocked, until it is `deadline` on `performance.now()`. */
  block(message: Message, deadline: number): Outcome {
    let outcome: Outcome = Outcome.FULL;
    let waits = true;
    const settle = (result: Outcome) => {
      outcome = result;
      waits = false;
    };
    const send = { ...message, settle };
    this.#push(send);
    const ready = () => postAllWaiting() || !waits;
    while (waits) {
      const left = deadline - performance.now();
      if (left > 0) this.#ring.line.bell(this.#slot).wait(ready, Math.min(left, IN_LINE_MS));
      else if (!ready()) this.giveUp(send, undefined);
    }
    return outcome;
  }

  /** Posts what waits, oldest first, as far as there is room. `true`: nothing waits any more. */
  post(): boolean {
    for (let first = this.#sends[0]; first !== undefined; first = this.#sends[0]) {
      const outcome = this.#ring.post(
        this.#slot,
        first.scratch,
        first.length,
        this.#ring.bell,
        first.claimant,
      );
      if (outcome === Outcome.FULL) return false;
      this.#sends.shift();
      this.#letOthers();
      first.settle(outcome);
    }
    this.#ended();
    return true;
  }

  /** A send waits no more, for `reason`: unless it has left the list by itself. */
  giveUp(send: WaitingSend, reason: unknown): void {
    const at = this.#sends.indexOf(send);
    if (at < 0) return;
    this.#sends.splice(at, 1);
    if (this.#sends.length === 0) this.#letOthers();
    send.settle(Outcome.FULL, reason);
    if (this.#sends.length === 0) this.#ended();
  }

  #push(send: WaitingSend): void {
    this.#sends.push(send);
    if (this.#sends.length > 1) return;
    addWaiting(this.#look);
    this.#ring.line.join(this.#slot);
  }

  /** One send waits no more: the others in line come before the next, and this thread may have been called for theirs. */
  #letOthers(): void {
    const { line } = this.#ring;
    if (this.#sends.length === 0) {
      removeWaiting(this.#look);
      line.leave(this.#slot);
    }
    if ((line.gate & ~(1 << this.#slot)) <= 0) return; // nobody else is there, or the channel is closed
    if (this.#sends.length > 0) line.takeTurn(this.#slot);
    this.#ring.callLine();
  }

  /** Waits to be called while anything waits. */
  async #listen(): Promise<void> {
    this.#listening = true;
    keepAlive(1);
    while (this.#sends.length > 0) await this.#ring.line.bell(this.#slot).waitAsync(this.#look, IN_LINE_MS);
    keepAlive(-1);
    this.#listening = false;
    this.#ended();
  }
}
