/**
 * The channel with real threads: 1 to 8 that send in every way, messages of all sizes, small capacities. A message that
 * was sent must arrive once, in its sender's order and undamaged; one that was refused must not. In the second test
 * threads are terminated at random moments. Then a message may have gone down with a receiver, at most one each time.
 *
 * Takes about 10 s, or STRESS_SECONDS. Prints its seed; STRESS_SEED gives it back (the threads' timing it cannot).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Receiver, Sender } from '#channel';
import { createMemory } from '#channel/memory';
import { type Random, randomFrom, seedFrom } from '../support/wait.js';
import { range } from './ends.js';
import { type Books, Fate, type Handle, MAX, type Message, Word } from './stress-thread.js';

const SEED = seedFrom('STRESS_SEED');
const SECONDS = Number(process.env['STRESS_SECONDS'] ?? 10);

interface Thread {
  readonly handle: Handle;
  readonly worker: Worker;
  readonly exited: Promise<unknown>;
}

/** One channel, used for `ms`. Returns what became of its messages. */
async function round(random: Random, senders: number, mortal: boolean, ms: number): Promise<object> {
  const capacity = [1, 2, 3, 4, 7, 8, 16, 32, 64][random(9)] ?? 1;
  const memory = createMemory(capacity, MAX.BYTES, [0, -1000][random(2)]);
  const [tx, rx] = [new Sender<Message>(memory), new Receiver<Message>(memory)];
  const bytes = () => new Uint8Array(new SharedArrayBuffer(MAX.SENDERS * MAX.MESSAGES));
  const words = (count: number) => new Int32Array(new SharedArrayBuffer(count * 4));
  const books: Books = { control: words(4), fates: bytes(), received: bytes(), last: words(MAX.SENDERS) };
  const threads: Thread[] = [];
  const killed = { sender: 0, receiver: 0 };
  let [started, failure, before] = [0, undefined as unknown, ''];

  const fail = (cause: unknown): void => {
    failure ??= new Error(`capacity ${capacity}, ${tx.length} inside, ${books.control}`, { cause });
    for (const { worker } of threads) void worker.terminate();
  };
  const start = (handle: Handle): Thread => {
    const workerData = [handle, books, random(2 ** 31), handle.kind === 'sender' ? started++ : -1];
    const worker = new Worker(new URL('./stress-thread.js', import.meta.url), { workerData });
    worker.once('error', fail);
    return { handle, worker, exited: new Promise((resolve) => worker.once('exit', resolve)) };
  };
  const watch = setInterval(() => {
    if (before === books.control.join()) fail(new Error('Nothing has moved for 10 s'));
    before = books.control.join();
  }, 10_000);

  threads.push(start(rx.share()), ...range(senders).map(() => start(tx.share())));
  const end = performance.now() + ms;
  if (!mortal) await setTimeout(ms);
  while (mortal && performance.now() < end && started < MAX.SENDERS && failure === undefined) {
    await setTimeout(random(300));
    const at = random(threads.length);
    const { handle, worker } = threads[at] as Thread;
    await worker.terminate();
    killed[handle.kind] += 1;
    if (handle.kind === 'sender') tx.bury(handle);
    threads[at] = start(handle.kind === 'sender' ? tx.share() : handle);
  }
  Atomics.store(books.control, Word.STOP, 1);
  const [receiver, ...others] = threads.map(({ exited }) => exited);
  const codes = await Promise.all(others);
  tx.close();
  codes.push(await receiver);
  clearInterval(watch);
  if (failure !== undefined) throw failure;
  assert.deepEqual(new Set(codes), new Set([0]), 'a send or a receive never settled');
  assert.equal(tx.length, 0);
  const { lost, ...counts } = balance(books);
  assert.ok(lost <= killed.receiver, `${lost} were lost`);
  return { ...counts, lost, killed };
}

/** Compares what the senders were told with what came. */
function balance({ fates, received }: Books): { sent: number; refused: number; lost: number } {
  const counts = { sent: 0, refused: 0, lost: 0 };
  for (const [at, fate] of fates.entries()) {
    const times = received[at] ?? 0;
    const most = fate === Fate.REFUSED ? 0 : 1;
    if (times > most) assert.fail(`message ${at % MAX.MESSAGES} came ${times} times, not ${most}`);
    if (fate === Fate.SENT) counts.sent += 1;
    if (fate === Fate.SENT && times === 0) counts.lost += 1;
    if (fate === Fate.REFUSED) counts.refused += 1;
  }
  assert.ok(counts.sent > 0);
  return counts;
}

for (const mortal of [false, true]) {
  const what = 'every message that was sent arrives once, in order and undamaged, and no refused one does';
  test(mortal ? `${what}, while threads are terminated and replaced at random moments` : what, async (t) => {
    t.diagnostic(`STRESS_SEED=${SEED}`);
    const random = randomFrom(SEED + Number(mortal));
    const end = performance.now() + SECONDS * (mortal ? 600 : 400);
    for (let n = 0; performance.now() < end; n++) {
      const senders = [4, 1, 3, 2, 6, 8, 5, 7][n % 8] ?? 1;
      t.diagnostic(JSON.stringify(await round(random, senders, mortal, mortal ? 3000 : 2000)));
    }
  });
}
