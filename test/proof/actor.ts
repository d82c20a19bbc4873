/** What a thread of a scenario can do with the channel; each action tells the witness how it came out. */
import type { SenderHandle } from '#channel';
import { Await, call, type LoopPromise, promiseOf, type Steps, type Thread } from './loop.js';
import type { Seen } from './moment.js';
import type { InstrumentedReceiver, InstrumentedSender, ThreadSeat } from './realm.js';
import type { Refusal } from './witness.js';
import type { World } from './world.js';

export type How = 'async' | 'blocking';

/** As much of an AbortSignal as the channel uses, but its listeners are generators. */
class Signal {
  readonly reason = { code: 'aborted' };
  aborted = false;
  readonly #listeners: (() => unknown)[] = [];

  addEventListener(_: 'abort', listener: () => unknown): void {
    this.#listeners.push(listener);
  }

  removeEventListener(_: 'abort', listener: () => unknown): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  *abort(): Steps<void> {
    this.aborted = true;
    for (const listener of [...this.#listeners]) yield* call(listener());
  }
}

const CODES: Readonly<Record<string, Refusal>> = {
  ERR_SEND_TIMEOUT: 'timeout',
  ERR_CHANNEL_CLOSED: 'closed',
  aborted: 'aborted',
};

export class Actor {
  readonly thread: Thread;
  readonly world: World;
  readonly seat: ThreadSeat;
  #tx: InstrumentedSender | undefined;
  #rx: InstrumentedReceiver | undefined;

  constructor(world: World, seat: ThreadSeat) {
    this.world = world;
    this.seat = seat;
    this.thread = seat.thread;
  }

  /** Before the run: attaches what the thread has. */
  *prepare(has: 'sender' | 'receiver' | 'nothing'): Steps<void> {
    this.seat.reset();
    if (has === 'sender') yield* this.attachSender(this.world.handles.get(this.thread.index));
    if (has === 'receiver') yield* this.attachReceiver();
  }

  *attachSender(handle: unknown): Steps<void> {
    this.#tx = yield* call(this.seat.instance.sender.Sender.attach(handle));
  }

  get sender(): InstrumentedSender {
    if (this.#tx === undefined) throw new TypeError('Expected a thread with a sender');
    return this.#tx;
  }

  get receiver(): InstrumentedReceiver {
    if (this.#rx === undefined) throw new TypeError('Expected a thread with a receiver');
    return this.#rx;
  }

  ask<T extends Seen>(effect: () => T): T {
    return this.thread.past.ask(effect);
  }

  /** The `n`th message of this thread. */
  message(n: number): number {
    return 10 * this.thread.index + n;
  }

  /** As it is sent: a number; or a text too long for a cell. */
  #value(message: number): unknown {
    return this.world.scenario.long ? String(message).padEnd(80, '.') : message;
  }

  // ── Sender ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A send begins. `true`: the channel is closed, so it must fail. */
  sends(value: number, mustGo = false): boolean {
    const { thread } = this;
    const { witness } = this.world;
    this.ask(() => witness.sends(thread, value, mustGo));
    return this.ask(() => witness.state.closed);
  }

  admitted(value: number, mustFail: boolean): void {
    this.ask(() => this.world.witness.admitted(value, mustFail));
  }

  refused(value: number, error: unknown): void {
    const why = CODES[(error as { code?: string }).code ?? ''];
    if (why === undefined) throw error;
    this.#refused(value, why);
  }

  #refused(value: number, why: Refusal): void {
    const { witness, scenario } = this.world;
    this.ask(() => witness.refused(value, why, scenario.refusals ?? []));
  }

  *blockingSend(n: number, timeout?: number): Steps<void> {
    const value = this.message(n);
    const mustFail = this.sends(value);
    try {
      yield* call(this.sender.blockingSend(this.#value(value), timeout === undefined ? {} : { timeout }));
    } catch (error) {
      return this.refused(value, error);
    }
    this.admitted(value, mustFail);
  }

  *trySend(n: number): Steps<boolean> {
    const value = this.message(n);
    const mustFail = this.sends(value, this.sender.waiting === 0);
    try {
      if (yield* call(this.sender.trySend(this.#value(value)))) {
        this.admitted(value, mustFail);
        return true;
      }
      this.#refused(value, 'full');
    } catch (error) {
      this.refused(value, error);
    }
    return false;
  }

  /** Starts a send and goes on; `settled` waits for it. */
  *send(n: number, options: object = {}, late = false): Steps<LoopPromise> {
    const value = this.message(n);
    const mustFail = this.sends(value);
    const promise = yield* call(
      this.sender.send(this.#value(value), options, undefined, late) as LoopPromise | Steps<LoopPromise>,
    );
    const settled = new (promiseOf(this.thread))();
    promise.then(
      () => {
        this.admitted(value, mustFail);
        settled.settle('resolved', undefined);
      },
      (error) => {
        this.refused(value, error);
        settled.settle('resolved', undefined);
      },
    );
    return settled;
  }

  *settled(...promises: LoopPromise[]): Steps<void> {
    for (const promise of promises) yield new Await(promise);
  }

  /** Takes its `n`th message back, which was sent at that position. */
  *takeBack(n: number, position: number): Steps<boolean> {
    const value = this.message(n);
    const won = yield* call(this.sender.takeBack(position));
    this.ask(() => this.world.witness.tookBack(value, won));
    return won;
  }

  signal(): Signal {
    return new Signal();
  }

  /** Buries the sender that the thread of `name` had when the run began. */
  *bury(name: string): Steps<void> {
    yield* call(this.sender.bury(this.world.handles.get(this.world.thread(name).index)));
  }

  /** A sender for another thread, which waits for its name to happen. */
  *share(name: string): Steps<void> {
    const handle = (yield* call(this.sender.share())) as SenderHandle<number>;
    this.happens(name, handle.seat * 1000 + handle.opening);
  }

  /** Attaches the sender that was shared under that name. */
  *attachShared(name: string): Steps<void> {
    const number = Number(yield* this.after(name));
    const [seat, opening] = [Math.floor(number / 1000), number % 1000];
    yield* this.attachSender({ kind: 'sender', memory: this.world.channel, seat, opening });
  }

  *closeSender(): Steps<void> {
    yield* call(this.sender.close());
  }

  // ── Others ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Waits for what another thread says has happened. */
  *after(what: string | Thread): Steps<unknown> {
    return yield new Await(this.world.machine.after(what, this.thread));
  }

  happens(what: string, value?: Seen): void {
    this.ask(() => this.world.machine.happens(what, value));
  }

  /** Waits for the end of `name`; true if it was killed. */
  *outlives(name: string): Steps<boolean> {
    return (yield* this.after(this.world.thread(name))) === true;
  }

  // ── Receiver ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** `more`: what else is done before a message is taken. */
  *attachReceiver(more: { taking?: (position: number) => unknown } = {}): Steps<void> {
    const handle = { kind: 'receiver', memory: this.world.channel };
    const { witness } = this.world;
    const self = this;
    const hooks = {
      *taking(position: number): Steps<void> {
        yield* call(more.taking?.(position));
        self.ask(() => witness.takes(position));
      },
      mayNap: this.world.scenario.naps ?? false,
    };
    this.#rx = yield* call(this.seat.instance.receiver.Receiver.attach(handle, hooks));
  }

  *recv(how: How): Steps<unknown> {
    this.receives(true);
    let value: unknown;
    if (how === 'async') value = yield new Await(yield* call(this.receiver.recv()));
    else value = yield* call(this.receiver.blockingRecv());
    this.receives(false);
    if (value === undefined) this.ask(() => this.world.witness.ends());
    return value;
  }

  *tryRecv(): Steps<unknown> {
    return yield* call(this.receiver.tryRecv());
  }

  /** It calls the receiver, or has come back. */
  receives(now: boolean): void {
    const { thread } = this;
    this.ask(() => this.world.witness.receives(thread, now));
  }

  #tells(now: 'closing' | 'closed'): void {
    this.ask(() => this.world.witness.tells(now));
  }

  /** Receives until the channel is closed and drained. */
  *drain(how: How): Steps<void> {
    while ((yield* this.recv(how)) !== undefined);
  }

  *closeReceiver(): Steps<void> {
    this.#tells('closing');
    yield* call(this.receiver.close());
    this.#tells('closed');
  }

  /** Closes, and throws away what is left. */
  *discard(): Steps<void> {
    this.#tells('closing');
    const each = function* (_: number, decode: () => unknown): Steps<void> {
      yield* call(decode());
    };
    yield* call(this.receiver.discard(each));
    this.#tells('closed');
    this.ask(() => this.world.witness.ends());
  }
}
