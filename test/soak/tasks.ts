/**
 * The tasks of the soak. Each counts how it ends, in memory that outlives the thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncTask, currentTask, defineTasks, syncTask, type TaskContext } from '#index';
import { sharedWords } from '../fixtures/gates.js';

/** The words that count. */
export const Count = { BEGUN: 0, SUCCEEDED: 1, FAILED: 2, CANCELLED: 3 } as const;

/** The ledger has room for 4,096 bytes of a result: one that just fits, and one that is left out. */
export const NEAR_LIMIT = 4000;
export const OVER_LIMIT = 5000;

const HOLD_MS = 1300;
const WAIT_MS = 20;
const words = sharedWords();
const never = new Int32Array(new SharedArrayBuffer(4));

function add(count: number): void {
  Atomics.add(words, count, 1);
}

function addEnd(context: TaskContext, failed: boolean): void {
  add(!failed ? Count.SUCCEEDED : context.cancelled ? Count.CANCELLED : Count.FAILED);
}

function counted<R>(run: (context: TaskContext) => R): R {
  const context = currentTask();
  let failed = true;
  add(Count.BEGUN);
  try {
    const result = run(context);
    failed = false;
    return result;
  } finally {
    addEnd(context, failed);
  }
}

async function countedAsync<R>(run: (context: TaskContext) => Promise<R>): Promise<R> {
  const context = currentTask();
  let failed = true;
  add(Count.BEGUN);
  try {
    const result = await run(context);
    failed = false;
    return result;
  } finally {
    addEnd(context, failed);
  }
}

/** What a text's first word asks for; any other text is only measured. */
const kinds: Readonly<Record<string, (context: TaskContext) => unknown>> = {
  fail() {
    throw new RangeError('on purpose', { cause: new Error('the cause') });
  },
  near: () => 'x'.repeat(NEAR_LIMIT),
  over: () => 'x'.repeat(OVER_LIMIT),
  busy() {
    for (const end = performance.now() + 1; performance.now() < end; );
  },
  /** Until somebody asks it to stop, but not for long: few do. */
  wait(context) {
    for (const end = performance.now() + WAIT_MS; performance.now() < end; Atomics.wait(never, 0, 0, 1))
      context.throwIfCancelled();
  },
  /** For longer than a request waits for room. */
  hold: () => void Atomics.wait(never, 0, 0, HOLD_MS),
  exit() {
    add(Count.FAILED);
    const exit: (code: number) => void = process.exit;
    exit(3);
    for (;;); // the thread ends within this loop
  },
};

let asyncRuns = 0;

export const tasks = defineTasks({
  sync: syncTask((someVar: string) => counted(() => someVar)),
  async: asyncTask((someVar: string) =>
    countedAsync(async ({ signal }) => {
      await sleep(1, undefined, { signal });
      asyncRuns += 1;
      if (asyncRuns % 8 === 0) throw new Error('on purpose, later');
      return someVar;
    }),
  ),
  text: syncTask(
    (text: string) => {
      const kind = /^\w*/.exec(text)?.[0] ?? '';
      return counted((context) => (kinds[kind] === undefined ? text.length : kinds[kind](context)));
    },
    { timeout: 60_000 },
  ),
});
