/**
 * The channel against a plain array: random sequences of calls on one thread. After each call all that is decided must
 * have settled, and nothing else.
 *
 * Prints its seed; MODEL_SEED gives it back, MODEL_RUNS asks for more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChannelClosedError, Receiver, Sender, SendTimeoutError } from '#channel';
import { createMemory } from '#channel/memory';
import { seedFrom, until } from '../support/wait.js';

const RUNS = Number(process.env['MODEL_RUNS'] ?? 300);
const SEED = seedFrom('MODEL_SEED');

/** What a test does, and how often; with which sender, message or waiting send. */
const ACTIONS = {
  send: 8,
  trySend: 4,
  tryRecv: 8,
  recv: 4,
  blockingRecv: 1,
  abort: 3,
  sendForAMoment: 1,
  takeBack: 2,
  replace: 1,
  closeSender: 1,
  closeReceiver: 1,
};
type Step = [action: keyof typeof ACTIONS, which: number];

class Play {
  /** The channel as an array. What was taken back keeps its place until the receiver comes to it. */
  #inside: { value: number | undefined; position: number; by: number }[] = [];
  readonly #waiting = new Set<{ by: number; controller: AbortController }>();
  readonly #txs: Sender<number>[];
  readonly #open = new Set<number>();
  #rx: Receiver<number>;
  #receiving = false;
  #closed = false;
  #waited = false;
  #position: number;
  #value = 0;

  constructor(capacity: number, senders: number, start: number) {
    const memory = createMemory(capacity, 64, start);
    const [tx, rx] = [new Sender<number>(memory), new Receiver<number>(memory)];
    this.#rx = rx;
    this.#txs = [tx];
    this.#position = start + rx.limit;
    while (this.#txs.length < senders) this.#txs.push(Sender.attach<number>(tx.share()));
    for (const by of this.#txs.keys()) this.#open.add(by);
  }

  async perform([action, which]: Step): Promise<void> {
    const by = which % this.#txs.length;
    const tx = this.#txs[by] as Sender<number>;
    const value = this.#value++;
    switch (action) {
      case 'send':
        // A timer cannot be as long as the second one.
        void this.#send(tx, by, value, [undefined, 2 ** 31, Number.POSITIVE_INFINITY][which % 3], which > 15);
        break;
      case 'sendForAMoment':
        await this.#send(tx, by, value, which & 1);
        break;
      case 'trySend':
        if (this.#refuses(by)) assert.throws(() => tx.trySend(value), ChannelClosedError);
        else if (!tx.trySend(value, { sent: (position) => this.#admit(value, by, position) }))
          assert.ok(this.#isFull || this.#waited, 'no room, where there is some and nobody has waited');
        break;
      case 'tryRecv':
        if (!this.#receiving) this.#take(this.#rx.tryRecv());
        break;
      case 'blockingRecv':
        if (!this.#receiving && this.#hasValue) this.#take(this.#rx.blockingRecv());
        break;
      case 'recv':
        if (!this.#receiving) void this.#recv();
        break;
      case 'abort':
        Array.from(this.#waiting)[which % this.#waiting.size]?.controller.abort('enough');
        break;
      case 'takeBack':
        this.#takeBack(which);
        break;
      case 'replace':
        if (!this.#receiving) this.#rx = Receiver.attach({ kind: 'receiver', memory: this.#rx.memory });
        break;
      case 'closeSender':
        tx.close();
        this.#open.delete(by);
        break;
      case 'closeReceiver':
        this.#rx.close();
        this.#closed = true;
    }
    await this.#settle();
  }

  /** Ends all, and takes out what is left. */
  async finish(): Promise<void> {
    for (const by of this.#txs.keys()) await this.perform(['closeSender', by]);
    while (!this.#receiving && (this.#hasValue || this.#waiting.size > 0)) await this.perform(['tryRecv', 0]);
    await until(() => !this.#receiving);
    for (const end of [this.#rx.tryRecv(), await this.#rx.recv(), this.#rx.blockingRecv()])
      assert.equal(end, undefined);
    assert.equal(this.#rx.length, 0);
  }

  #refuses(by: number): boolean {
    return this.#closed || !this.#open.has(by);
  }

  get #isFull(): boolean {
    return this.#inside.length === this.#rx.capacity;
  }

  get #hasValue(): boolean {
    return this.#inside.some(({ value }) => value !== undefined);
  }

  get #ended(): boolean {
    return !this.#hasValue && (this.#closed || this.#waiting.size + this.#open.size === 0);
  }

  async #send(tx: Sender<number>, by: number, value: number, timeout?: number, late?: boolean) {
    const refuses = this.#refuses(by);
    const waiting = { by, controller: new AbortController() };
    this.#waiting.add(waiting);
    const sent = (position: number) => {
      this.#admit(value, by, position, waiting);
      this.#waiting.delete(waiting);
    };
    try {
      const { signal } = waiting.controller;
      const sending = tx.send(value, { timeout, signal }, { sent }, late);
      this.#waited ||= tx.waiting > 0;
      const own = Array.from(this.#waiting).filter((other) => other.by === by);
      assert.ok(refuses || own.length === tx.waiting, '`sent` comes in the same turn');
      await sending;
      assert.ok(!refuses && !this.#waiting.has(waiting));
    } catch (error) {
      assert.ok(this.#waiting.delete(waiting), 'a send was admitted, and failed');
      if (error instanceof SendTimeoutError) assert.ok(timeout === (timeout && 1) && this.#isFull);
      else if (error instanceof ChannelClosedError) assert.ok(this.#closed || refuses);
      else assert.equal(error, 'enough');
    }
  }

  async #recv(): Promise<void> {
    this.#receiving = true;
    const value = await this.#rx.recv();
    this.#receiving = false;
    this.#take(value);
  }

  #admit(value: number, by: number, position: number, send?: object): void {
    const first = Array.from(this.#waiting).find((other) => other.by === by);
    assert.equal(first, send, 'a send overtook an older one of its sender');
    assert.equal(position, this.#position % this.#rx.limit);
    this.#inside.push({ value, position, by });
    this.#position += 1;
    if (!this.#receiving) assert.ok(this.#inside.length <= this.#rx.capacity, 'one too many');
  }

  #take(value: number | undefined): void {
    const at = this.#inside.findIndex((message) => message.value !== undefined);
    assert.equal(value, this.#inside[at]?.value);
    this.#inside = at < 0 ? [] : this.#inside.slice(at + 1);
  }

  #takeBack(which: number): void {
    const message = this.#inside[which % this.#inside.length];
    if (message === undefined) return;
    const { value, position, by } = message;
    assert.equal(this.#rx.isHere(position), value !== undefined);
    for (const [other, tx] of this.#txs.entries())
      assert.equal(tx.takeBack(position), other === by && value !== undefined);
    assert.equal(this.#rx.isHere(position), false);
    message.value = undefined;
  }

  async #settle(): Promise<void> {
    await until(
      () => {
        // A receiver that waits comes by itself to what was taken back.
        if (this.#receiving && !this.#hasValue) this.#inside = [];
        if (this.#receiving && (this.#hasValue || this.#ended)) return false;
        return this.#waiting.size === 0 || (!this.#closed && this.#isFull);
      },
      () => `${this.#receiving} ${this.#ended} ${JSON.stringify(this.#inside)} ${this.#waiting.size} wait`,
    );
    const waiting = this.#txs.reduce((sum, tx) => sum + tx.waiting, 0);
    assert.equal(waiting, this.#waiting.size);
    if (!this.#receiving) assert.equal(this.#rx.length, this.#inside.length);
  }
}

test('one to four senders agree with the model, call by call', { timeout: 400 * RUNS }, async (t) => {
  t.diagnostic(`MODEL_SEED=${SEED}`);
  const actions = Object.entries(ACTIONS).map(([action, weight]) => {
    return { weight, arbitrary: fc.constant(action as Step[0]) };
  });
  const property = fc.asyncProperty(
    // From 4 on, the receiver calls waiting senders late.
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(1, 2, 3) }, fc.constantFrom(4, 5, 8)),
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom(0, -1, -3),
    fc.array(fc.tuple(fc.oneof(...actions), fc.nat(20)), { maxLength: 80, size: 'max' }),
    async (capacity, senders, start, steps) => {
      const play = new Play(capacity, senders, start);
      for (const step of steps) await play.perform(step);
      await play.finish();
    },
  );
  // A wake-up that is lost costs a slice of two seconds.
  const limit = { interruptAfterTimeLimit: 200 * RUNS, markInterruptAsFailure: true };
  await fc.assert(property, { seed: SEED, numRuns: RUNS, ...limit });
});
