/**
 * Chaos: `node build/test/runtime/chaos.deep.js [minutes] [seed]`. Many short rounds. In each, the owner and producer threads
 * enqueue tasks that end in every way, while the worker thread and producers are terminated, and the end comes in some way.
 * Then the books must balance. A failure prints the round's seed, which makes the same random choices again; the timing
 * of threads it cannot repeat.
 */
import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { Worker } from 'node:worker_threads';
import {
  blockingRunTask,
  ChannelClosedError,
  channel,
  type Runtime,
  runTask,
  type Sender,
  type SenderHandle,
  SendTimeoutError,
  startRuntime,
  type Task,
  type TaskHandle,
  type TaskRecord,
  tryRunTask,
} from '#index';
import { tasks } from './fixtures/tasks.js';
import { startProducer } from './support/producer.js';
import { type Random, randomFrom } from './support/random.js';
import { threads } from './support/threads.js';
import { within, words } from './support/words.js';

const TASKS = new URL('./fixtures/tasks.js', import.meta.url);
/** A word for each task of the owner, which counts its runs; before them one for each producer. */
const FIRST_WORD = 64;
const LINE_MS = 30_000;

const total = { rounds: 0, owned: 0, foreign: 0, workersEnded: 0, producersEnded: 0, cutOff: 0 };

function randomTask(random: Random, word: number): Task {
  switch (random(30)) {
    case 0:
      return tasks.exit(word, 7);
    case 1:
      return tasks.throwLater(word, random(2) === 0);
    case 2:
      return tasks.countAndFail(word);
    case 3:
      return tasks.exitLater(word, random(3));
    case 4:
      return tasks.waitUntilCancelled(word);
    case 5:
      return tasks.spinUntilCancelled(word);
    case 6:
      return random(3) === 0 ? tasks.spin(word) : tasks.count(word);
    case 7:
      return tasks.armExit(word, 1 + random(24), random(2) === 0);
    case 8:
      return tasks.stuck(word, 8);
    default:
      return random(2) === 0 ? tasks.count(word) : tasks.countLater(word, random(3));
  }
}

interface Producer {
  readonly handle: SenderHandle<Task>;
  readonly thread: Worker;
  readonly exited: Promise<void>;
  readonly word: number;
  isBuried: boolean;
}

class Round {
  readonly #random: Random;
  readonly #handles: TaskHandle[] = [];
  readonly #ends: Promise<TaskRecord>[] = [];
  readonly #producers: Producer[] = [];
  readonly #done = new AbortController();

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  async run(): Promise<void> {
    const random = this.#random;
    words.fill(0);
    threads.length = 0;
    const [tx, rx] = channel<Task>([1, 2, 7, 32, 600][random(5)]);
    const concurrency = 1 + random(4);
    const history = [1, 8, 4096][random(3)];
    const runtime = await startRuntime(rx, { tasks: TASKS, log: false, concurrency, history });
    for (let n = random(4); n > 0; n--) this.#produce(tx, n);
    const disturbed = this.#disturb(tx, runtime);
    await within(60_000, this.#enqueue(tx, 50 + random(150)), 'the sends');
    const how = random(3);
    if (how === 0) await this.#quiet(tx, runtime);
    const ending = how === 1 ? runtime.close() : runtime.drain({ timeout: how === 2 ? random(200) : 25_000 });
    const report = await within(30_000, ending, `the end, ${how}`);
    this.#done.abort();
    await disturbed;
    await Promise.all(this.#producers.map((each) => this.#bury(tx, each)));
    const records = await within(5000, Promise.all(this.#ends), 'the ends');
    await within(1000, runtime.idle(), 'idle');
    this.#balance(runtime, records);
    if (how === 0) assert.deepEqual([report.finished, report.unfinished], [[], []]);
    total.cutOff += report.unfinished.length;
    total.workersEnded += threads.length - 1;
  }

  #produce(tx: Sender<Task>, word: number): void {
    const handle = tx.share();
    const how = (['async', 'try', 'blocking'] as const)[this.#random(3)];
    const count = this.#random(600);
    const thread = startProducer({ handle, name: 'count', args: [word], count, how: how ?? 'async' });
    thread.on('error', (error) => {
      if (!/channel is closed/.test(error.message)) throw error;
    });
    const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    this.#producers.push({ handle, thread, exited, word, isBuried: false });
  }

  async #enqueue(tx: Sender<Task>, count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const task = randomTask(this.#random, FIRST_WORD + this.#handles.length);
      try {
        const handle = await this.#send(task, tx);
        if (handle === undefined) continue;
        this.#handles.push(handle);
        this.#ends.push(handle.ended());
      } catch (error) {
        if (!(error instanceof SendTimeoutError || error instanceof ChannelClosedError)) throw error;
      }
      if (this.#random(10) === 0) await sleep(0);
    }
  }

  #send(task: Task, tx: Sender<Task>): Promise<TaskHandle | undefined> | TaskHandle | undefined {
    const timeout = 1 + this.#random(20);
    const way = this.#random(8);
    if (way === 0) return blockingRunTask(task, tx, { timeout });
    if (way === 1) return tryRunTask(task, tx);
    return way === 2 ? runTask(task, tx, { timeout }) : runTask(task, tx);
  }

  /** Cancels tasks, and ends the worker thread and producers, until the round is over. */
  async #disturb(tx: Sender<Task>, runtime: Runtime): Promise<void> {
    const random = randomFrom(this.#random(2 ** 30));
    for (; !this.#done.signal.aborted; await sleep(1)) {
      const open = this.#handles.slice(-700).filter((each) => each.status().finished === undefined);
      const victim = open[random(open.length || 1)];
      const waits = victim !== undefined && /Cancelled/.test(victim.status().name);
      if (random(waits ? 3 : 40) === 0) victim?.cancel();
      const { running } = runtime.stats();
      for (const id of running) {
        const handle = runtime.task(id);
        if (handle !== undefined && /Cancelled/.test(handle.status().name) && random(10) === 0)
          handle.cancel();
      }
      if (running.length > 0 && random(80) === 0) void threads.at(-1)?.terminate();
      const [producer] = this.#producers.filter(
        ({ word, isBuried }) => !isBuried && Atomics.load(words, word) > 0,
      );
      if (producer !== undefined && random(50) === 0) await this.#bury(tx, producer);
    }
  }

  async #bury(tx: Sender<Task>, producer: Producer): Promise<void> {
    if (producer.isBuried) return;
    producer.isBuried = true;
    await producer.thread.terminate();
    await producer.exited;
    tx.bury(producer.handle);
    total.producersEnded += 1;
  }

  /** All producers are done, and all that was sent has ended. */
  async #quiet(tx: Sender<Task>, runtime: Runtime): Promise<void> {
    await within(60_000, Promise.all(this.#producers.map(({ exited }) => exited)), 'the producers');
    for (const each of this.#producers) await this.#bury(tx, each);
    await within(60_000, Promise.all(this.#ends), 'the tasks');
    const empty = async () => {
      while (tx.length > 0) await sleep(1);
      await runtime.idle();
    };
    await within(30_000, empty(), 'an empty queue');
    await sleep(5);
    runtime.tasks();
    await within(30_000, runtime.idle(), 'idle');
  }

  #balance(runtime: Runtime, records: readonly TaskRecord[]): void {
    const states = { succeeded: 0, failed: 0, cancelled: 0 };
    for (const [n, { state, name, id }] of records.entries()) {
      states[state as keyof typeof states] += 1;
      const runs = Atomics.load(words, FIRST_WORD + n);
      assert.ok(
        runs <= 1 && (state !== 'succeeded' || runs === 1),
        `task ${id}, ${name}, ${state}, ran ${runs} times`,
      );
    }
    const { ended, running, queued } = runtime.stats();
    assert.deepEqual([running, queued], [[], 0]);
    const counted = { succeeded: 0, failed: 0, cancelled: 0 };
    for (const each of ended.values())
      for (const state of ['succeeded', 'failed', 'cancelled'] as const) counted[state] += each[state];
    const foreign = counted.succeeded + counted.failed + counted.cancelled - records.length;
    const runs = this.#producers.reduce((sum, { word }) => sum + Atomics.load(words, word), 0);
    const others = counted.succeeded - states.succeeded;
    // A task of a producer that has run may have failed with its thread before its end was told.
    assert.ok(others <= runs && runs <= foreign, `${others} succeeded, ${runs} ran, ${foreign} ended`);
    assert.equal(endsHeard, records.length + foreign, 'each end is told of once');
    total.owned += records.length;
    total.foreign += foreign;
  }
}

let endsHeard = 0;
subscribe('async-tasks:end', () => {
  endsHeard += 1;
});
console.error = () => {}; // what the supervisor says of each thread that ends

const minutes = Number(process.argv[2] ?? 5);
const first = Number(process.argv[3] ?? Date.now() % 1_000_000);
const end = performance.now() + minutes * 60_000;
let nextLine = performance.now() + LINE_MS;
console.log(`${minutes} minutes, seed ${first}`);
for (let seed = first; total.rounds === 0 || performance.now() < end; seed++) {
  endsHeard = 0;
  try {
    await new Round(seed).run();
  } catch (error) {
    console.log(`FAILED: ${inspect(error)}\nagain: node build/test/runtime/chaos.deep.js 0 ${seed}`);
    process.exit(1);
  }
  total.rounds += 1;
  if (performance.now() < nextLine) continue;
  nextLine += LINE_MS;
  console.log(JSON.stringify(total));
}
console.log(JSON.stringify(total));
process.exit();
