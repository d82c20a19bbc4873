/** The receiving thread of the stress test: receives in every way, and checks each message. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { Receiver } from '#channel';
import { randomFrom } from '../support/wait.js';
import {
  checksum,
  MAX_MESSAGES,
  type Message,
  RECEIVERS,
  type ReceiverData,
  SENT,
  TAKEN,
} from './stress-books.js';

const { handle, books, seed }: ReceiverData = workerData;
const { control, received, last } = books;
const random = randomFrom(seed);
const rx = Receiver.attach(handle);
/** Receivers before this one: each may have taken a message and not noted it. */
const killed = Atomics.add(control, RECEIVERS, 1);

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** `false`: there was no message. */
function note(message: Message | undefined): boolean {
  if (message === undefined) return false;
  const [sender, number, sum, text] = message;
  const at = sender * MAX_MESSAGES + number;
  received[at] = (received[at] ?? 0) + 1;
  Atomics.add(control, TAKEN, 1);
  check(checksum(sender, number, text) === sum, `message ${number} of ${sender} is damaged`);
  const before = last[sender] ?? 0;
  check(number >= before, `message ${number} of ${sender} came after ${before - 1}`);
  last[sender] = number + 1;
  const inside = Atomics.load(control, SENT) - Atomics.load(control, TAKEN);
  check(inside <= rx.capacity + killed, `${inside} sent and not taken`);
  return true;
}

for (let more = true; more; ) {
  const way = random(5);
  if (way < 2) more = note(await rx.recv());
  else if (way === 2) for (let burst = random(40); burst > 0 && note(rx.tryRecv()); burst--);
  else if (way === 3) await setImmediate();
  else more = note(rx.blockingRecv());
  if (random(1000) === 0) await setTimeout(random(30));
}
