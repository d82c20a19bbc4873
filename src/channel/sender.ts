/**
 * The sending half of a channel: how a send waits for room, as a promise or with the thread blocked.
 *
 * A thread's sends that wait are a list, oldest first; while it is not empty, the thread stands in line. Whenever it is
 * called, or has a look by itself, it posts as many of them as there is room for.
 */
import { setMaxListeners } from 'node:events';
import { threadId } from 'node:worker_threads';
import { Encoder } from '../codec/index.js';
import { addWaiting, postAllWaiting, removeWaiting } from './blocked.js';
import { ChannelClosedError, SendTimeoutError } from './errors.js';
import type { Life } from './line.js';
import { copyOf, type Scratch } from './memory.js';
import { abortReason, checked, forget, type SendOptions } from './options.js';
import { keepAlive } from './park.js';
import { NAP_MS, SenderPatience } from './patience.js';
import { type Claimant, type Link, Outcome, Ring } from './ring.js';

/** What a sender is while it travels to another thread, in `workerData` or by `postMessage`. */
export interface SenderHandle<T> extends Link, Life {
  readonly kind: 'sender';
  /** Only for the type checker: what the channel carries. */
  readonly carries?: (value: T) => void;
}

const NO_OPTIONS: SendOptions = Object.freeze({});
const MAX_TIMER = 2 ** 31 - 1; // a longer timer would fire at once
/** What a `send` that need not wait returns, without making a promise of its own. */
const SENT: Promise<void> = Promise.resolve();

/** A send that waits for room. */
interface Waiting {
  readonly message: Scratch;
  readonly length: number;
  readonly claimant: Claimant | undefined;
  /** It has left the list. FULL: it gave up, for `reason`. */
  settle(outcome: Outcome, reason?: unknown): void;
}

/** The sending half. Each belongs to one thread; {@link Sender.share} makes one for another thread. */
export class Sender<T> {
  /** @internal */
  readonly link: Link;
  readonly #life: Life;
  readonly #ring: Ring;
  readonly #encoder: Encoder;
  readonly #patience: SenderPatience;
  readonly #waiting: Waiting[] = [];
  #listening = false;
  #closed = false;
  #ended = false;
  #freed = false;
  readonly #look = (): boolean => this.#postWaiting();

  /** @internal Use `channel` or `Sender.attach`. */
  constructor(ring: Ring, life: Life, link: Link) {
    this.link = link;
    this.#life = life;
    this.#ring = ring;
    this.#encoder = new Encoder(ring.memory.maxBytes);
    this.#patience = new SenderPatience(ring.capacity);
  }

  /** The sender that another thread made for this one with {@link Sender.share}. A handle is attached once. */
  static attach<T>(handle: SenderHandle<T>): Sender<T> {
    return new Sender<T>(new Ring(expectHandle(handle).memory), handle, handle);
  }

  /** This sender's number among the channel's open senders, 0 to 30. */
  get slot(): number {
    return this.#life.slot;
  }

  /** Messages the channel has room for. */
  get capacity(): number {
    return this.#ring.capacity;
  }

  /** Messages claimed and not yet taken: what has been sent, and what is being written. */
  get length(): number {
    return this.#ring.length;
  }

  /** Sends of this sender that wait for room. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Sends `value`. Resolves when it is in the channel: there was room, and it will be received. Values are copied at the
   * call.
   *
   * Rejects, and then the value is never received, with SendTimeoutError, with the signal's reason, with
   * ChannelClosedError, with NotSendableError or TaskTooLargeError; with TypeError or RangeError for a wrong option.
   */
  send(value: T, options: SendOptions = NO_OPTIONS, claimant?: Claimant): Promise<void> {
    try {
      const { timeout, signal } = checked(options);
      if (signal?.aborted) throw abortReason(signal);
      const length = this.#encode(value);
      if (signal?.aborted) throw abortReason(signal); // by a getter of the value
      let outcome = this.#post(length, claimant);
      if (outcome === Outcome.FULL && this.#waiting.length === 0) {
        this.#patience.lookAwaiting(() => {
          outcome = this.#post(length, claimant);
          return outcome !== Outcome.FULL;
        });
      }
      if (outcome === Outcome.SENT) return SENT;
      if (outcome === Outcome.CLOSED) throw new ChannelClosedError(value);
      return this.#wait(value, length, claimant, timeout, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends `value` if there is room now. `false`: the channel is full, nothing was sent.
   *
   * @throws ChannelClosedError, NotSendableError, TaskTooLargeError
   */
  trySend(value: T, claimant?: Claimant): boolean {
    const outcome = this.#post(this.#encode(value), claimant);
    if (outcome === Outcome.CLOSED) throw new ChannelClosedError(value);
    return outcome === Outcome.SENT;
  }

  /**
   * Sends `value` and blocks the thread, event loop and all, until it is in the channel. For producer threads; on a
   * server's main thread it stalls every connection, and nobody could restart a receiver that died meanwhile: use `send`
   * there.
   *
   * @throws Error (ERR_WOULD_DEADLOCK) on the thread that runs the receiver; SendTimeoutError, ChannelClosedError,
   * NotSendableError, TaskTooLargeError; TypeError or RangeError for a wrong option
   */
  blockingSend(value: T, options: Omit<SendOptions, 'signal'> = NO_OPTIONS, claimant?: Claimant): void {
    const { timeout } = checked(options);
    expectOtherThread(this.#ring);
    const length = this.#encode(value);
    let outcome = this.#post(length, claimant);
    if (outcome === Outcome.FULL) outcome = this.#block(length, claimant, timeout);
    if (outcome === Outcome.CLOSED) throw new ChannelClosedError(value);
    if (outcome === Outcome.FULL) throw new SendTimeoutError(value, timeout);
  }

  /** A sender for another thread: attach the handle there. Counts as open from now on; see {@link Sender.bury}. */
  share(): SenderHandle<T> {
    if (this.#closed) throw new Error('This sender is closed: share it before');
    return { kind: 'sender', ...this.link, ...this.#ring.line.open() };
  }

  /**
   * For whoever sees the exit of a thread that had a sender: closes it, if it was not closed, and gives up what it left
   * half-written. Without this, a thread terminated in the middle of a send holds up the receiver for ever. Any sender of
   * any channel will do, closed or not; its thread must not be ended meanwhile.
   */
  bury(handle: SenderHandle<T>): void {
    new Ring(expectHandle(handle).memory).bury(handle);
  }

  /** Sends nothing more. Sends that wait for room go on waiting; after the last sender's last message, `recv` ends. */
  close(): void {
    this.#closed = true;
    this.#end();
  }

  #end(): void {
    if (!this.#closed || this.#freed || this.#waiting.length > 0) return;
    if (!this.#ended) this.#ring.closeSender(this.#life);
    this.#ended = true;
    this.#freed = !this.#listening; // else it still waits at the slot's bell
    if (this.#freed) this.#ring.line.free(this.#life);
  }

  #encode(value: T): number {
    if (value === undefined)
      throw new TypeError('Expected a message, got undefined, which means the end: send null');
    if (this.#closed) throw new ChannelClosedError(value);
    const length = this.#encoder.encode(value);
    if (this.#closed) throw new ChannelClosedError(value); // by a getter of the value
    return length;
  }

  /** Posts the encoder's message, unless older ones of this thread wait. */
  #post(length: number, claimant: Claimant | undefined): Outcome {
    if (this.#waiting.length === 0) return this.#ring.post(this.slot, this.#encoder, length, claimant);
    return this.#ring.line.gate < 0 ? Outcome.CLOSED : Outcome.FULL;
  }

  // ── Waiting ────────────────────────────────────────────────────────────────────────────────────────────────────

  #queue(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#waiting.length > 1) return;
    addWaiting(this.#look);
    this.#ring.line.join(this.slot);
  }

  /** Posts what waits, oldest first, as far as there is room. `true`: nothing waits any more. */
  #postWaiting(): boolean {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const outcome = this.#ring.post(this.slot, first.message, first.length, first.claimant);
      if (outcome === Outcome.FULL) return false;
      this.#waiting.shift();
      this.#letOthers();
      first.settle(outcome);
    }
    this.#end();
    return true;
  }

  /** One send waits no more: the others in line come before the next. Some may have a right to a place only now. */
  #letOthers(): void {
    const { line } = this.#ring;
    if (this.#waiting.length === 0) {
      removeWaiting(this.#look);
      line.leave(this.slot);
    }
    if ((line.gate & ~(1 << this.slot)) <= 0) return; // nobody else is there, or the channel is closed
    if (this.#waiting.length > 0) line.takeTurn(this.slot);
    this.#ring.callLine();
  }

  /** Waits with the thread blocked. */
  #block(length: number, claimant: Claimant | undefined, timeout: number): Outcome {
    const deadline = performance.now() + timeout;
    let outcome: Outcome = Outcome.FULL;
    const posted = () => {
      outcome = this.#post(length, claimant);
      return outcome !== Outcome.FULL;
    };
    if (this.#waiting.length === 0 && this.#patience.lookBlocked(posted)) return outcome;
    let waits = true;
    const settle = (result: Outcome) => {
      outcome = result;
      waits = false;
    };
    const waiting: Waiting = { message: copyOf(this.#encoder, length), length, claimant, settle };
    this.#queue(waiting);
    const ready = () => postAllWaiting() || !waits;
    while (waits) {
      const left = deadline - performance.now();
      if (left > 0) this.#ring.line.bell(this.slot).wait(ready, Math.min(left, NAP_MS));
      else if (!ready()) this.#giveUp(waiting, undefined);
    }
    return outcome;
  }

  /** Waits without blocking. */
  #wait(
    value: T,
    length: number,
    claimant: Claimant | undefined,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const expire = () => {
        if (!this.#postWaiting()) this.#giveUp(waiting, new SendTimeoutError(value, timeout));
      };
      const abort = () => this.#giveUp(waiting, abortReason(signal));
      const settle = (outcome: Outcome, reason?: unknown): void => {
        clearTimeout(timer);
        forget(signal, abort);
        if (outcome === Outcome.SENT) resolve();
        else reject(outcome === Outcome.CLOSED ? new ChannelClosedError(value) : reason);
      };
      const waiting: Waiting = { message: copyOf(this.#encoder, length), length, claimant, settle };
      if (signal instanceof EventTarget) setMaxListeners(0, signal); // one signal may stop any number of sends
      signal?.addEventListener('abort', abort);
      const timer = timeout <= MAX_TIMER ? setTimeout(expire, timeout) : undefined;
      this.#queue(waiting);
      if (this.#listening)
        this.#postWaiting(); // the thread may have just joined the line: nobody looks for it before the next call
      else void this.#listen();
    });
  }

  /** Waits to be called while anything waits. */
  async #listen(): Promise<void> {
    this.#listening = true;
    keepAlive(1);
    while (this.#waiting.length > 0) await this.#ring.line.bell(this.slot).waitAsync(this.#look, NAP_MS);
    keepAlive(-1);
    this.#listening = false;
    this.#end();
  }

  #giveUp(waiting: Waiting, reason: unknown): void {
    const at = this.#waiting.indexOf(waiting);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    if (this.#waiting.length === 0) this.#letOthers();
    waiting.settle(Outcome.FULL, reason);
    this.#end();
  }
}

function expectHandle<T>(handle: SenderHandle<T>): SenderHandle<T> {
  if (handle?.kind === 'sender') return handle;
  throw new TypeError('Expected a handle made by `sender.share()`');
}

function expectOtherThread(ring: Ring): void {
  if (ring.receiverThread !== threadId) return;
  const error = new Error(
    'blockingSend on the thread that runs the receiver would deadlock: use `await send(…)`',
  );
  throw Object.assign(error, { code: 'ERR_WOULD_DEADLOCK' });
}
