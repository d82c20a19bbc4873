/**
 * What each side of the queue costs its thread, in nanoseconds for each task: the enqueuer and the consumer take turns, a
 * batch each, so that neither waits for the other, while each finds the lines that it needs in the other core's cache. Who
 * `parks` until its turn comes, with a full queue each time, does so on a single core; the time of that is left out.
 * `accounted`: `blockingRunTask` to the executor; else the same tasks to a bare loop that calls their functions.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { blockingRunTask, channel, Receiver, type Task } from '#index';
import { taskExec } from '#runtime/executor';
import { Ledger } from '#runtime/ledger';
import { createLedgerMemory } from '#runtime/records';
import { moduleOf } from '#runtime/task';
import { spread } from '../statistics.js';
import { tasks } from './tasks.js';

export interface TurnsSetup {
  readonly accounted: boolean;
  readonly parks: boolean;
  readonly turns: number;
}

export interface TurnsResult {
  readonly enqueue: number;
  readonly consume: number;
}

const ENQUEUER = 0;
const CONSUMER = 1;
const NOBODY = 2;

const module = moduleOf(tasks) ?? { id: 0, names: [], definitions: [] };
/** Of each batch, in milliseconds. The first half, while the code is being compiled, is left out. */
const durations: number[] = [];
const typical = (parks: boolean) =>
  (spread(durations.slice(durations.length / 2)).median * 1e6) / batchOf(parks);

if (isMainThread) await enqueueInTurns(JSON.parse(process.argv[2] ?? '{}'));
else await consumeInTurns(workerData);

function batchOf(parks: boolean): number {
  return parks ? 32 : 16;
}

function waitFor(words: Int32Array, whose: number, parks: boolean): boolean {
  for (let turn = Atomics.load(words, 0); turn !== whose; turn = Atomics.load(words, 0)) {
    if (turn === NOBODY) return false;
    if (parks) Atomics.wait(words, 0, turn);
  }
  return true;
}

function giveTurn(words: Int32Array, whose: number): void {
  Atomics.store(words, 0, whose);
  Atomics.notify(words, 0);
}

async function enqueueInTurns({ accounted, parks, turns }: TurnsSetup): Promise<void> {
  const [tx, rx] = channel<Task>(32);
  const memory = createLedgerMemory(1024, 4096, false);
  rx.link.annex = tx.link.annex = memory;
  new Ledger(memory).module = module.id;
  const words = new Int32Array(new SharedArrayBuffer(4));
  const data = { rx: rx.share(), words, accounted, parks };
  const worker = new Worker(new URL(import.meta.url), { workerData: data });
  const consume = new Promise<number>((resolve) => worker.once('message', resolve));
  for (let turn = 0; turn < turns; turn++) {
    waitFor(words, ENQUEUER, parks);
    const begin = performance.now();
    for (let left = batchOf(parks); left > 0; left--) {
      const task = tasks.add('foo bar baz');
      if (accounted) blockingRunTask(task, tx);
      else tx.blockingSend(task);
    }
    durations.push(performance.now() - begin);
    giveTurn(words, CONSUMER);
  }
  waitFor(words, ENQUEUER, parks);
  giveTurn(words, NOBODY);
  const result: TurnsResult = { enqueue: typical(parks), consume: await consume };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function consumeInTurns({ rx: handle, words, accounted, parks }: typeof workerData): Promise<void> {
  const rx = Receiver.attach<Task>(handle);
  let left = 0;
  let begin = 0;
  const inTurns: Pick<Receiver<Task>, 'recv' | 'tryRecv'> = {
    tryRecv(accept) {
      if (left === 0) {
        if (begin > 0) {
          durations.push(performance.now() - begin);
          giveTurn(words, ENQUEUER);
        }
        if (!waitFor(words, CONSUMER, parks)) return undefined;
        begin = performance.now();
        left = batchOf(parks);
      }
      left -= 1;
      return rx.tryRecv(accept);
    },
    recv: async () => undefined, // the end
  };
  if (accounted) {
    const ledger = new Ledger(rx.link.annex ?? createLedgerMemory(8, 8, false));
    await taskExec(inTurns, { module, ledger, concurrency: 1, log: undefined });
  } else {
    for (let task = inTurns.tryRecv(); task !== undefined; task = inTurns.tryRecv()) {
      const fn = module.definitions[task.number]?.fn as (...args: readonly unknown[]) => unknown;
      fn(...task.args);
    }
  }
  parentPort?.postMessage(typical(parks));
}
