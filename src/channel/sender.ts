/**
 * The sending half of a channel: sends at once if there is room, else waits, as a promise or with the thread blocked
 * (waiting.ts).
 */
import { setMaxListeners } from 'node:events';
import { threadId } from 'node:worker_threads';
import { Encoder } from '../codec/index.js';
import { ChannelClosedError, SendTimeoutError } from './errors.js';
import { LateBell } from './late.js';
import type { Life } from './line.js';
import { copyOf } from './memory.js';
import { abortReason, checked, forget, type SendOptions } from './options.js';
import { SenderPatience } from './patience.js';
import { type Claimant, type Link, Outcome, Ring, type Ringable } from './ring.js';
import { type WaitingSend, WaitingSends } from './waiting.js';

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

/** The sending half. Each belongs to one thread; {@link Sender.share} makes one for another thread. */
export class Sender<T> {
  /** @internal */
  readonly link: Link;
  readonly #life: Life;
  readonly #ring: Ring;
  readonly #late: LateBell;
  readonly #encoder: Encoder;
  readonly #patience: SenderPatience;
  readonly #waiting: WaitingSends;
  #closed = false;
  #ended = false;
  #freed = false;

  /** @internal Use `channel` or `Sender.attach`. */
  constructor(ring: Ring, life: Life, link: Link) {
    this.link = link;
    this.#life = life;
    this.#ring = ring;
    this.#late = new LateBell(ring);
    this.#encoder = new Encoder(ring.memory.maxBytes);
    this.#patience = new SenderPatience(ring.capacity);
    this.#waiting = new WaitingSends(ring, life.slot, this.#patience, () => this.#end());
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
    return this.#waiting.count;
  }

  /**
   * Sends `value`. Resolves when it is in the channel: there was room, and it will be received. Values are copied at the
   * call. If there is no room, it may block the thread for a tenth of a millisecond before it waits: see patience.ts.
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
      const outcome = this.#post(length, claimant);
      if (outcome === Outcome.SENT) return SENT;
      if (outcome === Outcome.CLOSED) throw new ChannelClosedError(value);
      return this.#wait(value, length, claimant, timeout, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends `value` if there is room now. `false`: the channel is full, nothing was sent. `late`: the receiver is woken when
   * the event loop has done what it can do now, unless more than half of the room is used before: see late.ts.
   *
   * @throws ChannelClosedError, NotSendableError, TaskTooLargeError
   */
  trySend(value: T, claimant?: Claimant, late = false): boolean {
    const outcome = this.#post(this.#encode(value), claimant, late ? this.#late : this.#ring.bell);
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
    if (!this.#closed || this.#freed || this.#waiting.count > 0) return;
    if (!this.#ended) this.#ring.closeSender(this.#life);
    this.#ended = true;
    this.#freed = !this.#waiting.listening; // else it still waits at the slot's bell
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

  /** Nobody waits for the room that this thread would look for: it would take more of it than its share. */
  get #mayLook(): boolean {
    return this.#waiting.count === 0 && this.#ring.line.gate === 0;
  }

  /** Posts the encoder's message, unless older ones of this thread wait. */
  #post(length: number, claimant: Claimant | undefined, bell: Ringable = this.#ring.bell): Outcome {
    if (this.#waiting.count === 0) return this.#ring.post(this.slot, this.#encoder, length, bell, claimant);
    return this.#ring.line.gate < 0 ? Outcome.CLOSED : Outcome.FULL;
  }

  /** Waits with the thread blocked. */
  #block(length: number, claimant: Claimant | undefined, timeout: number): Outcome {
    const deadline = performance.now() + timeout;
    let outcome: Outcome = Outcome.FULL;
    const posted = () => {
      outcome = this.#post(length, claimant);
      return outcome !== Outcome.FULL;
    };
    if (this.#mayLook && this.#patience.look(posted)) return outcome;
    return this.#waiting.block({ scratch: copyOf(this.#encoder, length), length, claimant }, deadline);
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
        if (!this.#waiting.post()) this.#waiting.giveUp(send, new SendTimeoutError(value, timeout));
      };
      const abort = () => this.#waiting.giveUp(send, abortReason(signal));
      const settle = (outcome: Outcome, reason?: unknown): void => {
        clearTimeout(timer);
        forget(signal, abort);
        if (outcome === Outcome.SENT) resolve();
        else reject(outcome === Outcome.CLOSED ? new ChannelClosedError(value) : reason);
      };
      const send: WaitingSend = { scratch: copyOf(this.#encoder, length), length, claimant, settle };
      if (signal instanceof EventTarget) setMaxListeners(0, signal); // one signal may stop any number of sends
      signal?.addEventListener('abort', abort);
      const timer = timeout <= MAX_TIMER ? setTimeout(expire, timeout) : undefined;
      this.#waiting.add(send);
    });
  }
}

function expectHandle<T>(handle: SenderHandle<T>): SenderHandle<T> {
  if (handle?.kind === 'sender') return handle;
  throw new TypeError('Expected a handle made by `sender.share()`');
}

function expectOtherThread(ring: Ring): void {
  if (ring.receiverThread !== threadId || ring.line.gate < 0) return; // a closed channel says so
  const error = new Error(
    'blockingSend on the thread that runs the receiver would deadlock: use `await send(…)`',
  );
  throw Object.assign(error, { code: 'ERR_WOULD_DEADLOCK' });
}
