/**
 * A round of chaos. The owner and producer threads enqueue tasks that end in every way, while tasks are cancelled, the
 * worker thread and producers are terminated, and the end comes in some way. Then the books must balance: each accepted
 * task has exactly one final state, none ran more than once, and the counts say so.
 */
import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import * as library from '#index';
import { type Random, randomFrom } from '../../support/wait.js';
import { startProducer } from '../fixtures/producer.js';
import { tasks } from '../fixtures/tasks.js';
import { within, words } from './words.js';

const TASKS = new URL('../fixtures/tasks.js', import.meta.url);
/** A word for each task of the owner, which counts its runs; before them one for each producer. */
const FIRST_WORD = 64;
/** One in so many tasks is of each odd kind. */
const ODDS = 100;
const STATES = ['succeeded', 'failed', 'cancelled'] as const;

export interface Plan {
  readonly capacity: number;
  readonly concurrency: number;
  /** How many tasks the owner enqueues, and how many other threads do so. */
  readonly tasks: number;
  readonly producers: number;
  /** `quiet`: once all is done. `cut`: by a drain that may have to give up. */
  readonly end: 'quiet' | 'cut' | 'close';
}

let endsHeard = 0;
subscribe('async-tasks:end', () => {
  endsHeard += 1;
});

/**
 * Returns how many tasks ended in each way, and how many threads were ended. The same random numbers make the same choices;
 * the timing of threads they cannot repeat.
 */
export async function playRound(random: Random, plan: Plan): Promise<Record<string, number>> {
  words.fill(0);
  endsHeard = 0;
  const threads: Worker[] = [];
  const watch = (thread: Worker) => void threads.push(thread); // a runtime offers no way to end one at a random moment
  process.on('worker', watch);
  const { capacity, concurrency, end } = plan;
  const [tx, rx] = library.channel<library.Task>(capacity);
  const runtime = await library.startRuntime(rx, { tasks: TASKS, log: false, concurrency });
  const producers = Array.from({ length: plan.producers }, (_, n) => produce(tx, n + 1, random));
  const handles: library.TaskHandle[] = [];
  const takenBack = new Set<number>();
  let isOver = false;
  const workers = () => threads.filter((each) => !producers.some(({ thread }) => thread === each));

  async function enqueue(): Promise<void> {
    while (handles.length < plan.tasks) {
      const task = randomTask(random, FIRST_WORD + handles.length);
      const timeout = 1 + random(20);
      const ways = [
        () => library.blockingRunTask(task, tx, { timeout }),
        () => library.tryRunTask(task, tx),
        () => library.runTask(task, tx, { timeout }),
      ];
      try {
        const handle = await (ways[random(8)]?.() ?? library.runTask(task, tx));
        if (handle !== undefined) handles.push(handle);
      } catch (error) {
        if (!(error instanceof library.SendTimeoutError)) throw error;
      }
      if (random(10) === 0) await sleep(0);
    }
  }

  async function disturb(random: Random): Promise<void> {
    for (; !isOver; await sleep(1)) {
      const open = handles.slice(-64).filter((each) => each.status().finished === undefined);
      const cancelled = open[random(40 * open.length)];
      if (cancelled?.cancel() === 'queued') takenBack.add(cancelled.id);
      const running = runtime.stats().running.flatMap((id) => runtime.task(id) ?? []);
      for (const each of running) if (/Cancelled/.test(each.status().name) && random(10) === 0) each.cancel();
      if (running.length > 0 && random(80) === 0) void workers().at(-1)?.terminate();
      const sending = producers.filter((each) => each.runs() > 0);
      await sending[random(50 * sending.length)]?.bury();
    }
  }

  async function quiet(): Promise<void> {
    for (const each of producers) await each.exited;
    for (const each of producers) await each.bury();
    while (tx.length > 0) await sleep(1);
    await sleep(5);
    runtime.tasks(); // the last one of a producer is seen
    await runtime.idle();
  }

  const disturbed = disturb(randomFrom(random(2 ** 30)));
  await within(100_000, enqueue(), 'the sends');
  const ends = Promise.all(handles.map((each) => each.ended()));
  if (end === 'quiet') await within(60_000, quiet(), 'the tasks');
  const ending =
    end === 'close' ? runtime.close() : runtime.drain(end === 'cut' ? { timeout: random(200) } : {});
  const { finished, unfinished } = await within(30_000, ending, 'the end');
  if (end === 'quiet') assert.deepEqual([finished, unfinished], [[], []]);
  isOver = true;
  await disturbed;
  for (const each of producers) await each.bury();
  const records = await within(5000, ends, 'the ends');
  for (const { id, state, started } of records)
    if (takenBack.has(id)) assert.deepEqual([state, started], ['cancelled', undefined]);
  await within(1000, runtime.idle(), 'idle');
  process.off('worker', watch);
  const { restarts } = runtime.stats();
  assert.equal(restarts, workers().length - 1);
  return {
    ...balance(runtime, records, producers),
    cutOff: unfinished.length,
    restarts,
    producers: plan.producers,
  };
}

type Producer = ReturnType<typeof produce>;

/** A thread that sends tasks which count its word up. */
function produce(tx: library.Sender<library.Task>, word: number, random: Random) {
  const [handle, count] = [tx.share(), random(600)];
  const how = (['async', 'try', 'blocking'] as const)[random(3)] ?? 'async';
  const thread = startProducer({ handle, name: 'count', args: [word], count, how });
  thread.on('error', (error) => assert.match(error.message, /channel is closed/));
  const exited = new Promise((resolve) => thread.once('exit', resolve));
  let burial: Promise<void> | undefined;
  const bury = () => {
    burial ??= Promise.all([thread.terminate(), exited]).then(() => tx.bury(handle));
    return burial;
  };
  return { count, thread, exited, bury, runs: () => Atomics.load(words, word) };
}

function randomTask(random: Random, word: number): library.Task {
  const odd = [
    () => tasks.exit(word, 7),
    () => tasks.throwLater(word, random(2) === 0),
    () => tasks.countAndFail(word),
    () => tasks.exitLater(word, random(3)),
    () => tasks.waitUntilCancelled(word),
    () => tasks.spinUntilCancelled(word),
    () => tasks.armExit(word, 1 + random(24), random(2) === 0),
    () => (random(3) === 0 ? tasks.spin(word) : tasks.countAndFail(word)),
    () => (random(3) === 0 ? tasks.stuck(word, 8) : tasks.waitUntilCancelled(word)),
  ][random(ODDS)];
  return odd?.() ?? (random(2) === 0 ? tasks.count(word) : tasks.countLater(word, random(4)));
}

function balance(
  runtime: library.Runtime,
  records: readonly library.TaskRecord[],
  producers: readonly Producer[],
): Record<string, number> {
  for (const [n, { state, name, id, started }] of records.entries()) {
    const runs = Atomics.load(words, FIRST_WORD + n);
    const [least, most] = [state === 'succeeded' ? 1 : 0, started === undefined ? 0 : 1];
    assert.ok(least <= runs && runs <= most, `task ${id}, ${name}, ${state}, ran ${runs} times`);
  }
  assert.equal(new Set(records.map(({ id }) => id)).size, records.length);
  const { ended, running, queued } = runtime.stats();
  assert.deepEqual([running, queued], [[], 0]);
  const own = STATES.map((state) => records.filter((each) => each.state === state).length);
  const all = STATES.map((state) => [...ended.values()].reduce((sum, each) => sum + each[state], 0));
  const [others = 0, ...rest] = all.map((count, n) => count - (own[n] ?? 0)); // those of producers
  const foreign = rest.reduce((sum, each) => sum + each, others);
  const sent = producers.reduce((sum, { count }) => sum + count, 0);
  const runs = producers.reduce((sum, each) => sum + each.runs(), 0);
  // A task of a producer that has run may have failed with its thread before its end was told.
  const isBalanced = others <= runs && runs <= foreign && foreign <= sent && rest.every((each) => each >= 0);
  assert.ok(isBalanced, `${others} of ${foreign} succeeded, ${runs} of ${sent} ran`);
  assert.equal(endsHeard, records.length + foreign, 'each end is told of once');
  return { ...Object.fromEntries(STATES.map((state, n) => [state, own[n]])), foreign };
}
