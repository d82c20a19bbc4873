/** The receiving half of a channel: how the one receiver waits for messages and takes them out. */
import { threadId } from 'node:worker_threads';
import { Decoder } from '../codec/index.js';
import { BLOCK_MS, Look, NAP_MS } from './look.js';
import { doDuties, duties, keepAlive, SLICE_MS } from './park.js';
import { EMPTY, END, Ring } from './ring.js';
import { Calls, LOOK_MS } from './waiting.js';

/** What a receiver is while it travels to another thread, in `workerData` or by `postMessage`. */
export interface ReceiverHandle<T> {
  readonly kind: 'receiver';
  readonly memory: SharedArrayBuffer;
  readonly carries?: (value: T) => void;
}

/** What the receiver's thread does on the way of each message. */
export interface Hooks {
  /** The next message is about to be taken. `id`: how many have left the channel before it, counted on past the limit. */
  taking(id: number): void;
  /**
   * This thread has nothing else to do: a `recv` may block it for a moment, event loop and all (look.ts). The caller gives
   * the event loop its turns between calls.
   */
  readonly mayNap: boolean;
}

const NO_HOOKS: Hooks = { taking() {}, mayNap: false };
const LOOK_PAUSE_US = 1;

/** The receiving half. One thread at a time has it. */
export class Receiver<T> {
  /** Messages that the channel has room for. */
  readonly capacity: number;
  /** The largest message, in encoded bytes. */
  readonly maxBytes: number;
  /** The positions of messages are counted modulo this. */
  readonly limit: number;
  /** @internal Says which channel it is. */
  readonly memory: SharedArrayBuffer;
  readonly #ring: Ring;
  readonly #calls: Calls;
  readonly #decoder: Decoder;
  readonly #hooks: Hooks;
  readonly #look = new Look(LOOK_PAUSE_US);
  /** The senders are called after so many messages, if looks pay, and when there is none. */
  readonly #batch: number;
  #untilCall: number;
  #receiving = false;
  #away = false;
  readonly #hasNext = (): boolean => this.#ring.hasNext;
  readonly #isReady = (): boolean => this.#peek() !== EMPTY; // it may skip a message, and so free room
  readonly #nap = (): boolean => {
    this.#ring.bell.wait(this.#isReady, NAP_MS, true);
    if (!this.#ring.hasNext) this.#ring.bell.wait(this.#isReady, BLOCK_MS);
    return this.#isReady();
  };

  /** @internal Use `channel` or `Receiver.attach`. */
  constructor(memory: SharedArrayBuffer, hooks: Hooks = NO_HOOKS) {
    this.#ring = new Ring(memory);
    const { capacity, maxBytes, limit } = this.#ring;
    this.capacity = capacity;
    this.maxBytes = maxBytes;
    this.limit = limit;
    this.memory = memory;
    this.#calls = new Calls(this.#ring);
    this.#decoder = new Decoder(maxBytes);
    this.#hooks = hooks;
    this.#batch = Math.max(capacity >> 1, 1);
    this.#untilCall = this.#batch;
    this.#ring.receiverThread = threadId;
  }

  /**
   * The receiver that was handed over with {@link Receiver.share}. The former receiver's thread must have ended, or
   * must never receive again; the new one goes on at the message where the old one stopped.
   */
  static attach<T>(handle: ReceiverHandle<T>, hooks?: Hooks): Receiver<T> {
    if (handle?.kind !== 'receiver') throw new TypeError('Expected a handle made by `receiver.share()`');
    const receiver = new Receiver<T>(handle.memory, hooks);
    receiver.#calls.repeat(); // the former one may have been killed in the middle of a call
    return receiver;
  }

  /** The message at this position is still in the channel. Of any that was sent fewer than `limit` positions ago. */
  isHere(position: number): boolean {
    return this.#ring.isHere(position);
  }

  /** Messages in the channel: sent and not yet taken, or being written. */
  get length(): number {
    return this.#ring.length;
  }

  /**
   * The next message, or `undefined` when the channel is closed and drained. Only one call at a time.
   *
   * @throws CorruptMessageError for a message that cannot be decoded; it is taken out, the next call goes on
   */
  async recv(): Promise<T | undefined> {
    this.#expectHere();
    for (;;) {
      const length = this.#peekOrLook();
      if (length === END) return undefined;
      if (length === EMPTY) await this.#sleep();
      else if (this.#take(length)) return this.#decoder.decode(length) as T;
    }
  }

  /** The next message, or `undefined` if there is none now (or none any more: then `recv` says so at once). */
  tryRecv(): T | undefined {
    this.#expectHere();
    for (let length = this.#peek(); length >= 0; length = this.#peek())
      if (this.#take(length)) return this.#decoder.decode(length) as T;
    return undefined;
  }

  /** Like {@link Receiver.recv}, but blocks the thread, its timers and sockets included. */
  blockingRecv(): T | undefined {
    this.#expectHere();
    for (;;) {
      const length = this.#peekOrLook();
      if (length === END) return undefined;
      if (length === EMPTY) {
        doDuties(); // a duty may need a second try
        this.#ring.bell.wait(this.#isReady, duties.size > 0 ? LOOK_MS : SLICE_MS);
      } else if (this.#take(length)) return this.#decoder.decode(length) as T;
    }
  }

  /** All messages, until the channel is closed and drained. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (let value = await this.recv(); value !== undefined; value = await this.recv()) yield value;
  }

  /** Hands the receiver to another thread, which attaches the handle; this one receives no more. */
  share(): ReceiverHandle<T> {
    this.#expectHere();
    this.#away = true;
    this.#ring.receiverThread = -1;
    return { kind: 'receiver', memory: this.memory };
  }

  /**
   * Closes the channel: new and waiting sends fail with ChannelClosedError, which gives the value back. What was sent
   * can still be received. Allowed in a thread that has handed the receiver over, too.
   */
  close(): void {
    this.#ring.close();
    this.#calls.callAll();
  }

  /**
   * For a queue that is given up: closes the channel and takes out what is left, without waiting for messages that are
   * still being written: their sends fail. `each` is told every message and its position; `undefined`: it cannot be decoded.
   */
  discard(each: (position: number, value: T | undefined) => void): void {
    this.#expectHere();
    this.close();
    this.#ring.abort();
    for (;;) {
      let value: T | undefined;
      try {
        value = this.tryRecv();
        if (value === undefined) return;
      } catch {
        // It has been taken out.
      }
      each(this.#ring.taken - 1, value);
    }
  }

  /** Wakes all senders that wait. Those that find no room wait again. */
  callAll(): void {
    this.#calls.callAll();
  }

  #expectHere(): void {
    if (this.#away) throw new Error('This receiver was handed to another thread: receive there');
    if (this.#receiving) throw new Error('Expected one `recv` at a time: await the former call first');
  }

  /** Of an empty channel, all room is free: senders that wait are called. */
  #peek(): number {
    const length = this.#ring.peek();
    if (length === EMPTY) this.#calls.callIfWaits();
    return length;
  }

  #peekOrLook(): number {
    const length = this.#peek();
    return length === EMPTY && this.#look.until(this.#hasNext) ? this.#peek() : length;
  }

  async #sleep(): Promise<void> {
    if (this.#hooks.mayNap && this.#look.nap(this.#nap)) return;
    this.#receiving = true;
    keepAlive(1);
    await this.#ring.bell.waitAsync(this.#isReady);
    keepAlive(-1);
    this.#receiving = false;
  }

  /** Copies the message out and takes it. `false`: it has just been taken back. */
  #take(length: number): boolean {
    const ring = this.#ring;
    const size = Math.min(length, ring.maxBytes); // a length that lies: the decoder says so
    ring.copyNext(this.#decoder, size);
    this.#hooks.taking(ring.taken);
    const taken = ring.take();
    if (--this.#untilCall === 0) {
      this.#untilCall = this.#batch;
      if (this.#look.pays) this.#calls.callIfWaits(); // else the sender would only interrupt this thread
    }
    return taken;
  }
}
