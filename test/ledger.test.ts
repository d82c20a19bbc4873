/** The ledger: what its records say, who may change them, and that no reader ever sees half of one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { channelIn } from '#channel';
import { createMemory } from '#channel/memory';
import { Encoder } from '#codec';
import { now, wallOffset } from '#runtime/clock';
import { Ledger } from '#runtime/ledger';
import type { FinalState, TaskState } from '#runtime/record';
import { createLedgerMemory } from '#runtime/records';
import { eventually } from './fixtures/gates.js';
import { heapInUse } from './fixtures/heap.js';
import { fieldsOf, type LedgerThreadData } from './fixtures/ledger-thread.js';
import { setClock } from './support/clock.js';
import { seedFrom } from './support/wait.js';

const seed = seedFrom('LEDGER_SEED');
console.log(`LEDGER_SEED=${seed}`);

const FINAL: readonly FinalState[] = ['succeeded', 'failed', 'cancelled'];

function make(history = 8, resultBytes = 256): Ledger {
  return new Ledger(createLedgerMemory(history, resultBytes, true));
}

/** A task in that state at `position`; its id. */
function reach(ledger: Ledger, position: number, state: TaskState): number {
  const id = ledger.enqueue(position, 0, 'sync');
  if (state === 'queued') return id;
  assert.equal(ledger.start(position, now()), true);
  ledger.begin(id, now(), 0);
  if (state !== 'running') assert.ok(ledger.finish(id, state, undefined, now()));
  return id;
}

function spawn(data: LedgerThreadData): Worker {
  return new Worker(new URL('./fixtures/ledger-thread.js', import.meta.url), { workerData: data });
}

describe('A record', () => {
  test('keeps the id of the request, and only of its own', () => {
    const ledger = make();
    const longest = 'x'.repeat(64);
    for (const [position, requestId] of [longest, undefined, 'r-1'].entries()) {
      for (const lap of [0, 8]) {
        const id = ledger.enqueue(position + lap, 0, 'sync', requestId);
        assert.equal(ledger.read(id)?.requestId, requestId);
      }
      assert.equal(ledger.read(ledger.enqueue(position + 16, 0, 'sync'))?.requestId, undefined);
    }
  });

  test('tells what became of its task, step by step', (t) => {
    const ledger = make();
    const other = new Ledger(ledger.memory); // as another thread sees it
    setClock(t, () => 5000);
    const id = ledger.enqueue(3, 7, 'async');
    assert.deepEqual(other.read(id), {
      id: 3,
      fn: 7,
      requestId: undefined,
      kind: 'async',
      state: 'queued',
      cancelRequested: false,
      progress: undefined,
      enqueued: ledger.wallTime(5000),
      started: undefined,
      finished: undefined,
      deadline: undefined,
      outcome: undefined,
      omittedBytes: undefined,
    });
    assert.equal(ledger.start(3, 5500), true);
    ledger.begin(id, 6000, 500);
    ledger.progress(id, 0.25);
    const running = other.read(id);
    assert.equal(running?.state, 'running');
    assert.equal(running.started, ledger.wallTime(6000));
    assert.equal(running.deadline, ledger.wallTime(6000) + 500);
    assert.equal(running.progress, 0.25);
    assert.equal(other.cancel(id), 'running');
    assert.equal(ledger.cancelRequested(id), true);
    assert.equal(other.read(id)?.cancelRequested, true);
    assert.equal(ledger.finish(id, 'succeeded', { words: 2 }, 6100), 'succeeded');
    const ended = other.read(id);
    assert.equal(ended?.state, 'succeeded');
    assert.equal(ended.finished, ledger.wallTime(6100));
    assert.deepEqual(ended.outcome, { words: 2 });
  });

  test('never starts before it was enqueued, though the executor looked at the clock just before it came', (t) => {
    const ledger = make();
    setClock(t, () => 5000);
    const id = ledger.enqueue(3, 7, 'sync');
    ledger.start(3, 4999);
    assert.equal(ledger.read(id)?.started, ledger.wallTime(5000));
  });

  test('keeps an error with its name, message, code, cause and stack', () => {
    const ledger = make(8, 4096);
    const id = reach(ledger, 0, 'running');
    const error = Object.assign(new RangeError('too far', { cause: new Error('why') }), { code: 'E_FAR' });
    ledger.finish(id, 'failed', error, 1);
    const read = ledger.read(id)?.outcome as typeof error;
    assert.ok(read instanceof RangeError);
    assert.equal(read.message, 'too far');
    assert.equal(read.code, 'E_FAR');
    assert.equal(read.stack, error.stack);
    assert.equal((read.cause as Error).message, 'why');
  });

  test('is unknown before its task was accepted, and after its send has failed', () => {
    const ledger = make();
    for (const id of [0, 1, 7, 8, 1000, 2 ** 32, 2 ** 40, -1]) {
      assert.equal(ledger.read(id), undefined);
      assert.equal(ledger.cancel(id), undefined);
      assert.equal(ledger.isOpen(id), false);
      assert.equal(ledger.cancelRequested(id), false);
    }
    const id = ledger.enqueue(0, 0, 'sync');
    ledger.withdraw(id);
    assert.equal(ledger.read(id), undefined);
    assert.equal(ledger.cancel(id), undefined);
    assert.equal(ledger.isOpen(id), false);
    assert.deepEqual(ledger.open(), []);
  });

  test('is not made, nor touched, for a task that was sent without `runTask`: that one runs all the same', () => {
    for (const state of ['succeeded', 'running', 'queued'] as const) {
      const ledger = make();
      const former = reach(ledger, 5, state);
      assert.equal(ledger.start(13, 1), true);
      ledger.begin(13, 1, 60);
      ledger.progress(13, 0.5);
      assert.equal(ledger.finish(13, 'failed', undefined, 2), undefined);
      assert.equal(ledger.read(former)?.state, state);
      assert.equal(ledger.read(former)?.progress, state === 'succeeded' ? 1 : undefined);
      assert.equal(ledger.read(13), undefined);
    }
  });

  test('leaves out an outcome that is too large, and says how large it was', () => {
    const ledger = make(8, 256);
    const large = { text: 'x'.repeat(1000) };
    for (const [position, state] of (['succeeded', 'failed'] as const).entries()) {
      const id = reach(ledger, position, 'running');
      assert.equal(ledger.finish(id, state, large, 1), state);
      const record = ledger.read(id);
      assert.equal(record?.state, state);
      assert.equal(record.outcome, undefined);
      assert.equal(record.omittedBytes, new Encoder(65_536).encode(large));
    }
    const fits = reach(ledger, 2, 'running');
    ledger.finish(fits, 'succeeded', 'x'.repeat(250), 1);
    assert.equal(ledger.read(fits)?.outcome, 'x'.repeat(250));
    assert.equal(ledger.read(fits)?.omittedBytes, undefined);
    const next = reach(ledger, 8, 'succeeded'); // the record of the first one
    assert.equal(ledger.read(next)?.omittedBytes, undefined);
    assert.equal(ledger.read(next)?.outcome, undefined);
  });
});

describe('A task', () => {
  test('is started at most once, and ends exactly once', () => {
    const ledger = make();
    const id = reach(ledger, 0, 'queued');
    assert.equal(ledger.finish(id, 'succeeded', 1, 1), undefined, 'before it was started');
    assert.equal(ledger.start(0, 1), true);
    assert.equal(ledger.start(0, 1), false, 'a second time');
    assert.equal(ledger.finish(id, 'succeeded', 'first', 1), 'succeeded');
    for (const state of FINAL) assert.equal(ledger.finish(id, state, 'second', 2), undefined);
    assert.equal(ledger.start(0, 1), false);
    assert.equal(ledger.read(id)?.outcome, 'first');
  });

  test('that is queued is cancelled at once and never started', () => {
    const ledger = make();
    const id = reach(ledger, 0, 'queued');
    assert.equal(ledger.cancel(id), 'queued');
    assert.equal(ledger.read(id)?.state, 'cancelled');
    assert.equal(typeof ledger.read(id)?.finished, 'number');
    assert.equal(ledger.cancel(id), 'cancelled');
    assert.equal(ledger.start(0, 1), false);
    assert.equal(ledger.read(id)?.started, undefined);
  });

  test('that runs is told to stop, however often it is asked, and can still end in any way', () => {
    for (const state of FINAL) {
      const ledger = make();
      const id = reach(ledger, 0, 'running');
      assert.equal(ledger.cancelRequested(id), false);
      assert.equal(ledger.cancel(id), 'running');
      assert.equal(ledger.cancel(id), 'running');
      assert.equal(ledger.cancelRequested(id), true);
      assert.equal(ledger.finish(id, state, undefined, 1), state);
      assert.equal(ledger.cancel(id), state);
    }
  });

  test('that has ended cannot be cancelled', () => {
    for (const state of FINAL) {
      const ledger = make();
      const id = reach(ledger, 0, state);
      assert.equal(ledger.cancel(id), state);
      assert.equal(ledger.cancelRequested(id), false);
      assert.equal(ledger.read(id)?.state, state);
    }
  });

  test('is either started or cancelled when both are tried at once', async () => {
    const ledger = make(16);
    const words = new Int32Array(new SharedArrayBuffer(12));
    const thread = spawn({ memory: ledger.memory, words, job: 'cancel' });
    const exited = once(thread, 'exit');
    await eventually(() => Atomics.load(words, 2) === 1);
    const won = { start: 0, cancel: 0 };
    const tried = (id: number) => Math.abs(Atomics.load(words, 1)) === id;
    // On one processor each round takes a time slice, and nobody is first by chance.
    for (let id = 1, end = performance.now() + 2000; id < 20_000 && performance.now() < end; id++) {
      assert.equal(ledger.enqueue(id, 0, 'sync'), id);
      Atomics.store(words, 0, id); // lets the other thread cancel it
      if (id % 8 === 0) while (!tried(id));
      else for (let wait = (id % 40) * 20; wait > 0; wait--) Atomics.load(words, 2);
      const started = ledger.start(id, 1);
      while (!tried(id));
      const cancelled = Atomics.load(words, 1) === id;
      assert.notEqual(started, cancelled, `task ${id} was ${started ? 'both' : 'neither'}`);
      assert.equal(ledger.read(id)?.state, started ? 'running' : 'cancelled');
      if (started) assert.equal(ledger.cancelRequested(id), true);
      if (started) ledger.finish(id, 'succeeded', undefined, 1);
      won[started ? 'start' : 'cancel'] += 1;
    }
    Atomics.store(words, 0, -1);
    await exited;
    assert.ok(won.start > 10 && won.cancel > 10, `Expected both to win at times: ${JSON.stringify(won)}`);
  });
});

describe('A record that is used again', () => {
  test('says nothing of its former task', () => {
    const ledger = make(8);
    const old = reach(ledger, 1, 'succeeded');
    const next = reach(ledger, 9, 'queued');
    assert.notEqual(old, next);
    assert.equal(ledger.read(old), undefined);
    assert.equal(ledger.cancel(old), undefined);
    assert.equal(ledger.finish(old, 'failed', 1, 1), undefined);
    assert.equal(ledger.isOpen(old), false);
    assert.equal(ledger.read(next)?.state, 'queued');
  });

  test('does not inherit a request to stop, a result, a time or a progress', () => {
    const ledger = make(8);
    const old = reach(ledger, 1, 'running');
    ledger.begin(old, 1000, 1000);
    ledger.progress(old, 0.5);
    ledger.cancel(old);
    ledger.finish(old, 'failed', new Error('old'), 3000);
    const next = reach(ledger, 9, 'running');
    const record = ledger.read(next);
    assert.equal(ledger.cancelRequested(next), false);
    assert.equal(record?.cancelRequested, false);
    assert.equal(record.progress, undefined);
    assert.equal(record.outcome, undefined);
    assert.equal(record.deadline, undefined);
  });

  test('is not touched by a task that goes on after it was given up', () => {
    const ledger = make(8);
    const old = reach(ledger, 1, 'failed'); // past its deadline, say, but its function still runs
    ledger.progress(old, 0.5);
    assert.equal(ledger.read(old)?.progress, undefined, 'a final record does not change');
    const next = reach(ledger, 9, 'running');
    ledger.progress(old, 0.75);
    assert.equal(ledger.read(next)?.progress, undefined);
  });

  test('is given away only when its task has ended', () => {
    const ledger = make(8);
    const id = reach(ledger, 1, 'running');
    assert.equal(ledger.enqueue(9, 3, 'async'), -1);
    assert.equal(ledger.enqueue(17, 3, 'async'), -1);
    assert.equal(ledger.read(id)?.fn, 0);
    ledger.finish(id, 'succeeded', 'mine', 1);
    assert.equal(ledger.read(id)?.outcome, 'mine');
    assert.equal(ledger.enqueue(25, 3, 'async'), 25);
  });

  test('is never seen half old and half new by another thread', async (t) => {
    const ledger = make(8, 256);
    const words = new Int32Array(new SharedArrayBuffer(12));
    const thread = spawn({ memory: ledger.memory, words, job: 'read' });
    const told = once(thread, 'message');
    await eventually(() => Atomics.load(words, 2) === 1);
    let enqueued = 0;
    setClock(t, () => enqueued);
    const end = performance.now() + 1000;
    try {
      for (let id = 0; id % 64 !== 0 || performance.now() < end; id++) {
        const fields = fieldsOf(id);
        enqueued = fields.enqueued;
        ledger.enqueue(id, fields.fn, fields.kind);
        Atomics.store(words, 0, id);
        ledger.start(id, fields.started);
        ledger.begin(id, fields.started, fields.deadline - fields.started);
        ledger.progress(id, (id % 100) / 100);
        ledger.finish(id, 'succeeded', fields.outcome, fields.finished);
      }
    } finally {
      Atomics.store(words, 1, 1);
    }
    const [{ seen, mixed }] = await told;
    assert.deepEqual(mixed, []);
    assert.ok(seen.succeeded > 1000 && seen.running > 100, JSON.stringify(seen));
  });
});

describe('Ids', () => {
  test('stay unique and in order when positions wrap around', () => {
    const ledger = make(8);
    const ids: number[] = [];
    for (let n = -24; n < 24; n++) {
      const id = reach(ledger, (2 ** 32 + n) | 0, 'succeeded');
      assert.equal(ledger.read(id)?.id, id);
      for (const old of ids.slice(0, -7)) assert.equal(ledger.read(old), undefined, `${old} after ${id}`);
      for (const recent of ids.slice(-7)) assert.equal(ledger.read(recent)?.id, recent);
      ids.push(id);
    }
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    );
    assert.equal(new Set(ids).size, 48);
    assert.deepEqual(ledger.open(), []);
  });

  test('survive many rounds of all positions', () => {
    const ledger = make(8);
    let former: number[] = [];
    for (let round = 0; round < 8; round++) {
      for (const first of [0, 2 ** 31 - 4, 2 ** 32 - 8]) {
        const ids = Array.from({ length: 8 }, (_, n) => reach(ledger, (first + n) | 0, 'succeeded'));
        assert.deepEqual(
          ids,
          ids.map((_, n) => round * 2 ** 32 + first + n),
        );
        for (const id of ids) assert.equal(ledger.read(id)?.id, id);
        for (const id of former) assert.equal(ledger.read(id), undefined);
        former = ids;
      }
    }
  });

  test('are those of the channel, across its wrap-around', async () => {
    const ledger = make(8);
    const [tx, rx] = channelIn<number>(createMemory(4, 64, 8, -10));
    const ids: number[] = [];
    for (let n = 0; n < 40; n++) {
      let id = -1;
      const claimed = (position: number) => {
        id = ledger.enqueue(position, n, 'sync');
        return id >= 0;
      };
      await tx.send(n, {}, { claimed });
      const value = rx.tryRecv((_, position) => {
        assert.equal(ledger.start(position, n), true);
        return true;
      });
      assert.equal(value, n);
      assert.equal(ledger.read(id)?.fn, n);
      ledger.finish(id, 'succeeded', n, 1);
      ids.push(id);
    }
    assert.deepEqual(
      ids,
      Array.from({ length: 40 }, (_, n) => 2 ** 32 - 10 + n),
    );
  });

  test('are listed, oldest first, while their tasks are open', () => {
    const ledger = make(8);
    reach(ledger, -3, 'succeeded');
    const old = reach(ledger, -1, 'running');
    const queued = reach(ledger, -2, 'queued');
    assert.deepEqual(
      ledger.open(),
      [queued, old].sort((a, b) => a - b),
    );
    assert.deepEqual(ledger.running(), [old]);
  });
});

test('Any sequence of steps leaves the ledger as a simple model says', () => {
  interface Known {
    id: number;
    position: number;
    state: TaskState | 'withdrawn';
    asked: boolean;
  }
  const step = fc.tuple(
    fc.constantFrom('enqueue', 'start', 'succeeded', 'failed', 'cancelled', 'cancel', 'withdraw'),
    fc.nat(11),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const ledger = make(8);
      const tasks: Known[] = [];
      let position = -12; // soon round zero
      for (const [what, which] of steps) {
        const task = tasks.at(-1 - (which % 9));
        if (what === 'enqueue') {
          const former = tasks.findLast((each) => ((each.position ^ position) & 7) === 0);
          if (former?.state === 'queued') continue; // the channel would not claim it
          const id = ledger.enqueue(position, 1, 'sync');
          assert.equal(id < 0, former?.state === 'running');
          if (id >= 0) tasks.push({ id, position, state: 'queued', asked: false });
          position += 1;
        } else if (task !== undefined && tasks.lastIndexOf(task) >= tasks.length - 8) {
          if (what === 'start') {
            if (ledger.read(task.id) === undefined) continue; // a withdrawn message is never received
            assert.equal(ledger.start(task.position, 1), task.state === 'queued');
            if (task.state === 'queued') task.state = 'running';
          } else if (what === 'withdraw') {
            if (task.state !== 'queued') continue; // only a send that failed is withdrawn: nobody has received it
            ledger.withdraw(task.id);
            task.state = 'withdrawn';
          } else if (what === 'cancel') {
            if (ledger.read(task.id) === undefined) continue;
            assert.equal(ledger.cancel(task.id), task.state);
            if (task.state === 'queued' || task.state === 'running') task.asked = true;
            if (task.state === 'queued') task.state = 'cancelled';
          } else if (FINAL.includes(what as FinalState)) {
            const ended = ledger.finish(task.id, what as FinalState, which, 1);
            assert.equal(ended, task.state === 'running' ? what : undefined);
            if (task.state === 'running') task.state = what as FinalState;
          }
        }
        for (const each of tasks) {
          const record = ledger.read(each.id);
          if (record === undefined) continue;
          assert.equal(record.state, each.state);
          assert.equal(record.id, each.id);
          assert.equal(record.cancelRequested, each.asked);
        }
        const open = tasks.filter(({ state }) => state === 'queued' || state === 'running');
        assert.deepEqual(
          ledger.open(),
          open.map(({ id }) => id).sort((a, b) => a - b),
        );
      }
    }),
    { seed, numRuns: 300 },
  );
});

test('Whoever watches a task learns whether there is an end to wait for', () => {
  const ledger = make();
  const queued = reach(ledger, 1, 'queued');
  const running = reach(ledger, 2, 'running');
  const ended = reach(ledger, 3, 'succeeded');
  const gone = reach(ledger, 4, 'succeeded');
  reach(ledger, 12, 'queued');
  assert.deepEqual(
    [queued, running, ended, gone].map((id) => ledger.watchers.watch(id, 30)),
    [true, true, false, false],
  );
  ledger.cancel(queued);
  assert.equal(ledger.watchers.watch(queued, 30), false);
});

test('Who waits for a task that turns out not to have been accepted is woken', () => {
  const ledger = make();
  const [withdrawn, left] = [ledger.enqueue(0, 0, 'sync'), ledger.enqueue(1, 0, 'sync')];
  for (const [slot, id] of [withdrawn, left].entries()) assert.ok(ledger.watchers.watch(id, slot));
  ledger.withdraw(withdrawn);
  assert.deepEqual([ledger.watchers.wakes(0), ledger.watchers.wakes(1)], [1, 0]);
  ledger.close(); // the sender of the other one has died
  assert.equal(ledger.watchers.wakes(1), 1);
  for (const [slot, id] of [withdrawn, left].entries()) assert.equal(ledger.watchers.watch(id, slot), false);
});

test('A sender may be killed at any call while positions pass 2³¹ or start again: later ids are right', (t) => {
  const run = (ledger: Ledger, position: number) => reach(ledger, position, 'succeeded');
  for (const first of [2 ** 31, 2 ** 32]) {
    for (let left = 0; left < 2; left++) {
      const ledger = make();
      for (let n = -16; n < 0; n++) run(ledger, (first + n) | 0);
      let calls = 0;
      const { store } = Atomics;
      t.mock.method(Atomics, 'store', (...args: Parameters<typeof store>) => {
        const result = store(...args);
        if (calls++ === left) throw new Error('killed');
        return result;
      });
      assert.throws(() => ledger.enqueue(first | 0, 0, 'sync'), /killed/);
      t.mock.restoreAll();
      for (let n = 1; n < 16; n++) assert.equal(run(ledger, (first + n) | 0), first + n);
    }
  }
});

test('Whoever cancels a task wakes who waits for it, and so does the executor when it finds it, lest the first was killed', () => {
  const ledger = make();
  const id = reach(ledger, 1, 'queued');
  assert.equal(ledger.watchers.watch(id, 3), true);
  assert.equal(ledger.cancel(id), 'queued');
  assert.equal(ledger.watchers.wakes(3), 1);
  assert.equal(ledger.cancel(id), 'cancelled');
  assert.equal(ledger.watchers.wakes(3), 2, 'and whoever cancels it again');
  assert.equal(ledger.start(1, 1), false);
  assert.equal(ledger.watchers.wakes(3), 3);
  assert.equal(ledger.start(1, 1), false);
  assert.equal(ledger.watchers.wakes(3), 3);
});

test('Wall time is taken when both clocks were read without an interruption', (t) => {
  let [clock, reads] = [1000, 0];
  setClock(t, () => clock);
  // The thread loses its processor for 4 ms after the first look at the time of day.
  t.mock.method(Date, 'now', () => {
    const wall = 1_000_000 + clock;
    if (reads++ === 0) clock += 4;
    return wall;
  });
  assert.equal(wallOffset(), 1_000_000);
  t.mock.method(Date, 'now', () => {
    if (reads++ === 5) clock += 4; // and now before it
    return 1_000_000 + clock;
  });
  assert.equal(wallOffset(), 1_000_000);
});

test('Memory does not grow with the number of tasks', () => {
  const ledger = make(64);
  const round = (from: number) => {
    for (let position = from; position < from + 20_000; position++) {
      const id = reach(ledger, position, 'running');
      ledger.watchers.watch(id, position % 31);
      ledger.finish(id, 'succeeded', { position }, 1);
      ledger.read(id);
    }
  };
  round(0);
  const before = heapInUse();
  for (let n = 1; n < 6; n++) round(n * 20_000);
  assert.ok(heapInUse() - before < 1_000_000, 'Expected less than 10 bytes for each task');
});
