/** What a thread of a scenario can do; each action tells the witness how it came out. */
import type { SenderHandle } from '#channel';
import { Await, call, type LoopPromise, promiseOf, type Steps, type Thread } from './loop.js';
import type { Seen } from './moment.js';
import type { Instance, InstrumentedReceiver, InstrumentedSender } from './realm.js';
import type { Refusal } from './witness.js';
import type { World } from './world.js';

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

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  *abort(): Steps<void> {
    this.aborted = true;
    for (const listener of [...this.#listeners]) yield* call(listener());
  }
}

function* nothing(): Steps<void> {}

export class Actor {
  readonly thread: Thread;
  readonly #world: World;
  readonly #instance: Instance;
  readonly #handles: ReadonlyMap<number, SenderHandle<number>>;
  /** What the receiver tells of positions without a message. */
  onSkip: ((position: number) => unknown) | undefined;
  #tx: InstrumentedSender | undefined;
  #rx: InstrumentedReceiver | undefined;

  constructor(
    world: World,
    thread: Thread,
    instance: Instance,
    handles: ReadonlyMap<number, SenderHandle<number>>,
  ) {
    this.#world = world;
    this.thread = thread;
    this.#instance = instance;
    this.#handles = handles;
  }

  /** Before the run: attaches what the thread has. */
  *prepare(has: 'sender' | 'receiver' | 'nothing'): Steps<void> {
    this.#instance.blocked.waiting.clear();
    if (has === 'sender')
      this.#tx = yield* call(this.#instance.sender.Sender.attach(this.#handle(this.thread)));
    if (has === 'receiver') yield* this.attachReceiver();
  }

  #handle(thread: Thread): object {
    return this.#handles.get(thread.index) ?? {};
  }

  get sender(): InstrumentedSender {
    if (this.#tx === undefined) throw new TypeError('Expected a thread with a sender');
    return this.#tx;
  }

  get receiver(): InstrumentedReceiver {
    if (this.#rx === undefined) throw new TypeError('Expected a thread with a receiver');
    return this.#rx;
  }

  /** The `n`th message of this thread. */
  message(n: number): number {
    return 10 * this.thread.index + n;
  }

  /** As it is sent: a number; or a text too long for a cell. */
  #value(message: number): unknown {
    return this.#world.scenario.long ? String(message).padEnd(40, '.') : message;
  }

  refused(value: number, error: unknown): void {
    const codes: Record<string, Refusal> = {
      ERR_SEND_TIMEOUT: 'timeout',
      ERR_CHANNEL_CLOSED: 'closed',
      aborted: 'aborted',
    };
    const why = codes[(error as { code?: string }).code ?? ''];
    if (why === undefined) throw error;
    this.#refused(value, why);
  }

  #refused(value: number, why: Refusal): void {
    const { witness, scenario } = this.#world;
    this.thread.past.ask(() => witness.refused(value, why, scenario.refusals ?? []));
  }

  /** Runs a program that has a sender and attaches a receiver on this one thread. */
  *both(
    program: (tx: InstrumentedSender, attach: () => Steps<InstrumentedReceiver>) => Steps<void>,
  ): Steps<void> {
    const handle = { kind: 'receiver', memory: this.#world.memory };
    yield* program(this.sender, () => this.#instance.receiver.Receiver.attach(handle, this.onSkip));
  }

  // ── Sender ─────────────────────────────────────────────────────────────────────────────────────────────────────

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

  *trySend(n: number, late = false): Steps<void> {
    const value = this.message(n);
    const mustFail = this.sends(value);
    try {
      if (yield* call(this.sender.trySend(this.#value(value), undefined, late)))
        this.admitted(value, mustFail);
      else this.#refused(value, 'full');
    } catch (error) {
      this.refused(value, error);
    }
  }

  /** Starts a send and goes on; `settled` waits for it. */
  *send(n: number, options: object = {}, claimant?: object): Steps<LoopPromise> {
    const value = this.message(n);
    const mustFail = this.sends(value);
    const promise = yield* call(
      this.sender.send(this.#value(value), options, claimant) as LoopPromise | Steps<LoopPromise>,
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

  /** A send begins. `true`: the channel is closed, so it must fail. */
  sends(value: number): boolean {
    const { thread } = this;
    const { witness } = this.#world;
    thread.past.ask(() => witness.sends(thread, value));
    return thread.past.ask(() => witness.state.closed);
  }

  admitted(value: number, mustFail: boolean): void {
    const { witness } = this.#world;
    this.thread.past.ask(() => witness.admitted(value, mustFail));
  }

  *settled(...promises: LoopPromise[]): Steps<void> {
    for (const promise of promises) yield new Await(promise);
  }

  /** A signal that aborts when the scheduler lets a timer of this thread fire. */
  abortSometime(): Signal {
    const signal = new Signal();
    this.thread.timers.push({ at: 0, job: () => signal.abort() });
    return signal;
  }

  /** Buries the sender of `name` if that thread was killed; waits for its end. */
  *buryIfKilled(name: string): Steps<void> {
    if (yield* this.outlives(name)) yield* this.bury(name);
  }

  /** Buries the sender that the thread of `name` had when the run began. */
  *bury(name: string): Steps<void> {
    yield* call(this.sender.bury(this.#handle(this.#world.thread(name))));
  }

  /** Closes its own sender, and goes on with another that has the number of `name`'s, which is free again. */
  *takeNumberOf(name: string): Steps<void> {
    const { slot } = this.#world.handles.get(this.#world.thread(name).index) ?? { slot: -1 };
    const handle = (yield* call(this.sender.share())) as SenderHandle<number>;
    const { thread } = this;
    const { machine, witness } = this.#world;
    const former = this.#world.thread(name);
    if (handle.slot !== slot)
      thread.past.ask(() => machine.fail(`sender ${handle.slot} was opened, not ${slot}`));
    yield* this.closeSender();
    this.#tx = yield* call(this.#instance.sender.Sender.attach(handle));
    thread.past.ask(() => witness.succeeds(thread, former, slot));
  }

  /** Nobody has the number that `name`'s sender had when the run began, and nobody is burying it. */
  isFree(name: string): boolean {
    const { machine, layout, handles } = this.#world;
    const { SENDERS = 0, STRIDE = 0, LIFE = 0 } = layout;
    const slot = handles.get(this.#world.thread(name).index)?.slot ?? 0;
    const at = SENDERS + slot * STRIDE + LIFE;
    const life = this.thread.past.ask(() => machine.shared.load(at));
    return life >= 0 && life % 2 === 0;
  }

  /** Waits for what another thread says has happened. */
  *after(what: string | Thread): Steps<unknown> {
    return yield new Await(this.#world.machine.after(what, this.thread));
  }

  happens(what: string, value?: Seen): void {
    const { machine } = this.#world;
    this.thread.past.ask(() => machine.happens(what, value));
  }

  *closeSender(): Steps<void> {
    yield* call(this.sender.close());
  }

  // ── Receiver ───────────────────────────────────────────────────────────────────────────────────────────────────

  *attachReceiver(): Steps<void> {
    const handle = { kind: 'receiver', memory: this.#world.memory };
    this.#rx = yield* call(this.#instance.receiver.Receiver.attach(handle, this.onSkip));
  }

  /** Waits for the end of `name`; true if it was killed. */
  *outlives(name: string): Steps<boolean> {
    return (yield* this.after(this.#world.thread(name))) === true;
  }

  *recv(how: 'async' | 'blocking'): Steps<unknown> {
    this.receives(true);
    let value: unknown;
    if (how === 'async')
      value = yield new Await(yield* call(this.receiver.recv(undefined, this.#world.patient)));
    else value = yield* call(this.receiver.blockingRecv());
    this.receives(false);
    if (value === undefined) this.tells('ended');
    return value;
  }

  /** It calls the receiver, or has come back. */
  receives(now: boolean): void {
    const { thread } = this;
    const { witness } = this.#world;
    thread.past.ask(() => witness.receives(thread, now));
  }

  tells(now: 'closing' | 'closed' | 'ended'): void {
    const { witness } = this.#world;
    this.thread.past.ask(() => witness.tells(now));
  }

  /** Receives until the channel is closed and drained. */
  *drain(how: 'async' | 'blocking'): Steps<void> {
    while ((yield* this.recv(how)) !== undefined);
  }

  *closeReceiver(): Steps<void> {
    this.tells('closing');
    yield* call(this.receiver.close());
    this.tells('closed');
  }

  /** Closes, and throws away what is left; `each` is told the positions. */
  *discard(each: (position: number) => Steps<void> = nothing): Steps<void> {
    const { witness } = this.#world;
    this.tells('closing');
    const { thread } = this;
    const discarded = function* (position: number): Steps<void> {
      thread.past.ask(() => witness.discards(thread, position));
      yield* each(position);
    };
    yield* call(this.receiver.discard(discarded));
    this.tells('closed');
    this.tells('ended');
  }
}
