/** A sending thread of the stress test: sends in every way, and keeps books of what it was told. */
import { setImmediate } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { Sender, SendTimeoutError } from '#channel';
import { randomFrom } from '../support/wait.js';
import {
  checksum,
  Fate,
  MAX_BYTES,
  MAX_MESSAGES,
  type Message,
  SENT,
  type SenderData,
  STOP,
} from './stress-books.js';

const { handle, books, sender, seed }: SenderData = workerData;
const random = randomFrom(seed);
const tx = Sender.attach(handle);
const pending = new Set<Promise<void>>();

function write(number: number, fate: number): void {
  books.fates[sender * MAX_MESSAGES + number] = fate;
  if (fate === Fate.SENT) Atomics.add(books.control, SENT, 1);
}

function compose(number: number): Message {
  const longest = MAX_BYTES - 40;
  const length = [random(8), random(60), random(400), random(longest), longest][random(5)] ?? 0;
  const text = String.fromCharCode(33 + random(90)).repeat(length);
  return [sender, number, checksum(sender, number, text), text];
}

/** Anything but room that did not come in time is a bug. */
function refuse(number: number, error: unknown): void {
  if (!(error instanceof SendTimeoutError) && error !== 'aborted') throw error;
  write(number, Fate.REFUSED);
}

function later(number: number, send: Promise<void>): Promise<void> {
  const noted = send.then(
    () => write(number, Fate.SENT),
    (error) => refuse(number, error),
  );
  pending.add(noted);
  return noted.finally(() => pending.delete(noted));
}

function blocking(number: number, message: Message, options: { timeout?: number }): void {
  try {
    tx.blockingSend(message, options);
    write(number, Fate.SENT);
  } catch (error) {
    refuse(number, error);
  }
}

function abortSoon(): AbortSignal {
  const controller = new AbortController();
  if (random(2) === 0) setTimeout(() => controller.abort('aborted'), random(3));
  else queueMicrotask(() => controller.abort('aborted'));
  return controller.signal;
}

for (let number = 0; number < MAX_MESSAGES && Atomics.load(books.control, STOP) === 0; number++) {
  const message = compose(number);
  write(number, Fate.TRYING);
  const way = random(9);
  if (way === 0) blocking(number, message, {});
  else if (way === 1) blocking(number, message, { timeout: random(3) });
  else if (way === 2) await later(number, tx.send(message));
  else if (way === 3) await later(number, tx.send(message, { timeout: random(3) }));
  else if (way === 4) void later(number, tx.send(message, { signal: abortSoon() }));
  else if (way === 5) void later(number, tx.send(message, {}, undefined, true));
  else if (way === 6) void later(number, tx.send(message));
  else {
    const sent = tx.trySend(message);
    const back = sent && way === 8 && random(4) === 0 && tx.takeBack(tx.position);
    write(number, sent && !back ? Fate.SENT : Fate.REFUSED);
  }
  if (pending.size > 20) await Promise.race(pending);
  else if (random(16) === 0) await setImmediate();
}
tx.close();
await Promise.all(pending);
