/** The receiving half of a channel: how the one receiver waits for messages and takes them out. */
import { threadId } from 'node:worker_threads';
import { CorruptMessageError, Decoder } from '../codec/index.js';
import { noneWaiting, postAllWaiting } from './blocked.js';
import { keepAlive, SLICE_MS } from './park.js';
import { IN_LINE_MS, ReceiverPatience } from './patience.js';
import { EMPTY, END, type Link, Ring, type Skipped } from './ring.js';

/** What a receiver is while it travels to another thread, in `workerData` or by `postMessage`. */
export interface ReceiverHandle<T> extends Link {
  readonly kind: 'receiver';
  readonly carries?: (value: T) => void;
}

/** Looks at a message, or at what is wrong with it, and its position, before it leaves the channel. */
export type Accept<T> = (value: T | CorruptMessageError, position: number) => boolean;

/** The receiving half. One thread at a time has it. */
export class Receiver<T> {
  /** @internal */
  readonly link: Link;
  readonly #ring: Ring;
  readonly #decoder: Decoder;
  readonly #patience: ReceiverPatience;
  #receiving = false;
  #away = false;

  /** @internal Use `channel` or `Receiver.attach`. */
  constructor(ring: Ring, link: Link) {
    this.link = link;
    this.#ring = ring;
    this.#decoder = new Decoder(ring.memory.maxBytes);
    this.#patience = new ReceiverPatience(ring);
    ring.receiverThread = threadId;
  }

  /**
   * The receiver that was handed over with {@link Receiver.share}. The former receiver's thread must have ended, or
   * must never receive again; the new one goes on at the message where the old one stopped. `onSkip` is told of the
   * positions between messages that hold none, each while it still stands in the channel.
   */
  static attach<T>(handle: ReceiverHandle<T>, onSkip?: Skipped): Receiver<T> {
    if (handle?.kind !== 'receiver') throw new TypeError('Expected a handle made by `receiver.share()`');
    const ring = new Ring(handle.memory);
    if (onSkip !== undefined) ring.onSkip = onSkip;
    ring.takeOver();
    return new Receiver<T>(ring, handle);
  }

  /** Messages the channel has room for. */
  get capacity(): number {
    return this.#ring.capacity;
  }

  /** Messages claimed and not yet taken: what has been sent, and what is being written. */
  get length(): number {
    return this.#ring.length;
  }

  /**
   * The next message, or `undefined` when the channel is closed and drained. Only one call at a time.
   *
   * `accept` is called with each message while it still stands in the channel: if the thread dies in there, the next
   * receiver gets the message again. `false` drops it. Of a message that cannot be decoded it gets the error.
   *
   * `patient`: this thread has nothing else to do. Then a call may block the thread for a millisecond, event loop and all:
   * it is woken in less time then, see patience.ts. Between calls, see to it that the event loop has its turns.
   *
   * @throws CorruptMessageError for a message that cannot be decoded; it is taken out, the next call goes on
   */
  async recv(accept?: Accept<T>, patient = false): Promise<T | undefined> {
    this.#expectHere();
    let mayNap = patient;
    for (let length = this.#look(); ; length = this.#ring.peek()) {
      if (length === END) return undefined;
      if (length === EMPTY) {
        if (mayNap && noneWaiting() && this.#patience.nap()) {
          mayNap = false; // if that message is dropped, the event loop has its turn
          continue;
        }
        this.#receiving = true;
        keepAlive(1);
        await this.#ring.bell.waitAsync(() => this.#ring.peek() !== EMPTY, 10 * SLICE_MS);
        keepAlive(-1);
        this.#receiving = false;
      } else {
        const value = this.#take(length, accept);
        if (value !== undefined) return value;
      }
    }
  }

  /** The next message, or `undefined` if there is none now (or none any more: then `recv` says so at once). */
  tryRecv(accept?: Accept<T>): T | undefined {
    this.#expectHere();
    for (let length = this.#ring.peek(); length >= 0; length = this.#ring.peek()) {
      const value = this.#take(length, accept);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Like {@link Receiver.recv}, but blocks the thread, its timers and sockets included. */
  blockingRecv(): T | undefined {
    this.#expectHere();
    for (let length = this.#look(); ; length = this.#ring.peek()) {
      if (length !== EMPTY) return length === END ? undefined : this.#take(length);
      const ready = () => {
        postAllWaiting();
        return this.#ring.peek() !== EMPTY;
      };
      this.#ring.bell.wait(ready, postAllWaiting() ? SLICE_MS : IN_LINE_MS);
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
    return { kind: 'receiver', ...this.link };
  }

  /**
   * Closes the channel: new and waiting sends fail with ChannelClosedError, which gives the value back. What was sent
   * can still be received. Allowed in a thread that has handed the receiver over, too.
   */
  close(): void {
    this.#ring.close();
  }

  /**
   * For a queue that is given up: closes the channel and takes out what is left, without waiting for messages that are
   * still being written: their sends fail. `each` gets every message's position; one that cannot be decoded counts too.
   */
  discard(each: (position: number) => void): void {
    this.#expectHere();
    this.close();
    this.#ring.abortUnfinished();
    while (this.#ring.peek() >= 0) {
      each(this.#ring.position);
      this.#ring.advance();
    }
  }

  #expectHere(): void {
    if (this.#away) throw new Error('This receiver was handed to another thread: receive there');
    if (this.#receiving) throw new Error('Expected one `recv` at a time: await the former call first');
  }

  /** Looks for a message, for some microseconds at most. */
  #look(): number {
    const length = this.#ring.peek();
    return length === EMPTY ? this.#patience.look() : length;
  }

  /**
   * Takes the message of that length. It leaves the channel only after it has been decoded and accepted. `undefined`:
   * it was dropped.
   */
  #take(length: number, accept?: Accept<T>): T | undefined {
    try {
      const value = this.#decode(length);
      if (accept !== undefined && !accept(value, this.#ring.position)) return undefined;
      if (value instanceof CorruptMessageError) throw value;
      return value;
    } catch (error) {
      if (error instanceof CorruptMessageError) error.position = this.#ring.position;
      throw error;
    } finally {
      this.#ring.advance();
    }
  }

  /** The message of that length, or what is wrong with it. */
  #decode(length: number): T | CorruptMessageError {
    if (length > this.#ring.memory.maxBytes) return new CorruptMessageError(`a length of ${length} bytes`);
    this.#ring.copyOut(this.#decoder, length);
    try {
      return this.#decoder.decode(length) as T;
    } catch (error) {
      if (error instanceof CorruptMessageError) return error;
      throw error;
    }
  }
}
