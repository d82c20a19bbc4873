/** A thread of the stress test: it sends, or receives, in every way, and keeps books of it. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { isMainThread, workerData } from 'node:worker_threads';
import { Receiver, type ReceiverHandle, Sender, type SenderHandle } from '#channel';
import { type Random, randomFrom } from '../support/wait.js';

/** Bytes of a message; messages of a sender, which ends after that many; senders in a round, the dead ones included. */
export const MAX = { BYTES: 2048, MESSAGES: 1 << 15, SENDERS: 100 } as const;
const LONGEST = MAX.BYTES - 20;
/** What a sender was told of a message; 0: nothing yet. */
export const Fate = { SENT: 1, REFUSED: 2 } as const;
/** Words of `control`: the senders are to end; messages sent; messages taken; receivers so far. */
export const Word = { STOP: 0, SENT: 1, TAKEN: 2, RECEIVERS: 3 } as const;

export type Message = [sender: number, number: number, text: string];
export type Handle = SenderHandle<Message> | ReceiverHandle<Message>;

/** What all threads share, besides the channel. */
export interface Books {
  readonly control: Int32Array;
  /** One byte for each message: a value of `Fate`. */
  readonly fates: Uint8Array;
  /** One byte for each message: how often it was received. */
  readonly received: Uint8Array;
  /** For each sender, the number of its message that was received last, plus one. */
  readonly last: Int32Array;
}

/** What a message carries, so that the receiver can tell whether it is whole. */
function textOf(sender: number, number: number): string {
  const random = randomFrom(sender * MAX.MESSAGES + number);
  const length = [random(8), random(60), random(400), random(LONGEST), LONGEST][random(5)] ?? 0;
  return String.fromCharCode(33 + random(90)).repeat(length);
}

async function receive(rx: Receiver<Message>, { control, received, last }: Books, random: Random) {
  // Receivers before this one: each may have taken a message and not noted it.
  const killed = Atomics.add(control, Word.RECEIVERS, 1);
  /** `false`: there was no message. */
  const note = (message: Message | undefined): boolean => {
    if (message === undefined) return false;
    const [sender, number, text] = message;
    const at = sender * MAX.MESSAGES + number;
    received[at] = (received[at] ?? 0) + 1;
    const taken = Atomics.add(control, Word.TAKEN, 1) + 1;
    const inside = Atomics.load(control, Word.SENT) - taken;
    if (inside > rx.capacity + killed) throw new Error(`${inside} sent and not taken`);
    if (text !== textOf(sender, number)) throw new Error(`message ${number} of ${sender} is damaged`);
    const before = last[sender] ?? 0;
    if (number < before) throw new Error(`message ${number} of ${sender} came after ${before - 1}`);
    last[sender] = number + 1;
    return true;
  };
  for (let more = true; more; ) {
    const way = random(5);
    if (way < 2) more = note(await rx.recv());
    else if (way === 2) for (let burst = random(40); burst > 0 && note(rx.tryRecv()); burst--);
    else if (way === 3) await setImmediate();
    else more = note(rx.blockingRecv());
    if (random(1000) === 0) await setTimeout(random(30));
  }
}

async function send(tx: Sender<Message>, { control, fates }: Books, random: Random, sender: number) {
  const ways: ((message: Message) => boolean | Promise<void> | void)[] = [
    (message) => tx.blockingSend(message),
    (message) => tx.blockingSend(message, { timeout: random(3) }),
    (message) => tx.send(message),
    (message) => tx.send(message, { timeout: random(3) }),
    (message) => tx.send(message, { signal: AbortSignal.timeout(random(3)) }),
    (message) => tx.send(message, {}, undefined, true),
    (message) => tx.trySend(message),
    (message) => {
      let at = 0;
      const sent = (position: number) => {
        at = position;
      };
      return tx.trySend(message, { sent }) && (random(4) > 0 || !tx.takeBack(at));
    },
  ];
  const pending = new Set<Promise<void>>();
  for (let number = 0; number < MAX.MESSAGES && Atomics.load(control, Word.STOP) === 0; number++) {
    const write = (fate: number): void => {
      fates[sender * MAX.MESSAGES + number] = fate;
      if (fate === Fate.SENT) Atomics.add(control, Word.SENT, 1);
    };
    /** Anything but room that did not come in time is a bug. */
    const refuse = (error: unknown): void => {
      if (!/Timeout/.test((error as Error).name)) throw error; // of the send, or of its signal
      write(Fate.REFUSED);
    };
    try {
      const sent = ways[random(ways.length)]?.([sender, number, textOf(sender, number)]);
      if (sent instanceof Promise) {
        const noted = sent.then(() => write(Fate.SENT), refuse);
        pending.add(noted);
        void noted.then(() => pending.delete(noted));
        if (random(3) === 0) await noted;
      } else write(sent === false ? Fate.REFUSED : Fate.SENT);
    } catch (error) {
      refuse(error);
    }
    if (pending.size > 20) await Promise.race(pending);
    else if (random(16) === 0) await setImmediate();
  }
  tx.close();
  await Promise.all(pending);
}

if (!isMainThread) {
  const [handle, books, seed, sender] = workerData as [Handle, Books, number, number];
  const random = randomFrom(seed);
  if (handle.kind === 'receiver') await receive(Receiver.attach(handle), books, random);
  else await send(Sender.attach(handle), books, random, sender);
}
