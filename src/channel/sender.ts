/**
 * The sending half of a channel: sends at once if there is room, else waits, as a promise or with the thread blocked
 * (waiting.ts).
 */
import { setImmediate } from 'node:timers'; // not the global: a test, or a task, may replace that
import { threadId } from 'node:worker_threads';
import { Encoder } from '../codec/index.js';
import { copyOf } from './cells.js';
import { ChannelClosedError, SendTimeoutError } from './errors.js';
import { Look } from './look.js';
import { checked, NO_OPTIONS, type OnSent, type SendOptions } from './options.js';
import { duties } from './park.js';
import { Ring, Sent } from './ring.js';
import { bury, closeSeat, isOpen, openSeat, type Seat } from './seats.js';
import { Calls, Waiting, type WaitingSend } from './waiting.js';

/** What a sender is while it travels to another thread, in `workerData` or by `postMessage`. */
export interface SenderHandle<T> extends Seat {
  readonly kind: 'sender';
  readonly memory: SharedArrayBuffer;
  /** Only for the type checker: what the channel carries. */
  readonly carries?: (value: T) => void;
}

const MAX_TIMER = 2 ** 31 - 1; // a longer timer would fire at once
/** What a `send` that need not wait returns, without making a promise of its own. */
const SENT: Promise<void> = Promise.resolve();
/** The longest pause between two looks for room, in microseconds. Room for a batch of messages comes up meanwhile. */
const MAX_PAUSE_US = 8;

/** The sending half. Each belongs to one thread; {@link Sender.share} makes one for another thread. */
export class Sender<T> {
  /** Messages that the channel has room for. */
  readonly capacity: number;
  /** @internal Says which channel it is. */
  readonly memory: SharedArrayBuffer;
  readonly #ring: Ring;
  readonly #seat: Seat;
  readonly #calls: Calls;
  readonly #waiting: Waiting;
  readonly #look: Look;
  readonly #encoder: Encoder;
  #closed = false;
  /** Stands in `duties` from a late send until the receiver is woken. */
  readonly #wake = (): void => {
    if (duties.delete(this.#wake)) this.#ring.bell.ring();
  };
  readonly #hasRoom = (): boolean => this.#ring.hasRoom(this.capacity >> 1);

  /** @internal Use `channel` or `Sender.attach`. */
  constructor(memory: SharedArrayBuffer, seat?: Seat) {
    this.#ring = new Ring(memory);
    this.capacity = this.#ring.capacity;
    this.memory = memory;
    this.#seat = seat ?? openSeat(this.#ring.words);
    this.#calls = new Calls(this.#ring);
    this.#look = new Look(Math.min(Math.max(this.capacity >> 2, 1), MAX_PAUSE_US));
    this.#waiting = new Waiting(this.#ring, this.#seat.seat, this.#calls, this.#look, () => this.#end());
    this.#encoder = new Encoder(this.#ring.maxBytes);
  }

  /**
   * The sender that another thread made for this one with {@link Sender.share}. A handle is attached once. A sender of a
   * handle that was closed or buried before is closed.
   */
  static attach<T>(handle: SenderHandle<T>): Sender<T> {
    expectHandle(handle);
    const sender = new Sender<T>(handle.memory, handle);
    sender.#closed = !isOpen(sender.#ring.words, handle);
    return sender;
  }

  /** Messages in the channel: sent and not yet taken, or being written. */
  get length(): number {
    return this.#ring.length;
  }

  /** Sends of this sender that wait for room. */
  get waiting(): number {
    return this.#waiting.count;
  }

  /**
   * Sends `value`. Resolves when it is in the channel: there was room, and it will be received. Values are copied at the
   * call. If there is no room, it may block the thread for a fifth of a millisecond before it waits: see look.ts.
   *
   * `late`: the receiver is woken when the event loop has done what it can do now, so that this thread's other work comes
   * first.
   *
   * Rejects, and then the value is never received, with SendTimeoutError, with the signal's reason, with
   * ChannelClosedError, with NotSendableError or TaskTooLargeError; with TypeError or RangeError for a wrong option.
   */
  send(value: T, options: SendOptions = NO_OPTIONS, onSent?: OnSent, late = false): Promise<void> {
    try {
      const { timeout, signal } = checked(options);
      signal?.throwIfAborted();
      const length = this.#encode(value);
      signal?.throwIfAborted(); // by a getter of the value
      const outcome = late ? this.#post(length, true) : this.#postOrLook(length);
      if (outcome === Sent.CLOSED) throw new ChannelClosedError(value);
      if (outcome === Sent.FULL) return this.#wait(value, length, timeout, signal, onSent);
      onSent?.sent(this.#ring.sent);
      return SENT;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends `value` if there is room now and nobody waits for it. `false`: nothing was sent.
   *
   * @throws ChannelClosedError, NotSendableError, TaskTooLargeError
   */
  trySend(value: T, onSent?: OnSent): boolean {
    const outcome = this.#post(this.#encode(value));
    if (outcome === Sent.YES) onSent?.sent(this.#ring.sent);
    if (outcome === Sent.CLOSED) throw new ChannelClosedError(value);
    return outcome === Sent.YES;
  }

  /**
   * Sends `value` and blocks the thread, event loop and all, until it is in the channel. For producer threads; on a
   * server's main thread it stalls every connection: use `send` there.
   *
   * @throws Error (ERR_WOULD_DEADLOCK) on the thread that runs the receiver; SendTimeoutError, ChannelClosedError,
   * NotSendableError, TaskTooLargeError; TypeError or RangeError for a wrong option
   */
  blockingSend(value: T, options: Omit<SendOptions, 'signal'> = NO_OPTIONS, onSent?: OnSent): void {
    const { timeout } = checked(options);
    if (this.#ring.receiverThread === threadId && !this.#ring.closed) {
      const why = 'blockingSend on the thread that runs the receiver would deadlock: use `await send(…)`';
      throw Object.assign(new Error(why), { code: 'ERR_WOULD_DEADLOCK' });
    }
    const length = this.#encode(value);
    let outcome = this.#postOrLook(length);
    if (outcome === Sent.YES) onSent?.sent(this.#ring.sent);
    else if (outcome === Sent.FULL && timeout > 0) {
      const scratch = copyOf(this.#encoder, length);
      outcome = this.#waiting.block(scratch, length, performance.now() + timeout, onSent);
    }
    if (outcome === Sent.CLOSED) throw new ChannelClosedError(value);
    if (outcome === Sent.FULL) throw new SendTimeoutError(value, timeout);
  }

  /**
   * Takes back a message of this sender, sent at this position, fewer than `limit` ago. `false`: it has been taken. Its
   * place is free when its turn comes.
   */
  takeBack(position: number): boolean {
    return this.#ring.takeBack(position, this.#seat.seat);
  }

  /** A sender for another thread: attach the handle there. Counts as open from now on; see {@link Sender.bury}. */
  share(): SenderHandle<T> {
    if (this.#closed) throw new Error('This sender is closed: share it before');
    return { kind: 'sender', memory: this.memory, ...openSeat(this.#ring.words) };
  }

  /**
   * For the thread that sees the exit of a thread with a sender: closes that sender, if it was not closed, and gives up
   * what it left half-written. Without this, a thread terminated in the middle of a send holds up the receiver for ever.
   * Any sender of any channel will do, closed or not; its thread must not be ended meanwhile.
   */
  bury(handle: SenderHandle<T>): void {
    expectHandle(handle);
    const ring = new Ring(handle.memory);
    bury(handle, ring, new Calls(ring));
  }

  /** Sends nothing more. Sends that wait for room go on waiting; after the last sender's last message, `recv` ends. */
  close(): void {
    this.#closed = true;
    this.#end();
  }

  #end(): void {
    if (this.#closed && this.#waiting.count === 0) closeSeat(this.#ring, this.#seat);
  }

  #encode(value: T): number {
    if (value === undefined)
      throw new TypeError('Expected a message, got undefined, which means the end: send null');
    if (this.#closed) throw new ChannelClosedError(value);
    return this.#encoder.encode(value);
  }

  /** Posts the encoder's message, unless older ones of this thread wait. */
  #post(length: number, late = false): Sent {
    if (this.#waiting.count > 0) return this.#ring.closed ? Sent.CLOSED : Sent.FULL;
    const outcome = this.#ring.post(this.#encoder, length, this.#seat.seat, this.#calls.turn);
    if (outcome === Sent.YES) {
      if (late) this.#wakeLate();
      else this.#ring.bell.ring();
    }
    return outcome;
  }

  /** Posts, perhaps after a look for room. */
  #postOrLook(length: number): Sent {
    const outcome = this.#post(length);
    if (outcome !== Sent.FULL || this.#waiting.count > 0 || this.#calls.mustWait) return outcome;
    this.#ring.bell.rouse(); // a receiver that naps makes no room
    return this.#look.until(this.#hasRoom) ? this.#post(length) : outcome;
  }

  #wakeLate(): void {
    if (duties.has(this.#wake)) return;
    duties.add(this.#wake);
    setImmediate(this.#wake);
  }

  /** Waits without blocking. */
  #wait(
    value: T,
    length: number,
    timeout: number,
    signal: AbortSignal | undefined,
    onSent: OnSent | undefined,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const expire = () => this.#waiting.expire(send, new SendTimeoutError(value, timeout));
      const timer = timeout <= MAX_TIMER ? setTimeout(expire, timeout) : undefined;
      const settle = (outcome: Sent, reason?: unknown): void => {
        clearTimeout(timer);
        if (outcome === Sent.YES) resolve();
        else reject(outcome === Sent.CLOSED ? new ChannelClosedError(value) : reason);
      };
      const send: WaitingSend = { scratch: copyOf(this.#encoder, length), length, signal, onSent, settle };
      this.#waiting.add(send);
    });
  }
}

function expectHandle<T>(handle: SenderHandle<T>): void {
  if (handle?.kind !== 'sender') throw new TypeError('Expected a handle made by `sender.share()`');
}
