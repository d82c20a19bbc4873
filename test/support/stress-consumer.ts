/** The receiving thread of the stress test: receives in every way, and checks each message while it is in the channel. */
import { setImmediate } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { Receiver, type ReceiverHandle } from '#channel';
import {
  ADMITTED,
  type Books,
  checksum,
  LAST_PRODUCER,
  MAX_ATTEMPTS,
  type Message,
  TAKEN,
} from './stress.js';
import { randomFrom } from './wait.js';

const { handle, books, mortal, seed } = workerData as {
  handle: ReceiverHandle<Message>;
  books: Books;
  /** May be terminated: then a message that was accepted last may come again. */
  mortal: boolean;
  seed: number;
};
const { control, received, last } = books;
const random = randomFrom(seed);
const rx = Receiver.attach(handle);
let first = true;

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** `taken`: how many messages have been taken out since the last one was noted. */
function note([producer, number, sum, text]: Message, taken: number): true {
  check(checksum(producer, number, text) === sum, `message ${number} of ${producer} is damaged`);
  const before = last[producer] ?? 0;
  const again = mortal && first && number + 1 === before && control[LAST_PRODUCER] === producer + 1;
  check(again || number >= before, `${number} of ${producer} came after ${before - 1}`);
  first = false;
  const inside = Atomics.load(control, ADMITTED) - Atomics.load(control, TAKEN);
  check(inside <= rx.capacity + taken, `${inside} admitted, capacity ${rx.capacity}`);
  if (!again) Atomics.add(control, TAKEN, 1);
  received[producer * MAX_ATTEMPTS + number] = 1;
  control[LAST_PRODUCER] = producer + 1;
  last[producer] = number + 1;
  return true;
}

const accept = (message: unknown) => note(message as Message, 0);

for (let more = true; more; ) {
  const form = random(mortal ? 4 : 5);
  if (form < 2) more = (await rx.recv(accept)) !== undefined;
  else if (form === 2) for (let burst = random(40); burst > 0 && rx.tryRecv(accept) !== undefined; burst--);
  else if (form === 3) await setImmediate();
  else {
    const message = rx.blockingRecv();
    more = message !== undefined && note(message, 1);
  }
  if (random(1000) === 0) await new Promise((resolve) => setTimeout(resolve, random(3)));
}
