/**
 * The channel with real threads: 1 to 8 that send in every way, messages of all sizes, small capacities. A message that
 * was sent must arrive once, in its sender's order and undamaged; one that was refused must not. In the second test
 * threads are terminated at random moments. Then a message may have gone down with a receiver, at most one each time.
 *
 * Takes about 10 s, or STRESS_SECONDS. Prints its seed; STRESS_SEED gives it back (the threads' timing it cannot).
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { channelIn, type ReceiverHandle, type Sender, type SenderHandle } from '#channel';
import { BELL, createMemory, Memory, OPEN, TAIL } from '#channel/memory';
import { type Random, randomFrom, seedFrom } from '../support/wait.js';
import {
  Fate,
  MAX_BYTES,
  MAX_MESSAGES,
  MAX_SENDERS_EVER,
  type Message,
  openBooks,
  SENT,
  STOP,
  TAKEN,
} from './stress-books.js';

const SEED = seedFrom('STRESS_SEED');
const SECONDS = Number(process.env['STRESS_SECONDS'] ?? 10);
const STALL_MS = 10_000;

interface Thread {
  readonly worker: Worker;
  readonly exited: Promise<unknown>;
  readonly handle?: SenderHandle<Message>;
}

class Round {
  readonly #tx: Sender<Message>;
  readonly #rxHandle: ReceiverHandle<Message>;
  readonly #books = openBooks();
  readonly #mortal: boolean;
  readonly #random: Random;
  readonly #senders: Thread[] = [];
  #receiver: Thread;
  #started = 0;
  #failure: unknown;
  readonly counts = { sent: 0, refused: 0, kills: 0, lostWithReceivers: 0 };
  #receiversKilled = 0;

  constructor(random: Random, senders: number, mortal: boolean) {
    const capacity = [1, 2, 3, 4, 7, 8, 16, 32, 64][random(9)] ?? 1;
    const [tx, rx] = channelIn<Message>(createMemory(capacity, MAX_BYTES, [0, -1000][random(2)]));
    this.#tx = tx;
    this.#rxHandle = rx.share();
    this.#random = random;
    this.#mortal = mortal;
    this.#receiver = this.#start('./stress-receiver.js', { handle: this.#rxHandle });
    for (let i = 0; i < senders; i++) this.#startSender();
  }

  #start(file: string, data: object): Thread {
    const workerData = { ...data, books: this.#books, seed: this.#random(2 ** 31) };
    const worker = new Worker(new URL(file, import.meta.url), { workerData });
    worker.on('error', (error) => {
      this.#failure ??= error;
    });
    return { worker, exited: new Promise((resolve) => worker.once('exit', resolve)) };
  }

  #startSender(): void {
    const handle = this.#tx.share();
    const thread = this.#start('./stress-sender.js', { handle, sender: this.#started++ });
    this.#senders.push({ ...thread, handle });
  }

  async run(ms: number): Promise<void> {
    const over = this.#play(ms).then(() => true);
    for (let before = ''; !(await Promise.race([over, setTimeout(STALL_MS, false)])); ) {
      const now = this.#books.control.join();
      if (now === before) this.#failure ??= new Error('Nothing has moved for 10 s');
      before = now;
      if (this.#failure !== undefined) break;
    }
    const words = new Memory(this.#tx.memory).words;
    const shared = `TAIL ${words[TAIL]}, BELL ${words[BELL]}, OPEN ${words[OPEN]}, ${this.#books.control}`;
    await Promise.all([this.#receiver, ...this.#senders].map(({ worker }) => worker.terminate()));
    if (this.#failure !== undefined)
      throw new Error(`${this.#failure}\ncapacity ${this.#tx.capacity}: ${shared}`, { cause: this.#failure });
    this.#check();
  }

  async #play(ms: number): Promise<void> {
    const end = performance.now() + ms;
    if (this.#mortal)
      while (performance.now() < end && this.#failure === undefined) await this.#terminateOne();
    const all = Promise.all(this.#senders.map(({ exited }) => exited));
    if (!this.#mortal) await Promise.race([all, setTimeout(ms)]);
    Atomics.store(this.#books.control, STOP, 1);
    await all;
    this.#tx.close();
    await this.#receiver.exited;
  }

  /** Terminates one thread, and starts its successor. */
  async #terminateOne(): Promise<void> {
    await setTimeout(this.#random(300));
    const victim = this.#random(this.#senders.length + 1);
    const sender = this.#senders[victim];
    await (sender ?? this.#receiver).worker.terminate();
    this.counts.kills += 1;
    if (sender?.handle === undefined) {
      this.#receiversKilled += 1;
      this.#receiver = this.#start('./stress-receiver.js', { handle: this.#rxHandle });
    } else {
      this.#senders.splice(victim, 1);
      this.#tx.bury(sender.handle);
      if (this.#started < MAX_SENDERS_EVER) this.#startSender();
    }
  }

  #check(): void {
    const { fates, received, control } = this.#books;
    for (let at = 0; at < this.#started * MAX_MESSAGES; at++) {
      const what = () => `message ${at % MAX_MESSAGES} of ${Math.floor(at / MAX_MESSAGES)}`;
      const times = received[at] ?? 0;
      assert.ok(times <= 1, `${what()} came ${times} times`);
      if (fates[at] === Fate.SENT) {
        this.counts.sent += 1;
        if (times === 0) this.counts.lostWithReceivers += 1;
      } else if (fates[at] === Fate.REFUSED) {
        this.counts.refused += 1;
        assert.equal(times, 0, `${what()} was refused, but received`);
      } else if (fates[at] === Fate.TRYING) assert.ok(this.#mortal, `${what()} never settled`);
    }
    const lost = this.counts.lostWithReceivers;
    assert.ok(
      lost <= this.#receiversKilled,
      `${lost} messages were lost, ${this.#receiversKilled} receivers`,
    );
    assert.equal(this.#tx.length, 0);
    assert.ok((control[SENT] ?? 0) <= (control[TAKEN] ?? 0) + lost);
  }
}

async function rounds(
  t: TestContext,
  seed: number,
  mortal: boolean,
  seconds: number,
  ms: number,
): Promise<void> {
  t.diagnostic(`STRESS_SEED=${SEED}`);
  const random = randomFrom(seed);
  const total = { rounds: 0, sent: 0, refused: 0, kills: 0, lostWithReceivers: 0 };
  for (const end = performance.now() + seconds * 1000; performance.now() < end; total.rounds++) {
    const round = new Round(random, [4, 1, 3, 2, 6, 8, 5, 7][total.rounds % 8] ?? 1, mortal);
    await round.run(ms);
    for (const key of ['sent', 'refused', 'kills', 'lostWithReceivers'] as const)
      total[key] += round.counts[key];
  }
  t.diagnostic(JSON.stringify(total));
  assert.ok(total.sent > 0);
}

test('every message that was sent arrives once, in order and undamaged, and no refused one does', async (t) => {
  await rounds(t, SEED, false, SECONDS * 0.4, 2000);
});

test('so it is while senders and receivers are terminated and replaced at random moments', async (t) => {
  await rounds(t, SEED + 1, true, SECONDS * 0.6, 3000);
});
