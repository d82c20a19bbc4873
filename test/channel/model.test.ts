/**
 * The channel against a plain array: random sequences of calls on one thread. After each call all that is decided must
 * have settled, and nothing else.
 *
 * A failing run prints its seed and path; MODEL_SEED and MODEL_PATH give them back, MODEL_RUNS asks for more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChannelClosedError, channelIn, Receiver, Sender, SendTimeoutError } from '#channel';
import { createMemory, Memory } from '#channel/memory';
import { seedFrom, until } from '../support/wait.js';

const RUNS = Number(process.env['MODEL_RUNS'] ?? 300);
const SEED = seedFrom('MODEL_SEED');

/** What a test does, with which sender or which waiting send. */
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

interface Waiting {
  readonly value: number;
  readonly by: number;
  readonly controller: AbortController;
}

class Play {
  /** The channel as an array. What was taken back keeps its place until the receiver comes to it. */
  #inside: { value: number | undefined; position: number; by: number }[] = [];
  readonly #waiting = new Set<Waiting>();
  readonly #received: number[] = [];
  readonly #admitted: number[] = [];
  readonly #txs: Sender<number>[];
  readonly #open: boolean[];
  readonly #memory: Memory;
  #rx: Receiver<number>;
  #receiving = false;
  #closed = false;
  #waited = false;
  #position: number;
  #value = 0;

  constructor(capacity: number, senders: number, start: number) {
    const shared = createMemory(capacity, 64, start);
    const [tx, rx] = channelIn<number>(shared);
    this.#memory = new Memory(shared);
    this.#position = this.#memory.taken;
    this.#rx = rx;
    this.#txs = [tx];
    while (this.#txs.length < senders) this.#txs.push(Sender.attach<number>(tx.share()));
    this.#open = this.#txs.map(() => true);
  }

  async perform([action, which]: Step): Promise<void> {
    const by = which % this.#txs.length;
    const tx = this.#txs[by] as Sender<number>;
    const value = this.#value++;
    const refuses = this.#closed || !this.#open[by];
    switch (action) {
      case 'send':
        void this.#send(tx, by, value);
        break;
      case 'sendForAMoment':
        await this.#send(tx, by, value, which & 1);
        break;
      case 'trySend':
        if (refuses) assert.throws(() => tx.trySend(value), ChannelClosedError);
        else if (tx.trySend(value)) this.#admit(value, by, tx.position);
        else assert.ok(this.#isFull || this.#waited, 'no room, where there is some and nobody has waited');
        break;
      case 'tryRecv':
        if (this.#receiving) assert.throws(() => this.#rx.tryRecv(), /one `recv` at a time/);
        else this.#take(this.#rx.tryRecv());
        break;
      case 'blockingRecv':
        if (!this.#receiving && this.#hasValue) this.#take(this.#rx.blockingRecv());
        break;
      case 'recv':
        if (this.#receiving) await assert.rejects(this.#rx.recv(), /one `recv` at a time/);
        else void this.#recv();
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
        this.#open[by] = false;
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
    assert.equal(await this.#rx.recv(), undefined);
    assert.deepEqual(this.#received, this.#admitted);
    assert.equal(this.#rx.length, 0);
  }

  get #isFull(): boolean {
    return this.#inside.length === this.#memory.capacity;
  }

  get #hasValue(): boolean {
    return this.#inside.some(({ value }) => value !== undefined);
  }

  get #ended(): boolean {
    return !this.#hasValue && (this.#closed || (this.#waiting.size === 0 && !this.#open.includes(true)));
  }

  async #send(tx: Sender<number>, by: number, value: number, timeout?: number): Promise<void> {
    const refuses = this.#closed || !this.#open[by];
    const waiting = { value, by, controller: new AbortController() };
    this.#waiting.add(waiting);
    const sent = (position: number) => {
      const first = Array.from(this.#waiting).find((other) => other.by === by);
      assert.equal(first, waiting, 'a send overtook an older one of its sender');
      this.#waiting.delete(waiting);
      this.#admit(value, by, position);
    };
    try {
      const sending = tx.send(value, { timeout, signal: waiting.controller.signal }, { sent });
      this.#waited ||= tx.waiting > 0;
      await sending;
      assert.ok(!refuses && !this.#waiting.has(waiting));
    } catch (error) {
      assert.ok(this.#waiting.delete(waiting), 'a send was admitted, and failed');
      if (error instanceof SendTimeoutError) assert.ok(timeout !== undefined && error.value === value);
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

  #admit(value: number, by: number, position: number): void {
    assert.equal(position, this.#position % this.#memory.limit);
    this.#inside.push({ value, position, by });
    this.#admitted.push(value);
    this.#position += 1;
    if (!this.#receiving) assert.ok(this.#inside.length <= this.#memory.capacity, 'one too many');
  }

  #take(value: number | undefined): void {
    const at = this.#inside.findIndex((message) => message.value !== undefined);
    assert.equal(value, this.#inside[at]?.value);
    this.#inside = at < 0 ? [] : this.#inside.slice(at + 1);
    if (value !== undefined) this.#received.push(value);
  }

  #takeBack(which: number): void {
    const message = this.#inside[which % this.#inside.length];
    if (message === undefined) return;
    const { value, position, by } = message;
    if (value !== undefined) this.#admitted.splice(this.#admitted.indexOf(value), 1);
    assert.equal(this.#txs[by]?.isHere(position), value !== undefined);
    assert.equal(this.#txs[by]?.takeBack(position), value !== undefined);
    message.value = undefined;
  }

  async #settle(): Promise<void> {
    await until(
      () => {
        if (this.#receiving) this.#skip();
        if (this.#receiving && (this.#hasValue || this.#ended)) return false;
        return this.#waiting.size === 0 || (!this.#closed && this.#isFull);
      },
      () => `${this.#receiving} ${this.#ended} ${JSON.stringify(this.#inside)} ${this.#waiting.size} wait`,
    );
    const waiting = this.#txs.reduce((sum, tx) => sum + tx.waiting, 0);
    assert.equal(waiting, this.#waiting.size);
    if (!this.#receiving) assert.equal(this.#rx.length, this.#inside.length);
  }

  /** A receiver that waits comes by itself to what was taken back. */
  #skip(): void {
    if (!this.#hasValue) this.#inside = [];
  }
}

function property(title: string, capacities: number[], runs: number): void {
  test(title, { timeout: 120_000 }, async (t) => {
    t.diagnostic(`MODEL_SEED=${SEED}`);
    const weighted = Object.entries(ACTIONS).map(([action, weight]) => ({
      weight,
      arbitrary: fc.constant(action as Step[0]),
    }));
    const step: fc.Arbitrary<Step> = fc.tuple(fc.oneof(...weighted), fc.nat(20));
    const path = process.env['MODEL_PATH'];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...capacities),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(0, -1, -3),
        fc.array(step, { maxLength: 80, size: 'max' }),
        async (capacity, senders, start, steps) => {
          const play = new Play(capacity, senders, start);
          for (const each of steps) await play.perform(each);
          await play.finish();
        },
      ),
      { seed: SEED, numRuns: runs, interruptAfterTimeLimit: 60_000, ...(path && { path }) },
    );
  });
}

property('one to four senders agree with the model, call by call', [1, 2, 3], RUNS);
property('so they do where the receiver calls them late', [4, 5, 8], RUNS / 10);
