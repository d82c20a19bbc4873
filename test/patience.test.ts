/** How threads wait: when they look or nap, when they give that up, and who is woken when. Time and sleep are played. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { channelIn, type Receiver, Sender } from '#channel';
import { BELL, createMemory } from '#channel/memory';
import { ReceiverPatience, SenderPatience } from '#channel/patience';
import { EMPTY, Ring } from '#channel/ring';

const FEW_WAITS = 8;
const MOST_WAITS = 255;
const SENDER_NAP_MS = 0.1;
const RECEIVER_NAP_MS = 1;

class Bench {
  readonly memory: SharedArrayBuffer;
  readonly tx: Sender<number>;
  readonly rx: Receiver<number>;
  readonly ring: Ring;
  readonly idle: ReceiverPatience;
  /** How long a thread slept, each time; and what comes meanwhile. */
  readonly sleeps: number[] = [];
  during: () => void = () => {};
  notified = 0;
  #clock = 1000;

  constructor(t: TestContext, capacity = 32) {
    const memory = createMemory(capacity, 64);
    this.memory = memory;
    t.mock.method(performance, 'now', () => this.#clock);
    t.mock.method(Atomics, 'wait', (_words: Int32Array, _at: number, _value: number, ms: number) => {
      this.sleeps.push(ms);
      this.#clock += ms;
      this.during();
      return 'timed-out';
    });
    const notify = Atomics.notify;
    t.mock.method(Atomics, 'notify', (words: Int32Array, at: number) => {
      this.notified += 1;
      return notify(words, at);
    });
    [this.tx, this.rx] = channelIn<number>(memory);
    this.ring = new Ring(memory);
    this.idle = new ReceiverPatience(this.ring);
  }

  send(count: number): void {
    for (let n = 0; n < count; n++) assert.ok(this.tx.trySend(n));
  }

  take(): number {
    let count = 0;
    for (; this.ring.peek() !== EMPTY; count++) this.ring.advance();
    return count;
  }

  /** A sender stands in line at a full queue. How many messages are left when it is called? */
  leftAtCall(): number {
    const { line, capacity } = this.ring;
    const { slot } = this.tx;
    this.send(capacity);
    line.join(slot);
    this.notified = 0;
    this.during = () => {
      while (this.notified === 0) this.ring.advance();
    };
    line.bell(slot).wait(() => false, 1);
    line.leave(slot);
    const left = this.ring.length;
    this.take();
    return left;
  }

  /** One wait: how many times it looks, if a message comes before the look number `until`; each look takes `ms`. */
  looks({ until = 0, ms = 0 } = {}): number {
    let looks = 0;
    const peek = this.ring.peek.bind(this.ring);
    this.ring.peek = () => {
      looks += 1;
      this.#clock += ms;
      if (looks === until) this.send(1);
      return peek();
    };
    this.idle.look();
    this.ring.peek = peek;
    const found = this.take();
    return looks - found; // one more look at what was found
  }

  /** So many waits of a patient receiver. Returns how often it napped. */
  wait(times: number): number {
    const before = this.sleeps.length;
    for (let n = 0; n < times; n++) {
      assert.equal(this.idle.look(), EMPTY);
      this.idle.nap();
      this.take();
    }
    return this.sleeps.length - before;
  }
}

describe('An idle receiver', () => {
  test('naps as long as messages come meanwhile', (t) => {
    const bench = new Bench(t);
    bench.during = () => bench.send(1);
    assert.equal(bench.wait(10), 10);
    assert.deepEqual(new Set(bench.sleeps), new Set([RECEIVER_NAP_MS]));
  });

  test('gives that up for longer and longer where nothing comes', (t) => {
    const bench = new Bench(t);
    assert.equal(bench.wait(1), 1);
    for (let waits = 1; waits < MOST_WAITS; waits = 2 * waits + 1) {
      assert.equal(bench.wait(waits), 0, `within ${waits} waits`);
      assert.equal(bench.wait(1), 1, `after ${waits} waits`);
    }
    assert.equal(bench.wait(MOST_WAITS), 0);
    bench.during = () => bench.send(1);
    assert.equal(bench.wait(5), 5);
  });

  test('that naps is woken by the first message', (t) => {
    const bench = new Bench(t);
    bench.during = () => {
      bench.notified = 0;
      bench.send(1);
      assert.equal(bench.notified, 1);
    };
    assert.equal(bench.wait(1), 1);
  });

  test('naps once in a call: its event loop has a turn even if each message is dropped', async (t) => {
    const bench = new Bench(t);
    bench.during = () => bench.send(bench.sleeps.length < 3 ? 1 : 0);
    const message = bench.rx.recv(() => false, true);
    assert.equal(bench.sleeps.length, 1);
    bench.rx.close();
    assert.equal(await message, undefined);
    assert.equal(bench.sleeps.length, 1);
  });

  test('does not nap while a send of its thread waits for room: that needs the event loop', async (t) => {
    const bench = new Bench(t);
    const [tx, rx] = channelIn<number>(createMemory(1, 64));
    tx.trySend(1);
    const sent = tx.send(2);
    const message = bench.rx.recv(undefined, true);
    assert.deepEqual(bench.sleeps, []);
    assert.equal(rx.tryRecv(), 1);
    await sent;
    bench.send(1);
    assert.equal(await message, 0);
  });

  test('looks for a message before it parks, as long as messages come while it looks', (t) => {
    const bench = new Bench(t);
    for (let n = 0; n < 100; n++) assert.equal(bench.looks({ until: 2 }), 2);
  });

  test('that has looked in vain looks at fewer and fewer waits, until it pays again', (t) => {
    const bench = new Bench(t);
    const all = bench.looks();
    assert.ok(all > 3);
    for (let rest = 1; rest < MOST_WAITS; rest = 2 * rest + 1) {
      for (let n = 0; n < rest; n++) assert.equal(bench.looks(), 0);
      assert.equal(bench.looks(), all);
    }
    for (let n = 0; n < MOST_WAITS; n++) assert.equal(bench.looks(), 0);
    assert.equal(bench.looks({ until: all }), all);
    assert.equal(bench.looks({ until: all }), all);
  });

  test('whose look took far longer than it should, as somebody else had its processor, counts it as in vain', (t) => {
    const bench = new Bench(t);
    const all = bench.looks();
    assert.equal(bench.looks(), 0);
    assert.equal(bench.looks({ until: all, ms: 1 }), all);
    assert.equal(bench.looks(), 0);
  });

  test('does not sleep if a message came while it was about to', (t) => {
    const bench = new Bench(t);
    assert.equal(bench.idle.look(), EMPTY);
    bench.send(1);
    assert.equal(bench.idle.nap(), true);
    assert.deepEqual(bench.sleeps, []);
  });

  test('calls who stands in line once half of the room is free; once all is, where looking does not pay', (t) => {
    const bench = new Bench(t);
    assert.equal(bench.leftAtCall(), 16);
    const all = bench.looks();
    assert.equal(bench.leftAtCall(), 0);
    assert.equal(bench.looks(), 0);
    assert.equal(bench.looks({ until: all }), all);
    assert.equal(bench.leftAtCall(), 16);
  });
});

describe('A sender on an event loop that finds no room', () => {
  const setUp = (t: TestContext) => {
    const bench = new Bench(t);
    const patience = new SenderPatience(32);
    const bell = bench.ring.line.bell(bench.tx.slot);
    let room = false;
    /** So many waits; there is room after a nap, or not. How often did it nap? */
    const wait = (times: number, after: boolean): number => {
      const before = bench.sleeps.length;
      for (let n = 0; n < times; n++) {
        room = false;
        bench.during = () => {
          room = after;
        };
        const naps = bench.sleeps.length;
        assert.equal(
          patience.nap(bell, () => room),
          after && bench.sleeps.length > naps,
        );
      }
      return bench.sleeps.length - before;
    };
    return { bench, wait };
  };

  test('blocks its thread for a moment, but not at its first waits', (t) => {
    const { bench, wait } = setUp(t);
    assert.equal(wait(FEW_WAITS, true), 0);
    assert.equal(wait(10, true), 10);
    assert.deepEqual(new Set(bench.sleeps), new Set([SENDER_NAP_MS]));
  });

  test('gives that up for longer and longer where nobody calls it meanwhile', (t) => {
    const { wait } = setUp(t);
    wait(FEW_WAITS, false);
    assert.equal(wait(1, false), 1);
    for (let waits = 2 * FEW_WAITS + 1; waits < MOST_WAITS; waits = 2 * waits + 1) {
      assert.equal(wait(waits, false), 0, `within ${waits} waits`);
      assert.equal(wait(1, false), 1, `after ${waits} waits`);
    }
    assert.equal(wait(MOST_WAITS, false), 0);
    assert.equal(wait(1, true), 1);
    assert.equal(wait(5, true), 5);
  });
});

describe('A sender that wakes the receiver late', () => {
  /** A receiver that is parked, until it is woken. */
  const setUp = (t: TestContext, capacity: number) => {
    const bench = new Bench(t, capacity);
    const words = new Int32Array(bench.memory);
    const park = () => Atomics.store(words, BELL, 1);
    const isParked = () => Atomics.load(words, BELL) === 1;
    park();
    return { bench, park, isParked, late: () => assert.ok(bench.tx.trySend(0, undefined, true)) };
  };

  test('does so once, at the end of a turn of the event loop', async (t) => {
    const { bench, park, late } = setUp(t, 32);
    for (const turn of [1, 2]) {
      for (let n = 0; n < 3; n++) late();
      await null;
      late();
      assert.equal(bench.notified, turn - 1);
      await endOfTurn();
      assert.equal(bench.notified, turn);
      park();
    }
  });

  test('does not if the receiver has taken the message by itself', async (t) => {
    const { bench, park, late } = setUp(t, 32);
    late();
    bench.take();
    park();
    await endOfTurn();
    assert.equal(bench.notified, 0);
  });

  test('does so before its thread blocks for another message', (t) => {
    const { bench, isParked, late } = setUp(t, 32);
    const [tx, rx] = channelIn<number>(createMemory(4, 64));
    bench.during = () => {
      assert.equal(isParked(), false);
      tx.trySend(1);
    };
    late();
    assert.equal(isParked(), true);
    assert.equal(rx.blockingRecv(), 1);
  });

  test('does so whatever becomes of the global setImmediate', async (t) => {
    const { bench, late } = setUp(t, 32);
    t.mock.method(globalThis, 'setImmediate', () => {});
    late();
    await endOfTurn();
    assert.equal(bench.notified, 1);
  });

  test('does so at once if more than half of the room is used by then', (t) => {
    const { bench, late } = setUp(t, 4);
    late();
    late();
    assert.equal(bench.notified, 0);
    late();
    assert.equal(bench.notified, 1);
  });

  test('does so at once where there is room for one', (t) => {
    const { bench, late } = setUp(t, 1);
    late();
    assert.equal(bench.notified, 1);
  });

  test('has done so when it is closed, or buried', (t) => {
    for (const end of ['close', 'bury'] as const) {
      const { bench, park, isParked } = setUp(t, 32);
      const handle = bench.tx.share();
      park();
      const tx = Sender.attach(handle);
      tx.trySend(0, undefined, true);
      assert.equal(isParked(), true);
      if (end === 'close') {
        bench.tx.close();
        tx.close();
      } else bench.tx.bury(handle);
      assert.equal(isParked(), false, end);
    }
  });
});
