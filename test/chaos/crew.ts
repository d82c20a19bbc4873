/** The producer threads of a round: whoever is killed is buried and replaced. */
import { Worker } from 'node:worker_threads';
import type { Sender, SenderHandle, Task } from '#index';
import { type Random, randomFrom } from '../support/wait.js';
import type { ProducerSetup } from './producer.js';

/** A channel has 31 senders at most; and one that dies at once is not replaced for ever. */
const MOST = 20;

interface Producer {
  readonly worker: Worker;
  readonly handle: SenderHandle<Task>;
  readonly exited: Promise<number>;
}

export class Crew {
  /** How many have been killed, or have died in a send. */
  killed = 0;
  readonly #tx: Sender<Task>;
  readonly #work: Pick<ProducerSetup, 'books' | 'roundSeed' | 'endless'>;
  readonly #broken: (error: unknown) => void;
  readonly #producers = new Set<Producer>();
  #started = 0;
  #dismissed = false;

  /** `broken` is told of any error that a producer did not expect. */
  constructor(
    tx: Sender<Task>,
    work: Pick<ProducerSetup, 'books' | 'roundSeed' | 'endless'>,
    broken: (error: unknown) => void,
  ) {
    this.#tx = tx;
    this.#work = work;
    this.#broken = broken;
  }

  toString(): string {
    return `${this.#producers.size} of ${this.#started} producers`;
  }

  add(): void {
    this.#started += 1;
    const random = randomFrom(this.#work.roundSeed + 1000 * this.#started);
    const handle = this.#tx.share();
    const inSend = random(2) === 0;
    const dieAt = random(2) === 0 ? 1 + random(inSend ? 120 : 1500) : 0;
    const workerData: ProducerSetup = { ...this.#work, handle, seed: random(2 ** 31), dieAt, inSend };
    const worker = new Worker(new URL('./producer.js', import.meta.url), { workerData });
    worker.on('error', this.#broken);
    const exited = new Promise<number>((resolve) => worker.once('exit', resolve));
    const producer: Producer = { worker, handle, exited };
    this.#producers.add(producer);
    void exited.then((code) => this.#bury(producer, code));
  }

  #bury(producer: Producer, code: number): void {
    this.#tx.bury(producer.handle);
    this.#producers.delete(producer);
    if (code === 0 || this.#dismissed) return; // it had nothing left to send
    this.killed += 1;
    if (this.#started < MOST) this.add();
  }

  killOne(random: Random): void {
    void [...this.#producers][random(this.#producers.size)]?.worker.terminate();
  }

  /** Resolves when no producer is left. */
  async done(): Promise<void> {
    while (this.#producers.size > 0) await Promise.race([...this.#producers].map(({ exited }) => exited));
  }

  async dismiss(): Promise<void> {
    this.#dismissed = true;
    await Promise.all([...this.#producers].map(({ worker }) => worker.terminate()));
  }
}
