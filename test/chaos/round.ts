/**
 * One round of chaos: a channel, a runtime and producer threads; the worker thread and the producers end at random moments,
 * its tasks module cannot be loaded for a while, and the end comes early or late. Afterwards the books must balance.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  ChannelClosedError,
  channel,
  type DrainReport,
  type Receiver,
  type Runtime,
  runTask,
  type Sender,
  startRuntime,
  type Task,
} from '#index';
import { sharedWords, within } from '../fixtures/gates.js';
import { disturb } from '../support/disturb.js';
import { describeState } from '../support/state.js';
import { type Random, randomFrom } from '../support/wait.js';
import { threads } from '../support/watched-threads.js';
import { accept, awaitEnd, type Books, count, nextNumber, openBooks, Sent } from './books.js';
import { checkBooks, checkReport } from './check.js';
import { Crew } from './crew.js';
import { expectRefused, sendEarly } from './early.js';
import { roundTask } from './round-task.js';
import { HOW, LOADED, SPOILS, SPOILT } from './tasks.js';

/** How the round ends: everything has run; or the drain comes under load, with a deadline, or cut short. */
const End = { LATE: 0, DEADLINE: 1, CLOSE: 2, DRAIN_THEN_CLOSE: 3 } as const;
const ENDS = [End.LATE, End.LATE, End.DEADLINE, End.CLOSE, End.DRAIN_THEN_CLOSE];

const PATIENCE_MS = 20_000;
/** A drain that nothing holds up takes far less, however often its worker thread has to be replaced. */
const LATE_MS = 15_000;
const words = sharedWords();

export interface Totals {
  accepted: number;
  /** Their producers died, and nobody knows. */
  unknown: number;
  workersEnded: number;
  producersEnded: number;
  startsDisturbed: number;
  drainsDisturbed: number;
}

export function noTotals(): Totals {
  return {
    accepted: 0,
    unknown: 0,
    workersEnded: 0,
    producersEnded: 0,
    startsDisturbed: 0,
    drainsDisturbed: 0,
  };
}

export class Round {
  readonly totals: Totals = noTotals();
  readonly #seed: number;
  readonly #random: Random;
  readonly #books: Books;
  readonly #tx: Sender<Task>;
  readonly #rx: Receiver<Task>;
  readonly #end: number;
  readonly #crew: Crew;
  #broken: (error: unknown) => void = () => {};
  readonly #failed: Promise<never>;
  #stage = 'start';

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = randomFrom(seed);
    const capacity = 1 + this.#random(32);
    this.#end = ENDS[this.#random(ENDS.length)] ?? End.LATE;
    this.#books = openBooks(100 + this.#random(250));
    [this.#tx, this.#rx] = channel<Task>(capacity);
    this.#failed = new Promise((_, reject) => {
      this.#broken = reject;
    });
    this.#failed.catch(() => {}); // `run` looks at it
    const work = { books: this.#books, roundSeed: seed, endless: this.#end !== End.LATE };
    this.#crew = new Crew(this.#tx, work, this.#broken);
    words.fill(0);
    threads.length = 0;
  }

  async run(): Promise<void> {
    try {
      await Promise.race([this.#play(), this.#failed]);
    } catch (error) {
      throw new Error(`${inspect(error)}\n${this.#describe()}`, { cause: error });
    } finally {
      await Promise.all([this.#crew.dismiss(), ...threads.map((worker) => worker.terminate())]);
      this.totals.producersEnded = this.#crew.killed;
      this.totals.startsDisturbed += Atomics.load(words, SPOILS);
      this.totals.accepted += count(this.#books, Sent.ACCEPTED);
      this.totals.unknown += count(this.#books, Sent.TRYING);
    }
  }

  #describe(): string {
    const told = Object.entries(Sent).map(([name, outcome]) => `${name} ${count(this.#books, outcome)}`);
    const control = `control ${this.#books.control.join(' ')}, ${this.#crew}, ${threads.length} worker threads`;
    return `${this.#stage}: ${told.join(', ')}; ${control}\n${describeState(this.#tx.link.memory)}`;
  }

  async #play(): Promise<void> {
    const runtime = await this.#start();
    if (runtime === undefined) return;
    this.#stage = 'load';
    for (let n = 1 + this.#random(4); n > 0; n--) this.#crew.add();
    const mine = this.#produce();
    const done = new AbortController();
    const other = randomFrom(this.#seed + 1);
    const disturbed = disturb(other, runtime, (idle) => this.#strike(other, runtime, idle), done.signal);
    disturbed.catch(this.#broken);
    try {
      if (this.#end === End.LATE) await within(PATIENCE_MS, this.#crew.done(), 'the producers');
      else await sleep(200 + this.#random(1000));
      this.#stage = 'drain';
      const { report, open } = await this.#drain(runtime);
      this.#stage = 'after the drain';
      await within(PATIENCE_MS, this.#crew.done(), 'the producers, after the drain');
      done.abort();
      const ends = await within(PATIENCE_MS, mine, 'the ends of tasks');
      await within(PATIENCE_MS, Promise.all(ends), 'the ends of tasks');
      this.#stage = 'check';
      checkBooks(runtime, this.#books, words, this.#tx);
      checkReport(runtime, this.#books, { report, open, dropped: await disturbed });
      if (this.#end === End.LATE) assert.deepEqual(report.unfinished, []);
    } finally {
      done.abort();
    }
  }

  // ── The start ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts the runtime, perhaps in spite of all. `undefined`: it was refused, and that is well. */
  async #start(): Promise<Runtime | undefined> {
    const spoilt = this.#random(6) === 0;
    const killed = this.#random(6) === 0;
    if (spoilt) this.#spoil(this.#random);
    const starting = startRuntime(this.#rx, {
      tasks: new URL('./tasks.js', import.meta.url),
      concurrency: this.#random(2) === 0 ? 1 : 4,
      history: 4096,
      log: false,
    });
    starting.catch(() => {});
    const early = this.#random(3) === 0 ? sendEarly(this.#tx, 1 + this.#random(40)) : [];
    if (killed) setTimeout(() => this.#strikeDead(), this.#random(80));
    let runtime: Runtime | undefined;
    try {
      runtime = await within(PATIENCE_MS, starting, 'startRuntime');
    } catch (error) {
      if (!spoilt && !killed) throw error;
      this.#stage = 'refused';
      await within(PATIENCE_MS, expectRefused(this.#tx, early), 'tasks before a failed start');
    }
    return runtime;
  }

  // ── The load ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** This thread sends, too. Resolves with promises of the ends of its tasks. */
  async #produce(): Promise<Promise<void>[]> {
    const ends: Promise<void>[] = [];
    for (let number = nextNumber(this.#books); number !== undefined; number = nextNumber(this.#books)) {
      Atomics.store(this.#books.sent, number, Sent.TRYING);
      try {
        const handle = await runTask(roundTask(this.#seed, number, this.#end !== End.LATE), this.#tx);
        accept(this.#books, number, handle);
        ends.push(awaitEnd(this.#books, number, handle));
      } catch (error) {
        if (!(error instanceof ChannelClosedError)) this.#broken(error);
        Atomics.store(this.#books.sent, number, Sent.REFUSED);
        break;
      }
      await sleep(4); // the producers are to have most of the tasks
    }
    return ends;
  }

  // ── The disturbance ────────────────────────────────────────────────────────────────────────────────────────────

  #strike(random: Random, { failing }: Runtime, idle: boolean): void {
    const draining = this.#stage === 'drain';
    if (random(50) === 0) this.#crew.killOne(random);
    // Whoever dies at once, again and again, is started later and later: then there would be no end to it.
    if (failing) return;
    if (random(250) === 0) this.#spoil(random);
    if (random(idle ? 150 : 40) !== 0) return;
    if (draining) this.totals.drainsDisturbed += 1;
    this.#strikeDead();
  }

  #strikeDead(): void {
    const worker = threads.at(-1);
    if (worker === undefined) return;
    if (Atomics.load(words, LOADED) !== worker.threadId) this.totals.startsDisturbed += 1;
    this.totals.workersEnded += 1;
    void worker.terminate();
  }

  /** The next loads of the tasks module fail, or take their time. */
  #spoil(random: Random): void {
    Atomics.store(words, HOW, random(3));
    Atomics.store(words, SPOILT, 1 + random(2));
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Ends the runtime. `open`: the ids of accepted tasks that had not ended when it was told to. */
  async #drain(runtime: Runtime): Promise<{ report: DrainReport; open: number[] }> {
    const timeout = { [End.DEADLINE]: this.#random(400), [End.CLOSE]: 0 }[this.#end] ?? LATE_MS;
    const start = performance.now();
    const draining = runtime.drain({ timeout });
    const { sent, ids } = this.#books;
    const numbers = [...sent.keys()].filter((n) => Atomics.load(sent, n) === Sent.ACCEPTED);
    const open = numbers.map((n) => ids[n] ?? -1).filter((id) => runtime.ledger.isOpen(id));
    if (this.#end !== End.LATE) this.totals.drainsDisturbed += 1;
    if (this.#end === End.CLOSE || this.#end === End.DRAIN_THEN_CLOSE) {
      if (this.#end === End.DRAIN_THEN_CLOSE) await sleep(this.#random(400));
      await within(PATIENCE_MS, runtime.close(), 'close');
    }
    const report = await within(PATIENCE_MS + timeout, draining, 'drain');
    if (this.#end === End.LATE)
      assert.ok(performance.now() - start < LATE_MS, 'the drain had to be given up');
    return { report, open };
  }
}
