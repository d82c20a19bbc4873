/**
 * The channel with real threads: 1 to 8 producers that send in every way, messages of all sizes, small capacities and
 * tiny rings. What was admitted must arrive once, in its producer's order and undamaged; what was refused must not.
 * In the second test producers and the receiver are terminated at random moments.
 *
 * Takes about 12 s, or STRESS_SECONDS. Prints its seed; STRESS_SEED gives it back (the threads' timing it cannot).
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { channelIn, type ReceiverHandle, type Sender, type SenderHandle } from '#channel';
import { createMemory } from '#channel/memory';
import { figure } from './support/figures.js';
import { describeState } from './support/state.js';
import {
  type Books,
  MAX_ATTEMPTS,
  MAX_BYTES,
  MAX_PRODUCERS,
  type Message,
  openBooks,
  Sent,
  STOP,
} from './support/stress.js';
import { randomFrom, seedFrom } from './support/wait.js';

const SEED: number = seedFrom('STRESS_SEED');
const SECONDS: number = Number(process.env['STRESS_SECONDS'] ?? 12);
const STALL_MS = 10_000;

type Random = (bound: number) => number;

interface Thread {
  readonly worker: Worker;
  readonly exited: Promise<unknown>;
}

interface Producer extends Thread {
  readonly handle: SenderHandle<Message>;
}

class Round {
  readonly #tx: Sender<Message>;
  readonly #rxHandle: ReceiverHandle<Message>;
  readonly #books: Books = openBooks();
  readonly #mortal: boolean;
  readonly #random: Random;
  readonly #producers: Producer[] = [];
  readonly #failed: Promise<never>;
  #fail: (error: unknown) => void = () => {};
  #started = 0;
  #consumer: Thread;
  #over = false;
  terminated = 0;

  constructor(random: Random, producers: number, mortal: boolean) {
    const capacity = [1, 2, 3, 4, 7, 8, 16, 32, 64][random(9)] ?? 1;
    const tiny = 2 ** Math.ceil(Math.log2(2 * capacity));
    const start = [0, -1000, 2 ** 31 - 1000][random(3)] ?? 0;
    const memory = createMemory(capacity, MAX_BYTES, random(3) === 0 ? Math.max(tiny, 128) : tiny, start);
    const [tx, rx] = channelIn<Message>(memory);
    this.#tx = tx;
    this.#rxHandle = rx.share();
    this.#random = random;
    this.#mortal = mortal;
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.#failed.catch(() => {}); // `run` looks at it
    this.#consumer = this.#startConsumer();
    for (let i = 0; i < producers; i++) this.#startProducer();
  }

  #start(file: string, workerData: object): Thread {
    const data = { ...workerData, books: this.#books, seed: this.#random(2 ** 31) };
    const worker = new Worker(new URL(file, import.meta.url), { workerData: data });
    worker.on('error', this.#fail);
    return { worker, exited: new Promise((resolve) => worker.once('exit', resolve)) };
  }

  #startProducer(): void {
    const handle = this.#tx.share();
    const producer = this.#started++;
    this.#producers.push({ handle, ...this.#start('./support/stress-producer.js', { handle, producer }) });
  }

  #startConsumer(): Thread {
    const data = { handle: this.#rxHandle, mortal: this.#mortal };
    return this.#start('./support/stress-consumer.js', data);
  }

  async run(ms: number): Promise<void> {
    const watchdog = setInterval(() => this.#watch(), 1000);
    try {
      await Promise.race([this.#play(ms), this.#failed]);
    } catch (error) {
      throw new Error(`${error}\n${this.#describe()}`, { cause: error });
    } finally {
      clearInterval(watchdog);
      this.#over = true;
      await Promise.all([this.#consumer, ...this.#producers].map(({ worker }) => worker.terminate()));
    }
    this.#check();
  }

  async #play(ms: number): Promise<void> {
    const end = performance.now() + ms;
    if (this.#mortal) while (performance.now() < end && !this.#over) await this.#terminateOne();
    const done = Promise.all(this.#producers.map(({ exited }) => exited));
    if (!this.#mortal) await Promise.race([done, setTimeout(ms)]);
    Atomics.store(this.#books.control, STOP, 1);
    await Promise.all(this.#producers.map(({ exited }) => exited));
    this.#tx.close();
    await this.#consumer.exited;
  }

  /** Terminates one thread, and starts its successor. */
  async #terminateOne(): Promise<void> {
    await setTimeout(this.#random(120));
    const victim = this.#random(this.#producers.length + 1);
    const producer = this.#producers[victim];
    await (producer ?? this.#consumer).worker.terminate();
    this.terminated += 1;
    if (this.#over) return;
    if (producer === undefined) this.#consumer = this.#startConsumer();
    else {
      this.#producers.splice(victim, 1);
      this.#tx.bury(producer.handle);
      if (this.#started < MAX_PRODUCERS) this.#startProducer();
    }
  }

  #seen = '';
  #since = 0;

  #watch(): void {
    const seen = this.#books.control.join();
    if (seen !== this.#seen) this.#since = performance.now();
    this.#seen = seen;
    if (performance.now() - this.#since > STALL_MS) this.#fail(new Error('Nothing has moved for 10 s'));
  }

  #describe(): string {
    const [stop, admitted, taken] = this.#books.control;
    const counts = `stop ${stop}, admitted ${admitted}, taken ${taken}, started ${this.#started}`;
    return `${counts}\n${describeState(this.#tx.link.memory)}`;
  }

  /** Admitted and refused messages. */
  counts: [number, number] = [0, 0];

  #check(): void {
    const { sent, received } = this.#books;
    for (let at = 0; at < this.#started * MAX_ATTEMPTS; at++) {
      const what = () => `message ${at % MAX_ATTEMPTS} of ${Math.floor(at / MAX_ATTEMPTS)}`;
      if (sent[at] === Sent.ADMITTED) {
        this.counts[0] += 1;
        if (received[at] !== 1) assert.fail(`${what()} was lost`);
      } else if (sent[at] === Sent.REFUSED) {
        this.counts[1] += 1;
        if (received[at] !== 0) assert.fail(`${what()} was refused, but received`);
      } else if (sent[at] === Sent.TRYING) assert.ok(this.#mortal, `${what()} never settled`);
      else assert.equal(received[at], 0);
    }
    assert.equal(this.#tx.length, 0);
  }
}

async function rounds(
  t: TestContext,
  seed: number,
  mortal: boolean,
  seconds: number,
  each: number,
): Promise<void> {
  t.diagnostic(`STRESS_SEED=${SEED}`);
  const random = randomFrom(seed);
  const total = { rounds: 0, admitted: 0, refused: 0, terminated: 0 };
  for (const end = performance.now() + seconds * 1000; performance.now() < end; total.rounds++) {
    const round = new Round(random, [1, 4, 2, 8, 3, 6, 5, 7][total.rounds % 8] ?? 1, mortal);
    await round.run(each);
    total.admitted += round.counts[0];
    total.refused += round.counts[1];
    total.terminated += round.terminated;
  }
  t.diagnostic(JSON.stringify(total));
  const { admitted, refused, terminated } = total;
  const kills = mortal ? `, ${terminated} kills survived` : '';
  figure(`stress: ${admitted + refused} messages checked, ${total.rounds} rounds${kills}`);
  assert.ok(total.admitted > 0);
}

test('every admitted message arrives once, in order and undamaged, and no refused one does', async (t) => {
  await rounds(t, SEED, false, SECONDS * 0.4, 1600);
});

test('so it is while producers and receivers are terminated and replaced at random moments', async (t) => {
  await rounds(t, SEED + 1, true, SECONDS * 0.6, 3000);
});
