/** A thread that queues tasks in every way until there are no more, or the channel is closed, or it is killed. */
import { setImmediate } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import {
  blockingRunTask,
  ChannelClosedError,
  runTask,
  Sender,
  type SenderHandle,
  SendTimeoutError,
  type Task,
  type TaskHandle,
} from '#index';
import { armExit } from '../support/arm-exit.js';
import { randomFrom } from '../support/wait.js';
import { accept, awaitEnd, type Books, nextNumber, Sent } from './books.js';
import { roundTask } from './round-task.js';

export interface ProducerSetup {
  readonly handle: SenderHandle<Task>;
  readonly books: Books;
  /** The round's, which says what each task is. */
  readonly roundSeed: number;
  readonly seed: number;
  /** Tasks without end may be among them. */
  readonly endless: boolean;
  /** Die at this call of an `Atomics` function; 0: live on. */
  readonly dieAt: number;
  /** Count only calls of `compareExchange`: most of a send's are made while the message is being written. */
  readonly inSend: boolean;
}

const { handle, books, roundSeed, seed, endless, dieAt, inSend } = workerData as ProducerSetup;
const random = randomFrom(seed);
const tx = Sender.attach<Task>(handle);
const sends = new Set<Promise<void>>();
const ends: Promise<void>[] = [];
let closed = false;

function write(number: number, outcome: number): void {
  Atomics.store(books.sent, number, outcome);
}

function accepted(number: number, handle: TaskHandle): void {
  accept(books, number, handle);
  if (random(2) === 0) ends.push(awaitEnd(books, number, handle));
}

/** Anything but these is a bug, and ends the round. */
function refused(number: number, error: unknown): void {
  if (error instanceof ChannelClosedError) closed = true;
  else if (!(error instanceof SendTimeoutError) && error !== 'aborted') throw error;
  write(number, Sent.REFUSED);
}

function block(number: number, task: Task, options: { timeout?: number }): void {
  try {
    accepted(number, blockingRunTask(task, tx, options));
  } catch (error) {
    refused(number, error);
  }
}

function later(
  number: number,
  task: Task,
  options: { timeout?: number; signal?: AbortSignal },
): Promise<void> {
  const send = runTask(task, tx, options).then(
    (each) => accepted(number, each),
    (error) => refused(number, error),
  );
  sends.add(send);
  return send.finally(() => sends.delete(send));
}

function abortSoon(): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort('aborted'), random(20));
  return controller.signal;
}

if (dieAt > 0) armExit(dieAt, random(2) === 0, inSend ? ['compareExchange'] : undefined);
while (!closed) {
  const number = nextNumber(books);
  if (number === undefined) break;
  const task = roundTask(roundSeed, number, endless);
  write(number, Sent.TRYING);
  switch (random(6)) {
    case 0:
      block(number, task, {});
      break;
    case 1:
      block(number, task, { timeout: random(30) });
      break;
    case 2:
      await later(number, task, {});
      break;
    case 3:
      await later(number, task, { timeout: random(30) });
      break;
    case 4:
      void later(number, task, { signal: abortSoon() });
      break;
    default:
      void later(number, task, {});
  }
  if (sends.size > 10) await Promise.race(sends);
  else if (random(16) === 0) await setImmediate();
}
await Promise.all(sends);
tx.close();
await Promise.all(ends);
