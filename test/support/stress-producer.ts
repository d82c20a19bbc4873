/** A producer thread of the stress test: sends in every way, and keeps books of what it was told. */
import { setImmediate } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { Sender, type SenderHandle, SendTimeoutError } from '#channel';
import {
  ADMITTED,
  type Books,
  checksum,
  MAX_ATTEMPTS,
  MAX_BYTES,
  type Message,
  Sent,
  STOP,
} from './stress.js';
import { randomFrom } from './wait.js';

const { handle, books, producer, seed } = workerData as {
  handle: SenderHandle<Message>;
  books: Books;
  producer: number;
  seed: number;
};
const random = randomFrom(seed);
const tx = Sender.attach(handle);
const pending = new Set<Promise<void>>();

function write(number: number, outcome: number): void {
  books.sent[producer * MAX_ATTEMPTS + number] = outcome;
  if (outcome === Sent.ADMITTED) Atomics.add(books.control, ADMITTED, 1);
}

function compose(number: number): Message {
  const longest = MAX_BYTES - 40;
  const length = [random(8), random(60), random(400), random(longest), longest][random(5)] ?? 0;
  const text = String.fromCharCode(33 + random(90)).repeat(length);
  return [producer, number, checksum(producer, number, text), text];
}

/** Anything but room that did not come in time is a bug. */
function expectRefusal(error: unknown): void {
  if (!(error instanceof SendTimeoutError) && error !== 'aborted') throw error;
}

function later(number: number, send: Promise<void>): Promise<void> {
  const noted = send.then(
    () => write(number, Sent.ADMITTED),
    (error) => {
      expectRefusal(error);
      write(number, Sent.REFUSED);
    },
  );
  pending.add(noted);
  return noted.finally(() => pending.delete(noted));
}

function blocking(number: number, message: Message, options: { timeout?: number }): void {
  try {
    tx.blockingSend(message, options);
    write(number, Sent.ADMITTED);
  } catch (error) {
    expectRefusal(error);
    write(number, Sent.REFUSED);
  }
}

function abortSoon(): AbortSignal {
  const controller = new AbortController();
  if (random(2) === 0) setTimeout(() => controller.abort('aborted'), random(3));
  else queueMicrotask(() => controller.abort('aborted'));
  return controller.signal;
}

for (let number = 0; number < MAX_ATTEMPTS && Atomics.load(books.control, STOP) === 0; number++) {
  const message = compose(number);
  write(number, Sent.TRYING);
  switch (random(8)) {
    case 0:
      blocking(number, message, {});
      break;
    case 1:
      blocking(number, message, { timeout: random(3) });
      break;
    case 2:
      await later(number, tx.send(message));
      break;
    case 3:
      await later(number, tx.send(message, { timeout: random(3) }));
      break;
    case 4:
      void later(number, tx.send(message, { signal: abortSoon() }));
      break;
    case 5:
    case 6:
      void later(number, tx.send(message));
      break;
    default:
      write(number, tx.trySend(message) ? Sent.ADMITTED : Sent.REFUSED);
  }
  if (pending.size > 20) await Promise.race(pending);
  else if (random(16) === 0) await setImmediate();
}
tx.close();
await Promise.all(pending);
