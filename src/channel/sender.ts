/**
 * The sending half of a channel: how a send waits for room, as a promise or with the thread blocked.
 *
 * A sender's waiting messages are in two lists, oldest first: `tickets` hold a position in the ring, and behind them
 * `line` holds those that found no free cell. One parking word for each sender wakes them all.
 */
import { setMaxListeners } from 'node:events';
import { threadId } from 'node:worker_threads';
import { Encoder } from '../codec/index.js';
import { announce, park, parkAsync, pause, retract, SLICE_MS, threadAlive } from './park.js';
import { type Claimant, type Link, Outcome, Ring, type Scratch } from './ring.js';
import { type Bell, type Life, MAX_SENDERS } from './roster.js';

/** The channel is closed. `value` is what could not be sent. */
export class ChannelClosedError extends Error {
  override readonly name = 'ChannelClosedError';
  readonly code = 'ERR_CHANNEL_CLOSED';
  readonly value: unknown;

  constructor(value: unknown) {
    super('The channel is closed: the message was not sent, and is given back as `value`');
    this.value = value;
  }
}

/** There was no room in time. `value` is what could not be sent. */
export class SendTimeoutError extends Error {
  override readonly name = 'SendTimeoutError';
  readonly code = 'ERR_SEND_TIMEOUT';
  readonly value: unknown;

  constructor(value: unknown, timeout: number) {
    super(
      `The channel stayed full for ${timeout} ms: the message was not sent, and is given back as \`value\``,
    );
    this.value = value;
  }
}

/** What a sender is while it travels to another thread, in `workerData` or by `postMessage`. */
export interface SenderHandle<T> {
  readonly kind: 'sender';
  readonly memory: SharedArrayBuffer;
  readonly companion?: SharedArrayBuffer | undefined;
  readonly slot: number;
  readonly life: number;
  /** Only for the type checker: what the channel carries. */
  readonly carries?: (value: T) => void;
}

/** How long a send may wait for room, and who follows it. */
export interface SendOptions extends Partial<Claimant> {
  /** In milliseconds. Default: for ever. */
  readonly timeout?: number | undefined;
  /** Gives the send up when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

const NO_OPTIONS: SendOptions = Object.freeze({});

function claimantIn(options: SendOptions): Claimant | undefined {
  return options.claimed === undefined ? undefined : (options as Claimant);
}

const MAX_TIMER = 2 ** 31 - 1; // a longer timer would fire at once

function expectTimeout(timeout: number | undefined): number {
  if (timeout === undefined) return Number.POSITIVE_INFINITY;
  if (typeof timeout === 'number' && timeout >= 0) return timeout;
  throw new RangeError(
    `Expected \`timeout\` to be a number of milliseconds from 0 up, got ${String(timeout)}`,
  );
}

/** An async send that waits for room. */
interface Waiting<T> {
  readonly value: T;
  position: number;
  /** The encoded message, while it has no position. */
  message: Scratch | undefined;
  readonly length: number;
  readonly claimant: Claimant | undefined;
  /** Takes the timer and the abort listener away and settles the promise. */
  settle(error?: unknown): void;
}

/** How long a blocked thread looks for room before it parks, in microseconds. */
const SENDER_SPIN = 80;
/** The same for a thread that does not block, while it pays: an event loop is waiting. */
const ASYNC_SPIN = 8;
/** The longest pause between two of these looks. Short tasks make room for a batch of messages meanwhile. */
const MAX_PAUSE = 8;
/** What an admitted `send` returns, without making a promise of its own. */
const ADMITTED: Promise<void> = Promise.resolve();

/** The sending half. Each belongs to one thread; {@link Sender.share} makes one for another thread. */
export class Sender<T> {
  /** @internal */
  readonly link: Link;
  /** @internal What whoever uses the channel keeps with this sender; the channel never looks at it. */
  attachment: unknown;
  /** This sender's number among the channel's open senders, 0 to 30. */
  readonly slot: number;
  readonly #life: Life;
  readonly #ring: Ring;
  readonly #encoder: Encoder;
  readonly #bell: Bell;
  readonly #tickets: Waiting<T>[] = [];
  readonly #line: Waiting<T>[] = [];
  readonly #pause: number;
  #asyncSpin = ASYNC_SPIN;
  #parked = false;
  #inLine = false;
  #closed = false;
  #gone = false;

  /** @internal Use `channel` or `Sender.attach`. */
  constructor(ring: Ring, life: Life, link: Link) {
    this.link = link;
    this.slot = life.slot;
    this.#life = life;
    this.#ring = ring;
    this.#encoder = new Encoder(ring.maxBytes);
    this.#bell = ring.roster.bell(life.slot);
    this.#pause = Math.min(Math.max(ring.capacity >> 2, 1), MAX_PAUSE);
  }

  /** The sender that another thread made for this one with {@link Sender.share}. A handle is attached once. */
  static attach<T>(handle: SenderHandle<T>): Sender<T> {
    if (handle?.kind !== 'sender') throw new TypeError('Expected a handle made by `sender.share()`');
    return new Sender<T>(new Ring(handle.memory), handle, handle);
  }

  /** Messages the channel has room for. */
  get capacity(): number {
    return this.#ring.capacity;
  }

  /** Messages admitted and not yet taken. */
  get length(): number {
    return this.#ring.length;
  }

  /**
   * Sends `value`. Resolves when it is admitted: there was room, and it will be received. Values are copied at the call.
   *
   * Rejects, and then the value is never received, with SendTimeoutError, with the signal's reason, with
   * ChannelClosedError, with NotSendableError or TaskTooLargeError.
   */
  send(value: T, options: SendOptions = NO_OPTIONS): Promise<void> {
    try {
      const timeout = expectTimeout(options.timeout);
      options.signal?.throwIfAborted();
      const length = this.#encode(value);
      const claimant = claimantIn(options);
      let outcome = this.#line.length > 0 ? Outcome.FULL : this.#post(this.#encoder, length, claimant);
      if (outcome === Outcome.WAITING) outcome = this.#lookAWhile();
      if (outcome === Outcome.ADMITTED) return ADMITTED;
      if (outcome === Outcome.CLOSED) throw new ChannelClosedError(value);
      return this.#wait(value, length, outcome, timeout, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends `value` if there is room now. `false`: the channel is full, nothing was sent.
   *
   * @throws ChannelClosedError, NotSendableError, TaskTooLargeError
   */
  trySend(value: T, options: Partial<Claimant> = NO_OPTIONS): boolean {
    const length = this.#encode(value);
    if (this.#line.length > 0 && !this.#ring.closed) return false;
    const outcome = this.#ring.post(this.slot, this.#encoder, length, true, claimantIn(options));
    if (outcome === Outcome.CLOSED) throw new ChannelClosedError(value);
    return outcome === Outcome.ADMITTED;
  }

  /**
   * Sends `value` and blocks the thread, event loop and all, until it is admitted. For producer threads; on a server's
   * main thread it stalls every connection, and nobody could restart a receiver that died meanwhile: use `send` there.
   *
   * @throws Error (ERR_WOULD_DEADLOCK) on the thread that runs the receiver; SendTimeoutError, ChannelClosedError,
   * NotSendableError, TaskTooLargeError
   */
  blockingSend(value: T, options: Omit<SendOptions, 'signal'> = NO_OPTIONS): void {
    const patience = expectTimeout(options.timeout);
    const claimant = claimantIn(options);
    expectOtherThread(this.#ring);
    const length = this.#encode(value);
    let outcome = this.#line.length > 0 ? Outcome.FULL : this.#post(this.#encoder, length, claimant);
    if (outcome === Outcome.ADMITTED) return;
    outcome = this.#block(length, outcome, performance.now() + patience, claimant);
    if (outcome === Outcome.CLOSED) throw new ChannelClosedError(value);
    if (outcome !== Outcome.ADMITTED) throw new SendTimeoutError(value, patience);
  }

  /** A sender for another thread: attach the handle there. Counts as open from now on; see {@link Sender.bury}. */
  share(): SenderHandle<T> {
    return { kind: 'sender', ...this.link, ...openSender(this.#ring) };
  }

  /**
   * For whoever sees the exit of a thread that had a sender: closes it, if it was not closed, and gives up what it left
   * half-written. Without this, a thread terminated in the middle of a send holds up the receiver for ever.
   */
  bury(handle: SenderHandle<T>): void {
    this.#ring.bury(handle);
  }

  /** Sends nothing more. Sends that wait for room go on waiting; after the last sender's last message, `recv` ends. */
  close(): void {
    this.#closed = true;
    this.#leave();
  }

  #leave(): void {
    if (!this.#closed || this.#gone || this.#tickets.length + this.#line.length > 0) return;
    this.#gone = true;
    this.#ring.closeSender(this.#life);
  }

  #encode(value: T): number {
    if (value === undefined)
      throw new TypeError('Expected a message, got undefined, which means the end: send null');
    if (this.#closed) throw new ChannelClosedError(value);
    return this.#encoder.encode(value);
  }

  #post(message: Scratch, length: number, claimant: Claimant | undefined): Outcome {
    return this.#ring.post(this.slot, message, length, false, claimant);
  }

  /** While the receiver makes room quickly, looking for a few microseconds is cheaper than being woken. */
  #lookAWhile(): Outcome {
    const position = this.#ring.posted;
    let outcome: Outcome = Outcome.WAITING;
    for (let spent = 0; spent < this.#asyncSpin && outcome === Outcome.WAITING; ) {
      const microseconds = Math.min(this.#pause, this.#asyncSpin);
      pause(microseconds);
      spent += microseconds;
      outcome = this.#ring.outcome(position, this.slot);
    }
    this.#asyncSpin = outcome === Outcome.ADMITTED ? ASYNC_SPIN : 1; // while it is busy, one short look each time
    return outcome;
  }

  // ── Waiting without blocking ───────────────────────────────────────────────────────────────────────────────────

  #wait(value: T, length: number, outcome: Outcome, timeout: number, options: SendOptions): Promise<void> {
    const { signal } = options;
    const claimant = claimantIn(options);
    const position = this.#ring.posted;
    return new Promise((resolve, reject) => {
      const expire = () => this.#giveUp(waiting, new SendTimeoutError(value, timeout));
      const abort = () => this.#giveUp(waiting, signal?.reason);
      const timer = timeout <= MAX_TIMER ? setTimeout(expire, timeout) : undefined;
      if (signal !== undefined) setMaxListeners(0, signal); // one signal may stop any number of sends
      signal?.addEventListener('abort', abort);
      const settle = (error?: unknown): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        threadAlive.release();
        if (error === undefined) resolve();
        else reject(error);
      };
      const waiting: Waiting<T> = { value, length, position, message: undefined, claimant, settle };
      threadAlive.hold();
      if (outcome === Outcome.WAITING) this.#tickets.push(waiting);
      else this.#standInLine(waiting);
      this.#parkAsync();
    });
  }

  #standInLine(waiting: Waiting<T>): void {
    const bytes = new Uint8Array(Math.ceil(waiting.length / 4) * 4);
    bytes.set(this.#encoder.bytes.subarray(0, bytes.length));
    waiting.message = { bytes, words: new Int32Array(bytes.buffer) };
    this.#line.push(waiting);
    this.#enterLine();
  }

  #enterLine(): void {
    if (!this.#inLine) this.#ring.roster.joinLine(this.slot);
    this.#inLine = true;
  }

  #exitLine(): void {
    if (this.#inLine) this.#ring.roster.leaveLine(this.slot);
    this.#inLine = false;
  }

  /** Settles whatever has been decided, oldest first. */
  #settle(): void {
    for (let first = this.#tickets[0]; first !== undefined; first = this.#tickets[0]) {
      const outcome = this.#ring.outcome(first.position, this.slot);
      if (outcome === Outcome.WAITING) break;
      this.#tickets.shift();
      first.settle(outcome === Outcome.CLOSED ? new ChannelClosedError(first.value) : undefined);
    }
    for (let first = this.#line[0]; first?.message !== undefined; first = this.#line[0]) {
      const outcome = this.#post(first.message, first.length, first.claimant);
      if (outcome === Outcome.FULL) break;
      this.#line.shift();
      this.#exitLine();
      if (this.#line.length > 0) this.#enterLine(); // a new turn for the next
      if (outcome === Outcome.WAITING) {
        first.position = this.#ring.posted;
        this.#tickets.push(first);
      } else first.settle(outcome === Outcome.CLOSED ? new ChannelClosedError(first.value) : undefined);
    }
    this.#leave();
  }

  /** Makes sure that one `waitAsync` is under way while anything waits. */
  #parkAsync(): void {
    const { words, at } = this.#bell;
    if (!this.#parked) announce(words, at);
    this.#settle(); // the second look
    if (this.#parked) return;
    this.#parked = this.#tickets.length + this.#line.length > 0;
    if (!this.#parked) retract(words, at);
    else void parkAsync(words, at).then(() => this.#woken());
  }

  #woken(): void {
    this.#parked = false;
    this.#parkAsync();
  }

  /** A wait has timed out or was aborted. If it has been admitted in the same moment, it has succeeded. */
  #giveUp(waiting: Waiting<T>, reason: unknown): void {
    const inTickets = this.#tickets.indexOf(waiting);
    if (inTickets >= 0) {
      this.#tickets.splice(inTickets, 1);
      waiting.settle(this.#ring.withdraw(waiting.position, this.slot) ? reason : undefined);
    } else {
      this.#line.splice(this.#line.indexOf(waiting), 1);
      if (this.#line.length === 0) this.#exitLine();
      waiting.settle(reason);
    }
    this.#leave();
  }

  // ── Waiting with the thread blocked ────────────────────────────────────────────────────────────────────────────

  /** Waits until the encoder's message is admitted. `outcome`: WAITING at `posted`, or FULL and not posted yet. */
  #block(length: number, outcome: Outcome, deadline: number, claimant: Claimant | undefined): Outcome {
    let now = outcome;
    let position = this.#ring.posted;
    let announced = false;
    for (let spent = 0; now === Outcome.WAITING || now === Outcome.FULL; spent += this.#pause) {
      if (announced && (now === Outcome.WAITING || this.#inLine)) {
        const left = deadline - performance.now();
        if (left <= 0) break;
        park(this.#bell.words, this.#bell.at, Math.min(left, SLICE_MS));
        announced = false;
      } else if (spent > SENDER_SPIN) {
        if (now === Outcome.FULL) this.#enterLine();
        announce(this.#bell.words, this.#bell.at);
        announced = true; // then look once more before parking
      }
      pause(this.#pause);
      if (now === Outcome.WAITING) now = this.#ring.outcome(position, this.slot);
      else {
        now = this.#postBehindLine(length, claimant);
        position = this.#ring.posted;
      }
    }
    if (!this.#parked) retract(this.#bell.words, this.#bell.at);
    if (this.#line.length === 0) this.#exitLine();
    if (now === Outcome.WAITING && !this.#ring.withdraw(position, this.slot)) return Outcome.ADMITTED;
    return now;
  }

  /** This thread's async sends stood in line first, and while it blocks, its event loop cannot help them. */
  #postBehindLine(length: number, claimant: Claimant | undefined): Outcome {
    this.#settle();
    return this.#line.length > 0 ? Outcome.FULL : this.#post(this.#encoder, length, claimant);
  }
}

function expectOtherThread(ring: Ring): void {
  if (ring.receiverThread !== threadId) return;
  const error = new Error(
    'blockingSend on the thread that runs the receiver would deadlock: use `await send(…)`',
  );
  throw Object.assign(error, { code: 'ERR_WOULD_DEADLOCK' });
}

/** Opens a sender. */
export function openSender(ring: Ring): Life {
  const life = ring.roster.open();
  if (life === undefined)
    throw new RangeError(`Expected at most ${MAX_SENDERS} open senders: close one first`);
  return life;
}
