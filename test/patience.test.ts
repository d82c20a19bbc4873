/** How threads wait: when they look, doze or nap, when they give that up, and who is woken. Time and sleep are played. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { channelIn, type Sender } from '#channel';
import { BELL, createMemory } from '#channel/memory';
import { ReceiverPatience, SenderPatience } from '#channel/patience';
import { EMPTY, Ring } from '#channel/ring';

const DOZE_MS = 0.3;
const FEW_WAITS = 8;
const MOST_WAITS = 255;
const FEW = 3;
const NAP_MS = 0.1;

class Bench {
  readonly memory: SharedArrayBuffer;
  readonly tx: Sender<number>;
  readonly ring: Ring;
  readonly idle: ReceiverPatience;
  /** How long the receiver slept, each time; and what comes meanwhile. */
  readonly dozes: number[] = [];
  during: () => void = () => {};
  notified = 0;
  #clock = 1000;

  constructor(t: TestContext, capacity = 32) {
    const memory = createMemory(capacity, 64);
    this.memory = memory;
    t.mock.method(performance, 'now', () => this.#clock);
    t.mock.method(Atomics, 'wait', (_words: Int32Array, _at: number, _value: number, ms: number) => {
      this.dozes.push(ms);
      this.#clock += ms;
      this.during();
      return 'timed-out';
    });
    t.mock.method(Atomics, 'notify', () => {
      this.notified += 1;
      return 0;
    });
    [this.tx] = channelIn<number>(memory);
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
    this.idle.look(false);
    this.ring.peek = peek;
    const found = this.take();
    return looks - found; // one more look at what was found
  }

  /** Waits that end because a message comes after `ms`. Returns how many times the receiver dozed. */
  wait(times: number, ms = 0.1): number {
    const before = this.dozes.length;
    for (let n = 0; n < times; n++) {
      if (this.idle.look(true) === EMPTY && !this.idle.doze()) {
        this.#clock += ms;
        this.send(1);
      }
      this.take();
    }
    return this.dozes.length - before;
  }
}

describe('An idle receiver', () => {
  test('does not doze before it has waited a few times', (t) => {
    const bench = new Bench(t);
    assert.equal(bench.wait(FEW_WAITS - 1), 0);
    assert.equal(bench.wait(1), 1);
    assert.deepEqual(bench.dozes, [DOZE_MS]);
  });

  test('goes on dozing while several messages come each time, and looks how they come now and then', (t) => {
    const bench = new Bench(t);
    bench.during = () => bench.send(3);
    bench.wait(FEW_WAITS - 1);
    assert.equal(bench.wait(64), 64);
    assert.equal(bench.wait(FEW_WAITS - 1), 0);
    assert.equal(bench.wait(64), 64);
  });

  test('gives it up for longer and longer where it does not bring two messages', (t) => {
    const bench = new Bench(t);
    bench.during = () => bench.send(3);
    assert.equal(bench.wait(FEW_WAITS, 1), 1);
    bench.during = () => bench.send(1);
    assert.equal(bench.wait(1, 1), 1);
    for (let waits = 2 * FEW_WAITS + 1; waits < MOST_WAITS; waits = 2 * waits + 1) {
      assert.equal(bench.wait(waits - 1, 1), 0, `within ${waits} waits`);
      assert.equal(bench.wait(1, 1), 1, `after ${waits} waits`);
    }
    for (const _ of [1, 2]) {
      assert.equal(bench.wait(MOST_WAITS - 1, 1), 0);
      assert.equal(bench.wait(1, 1), 1);
    }
  });

  test('gives it up where the senders wait for what comes of their messages', (t) => {
    const bench = new Bench(t);
    bench.during = () => bench.send(8); // in 0.3 ms, and it is 100 a millisecond without a doze
    assert.equal(bench.wait(FEW_WAITS, 0.01), 1);
    assert.equal(bench.wait(2 * FEW_WAITS, 0.01), 0);
  });

  test('looks for a message before it parks, as long as messages come while it looks', (t) => {
    const bench = new Bench(t);
    for (let n = 0; n < 100; n++) assert.equal(bench.looks({ until: 2 }), 2);
  });

  test('that has looked in vain looks at fewer and fewer waits, until it pays again', (t) => {
    const bench = new Bench(t);
    const all = bench.looks();
    assert.ok(all > 3 * FEW);
    for (let rest = 1; rest < MOST_WAITS; rest = 2 * rest + 1) {
      for (let n = 0; n < rest; n++) assert.equal(bench.looks(), FEW);
      assert.equal(bench.looks(), all);
    }
    for (let n = 0; n < MOST_WAITS; n++) assert.equal(bench.looks(), FEW);
    assert.equal(bench.looks({ until: all }), all);
    assert.equal(bench.looks({ until: all }), all);
  });

  test('whose look took far longer than it should, as somebody else had its processor, counts it as in vain', (t) => {
    const bench = new Bench(t);
    const all = bench.looks();
    assert.equal(bench.looks(), FEW);
    assert.equal(bench.looks({ until: all, ms: 1 }), all);
    assert.equal(bench.looks(), FEW);
  });

  test('that dozes is left alone while half of the room is free, then woken', (t) => {
    const bench = new Bench(t, 4);
    bench.wait(FEW_WAITS - 1);
    bench.during = () => {
      bench.notified = 0;
      bench.send(2);
      assert.equal(bench.notified, 0);
      bench.send(1);
      assert.equal(bench.notified, 1);
    };
    assert.equal(bench.wait(1), 1);
  });

  test('that dozes is woken if the queue is full, whichever sender comes last', (t) => {
    const bench = new Bench(t, 4);
    bench.wait(FEW_WAITS - 1);
    let told = -1;
    bench.during = () => {
      bench.tx.trySend(0, {
        claimed: () => {
          bench.send(3);
          bench.notified = 0;
          Atomics.store(new Int32Array(bench.memory), BELL, 2); // it dozes again
          return true;
        },
      });
      told = bench.notified;
    };
    assert.equal(bench.wait(1), 1);
    assert.equal(told, 1);
  });

  test('that dozes is woken when the only position is given up', (t) => {
    const bench = new Bench(t, 1);
    bench.wait(FEW_WAITS - 1);
    bench.during = () => {
      bench.notified = 0;
      let first = true;
      bench.tx.trySend(0, {
        claimed: () => {
          const given = !first;
          first = false;
          return given;
        },
      });
      assert.equal(bench.notified, 1);
    };
    assert.equal(bench.wait(1), 1);
  });

  test('with room for one message is woken for each', (t) => {
    const bench = new Bench(t, 1);
    bench.wait(FEW_WAITS - 1);
    bench.during = () => {
      bench.notified = 0;
      bench.send(1);
      assert.equal(bench.notified, 1);
    };
    assert.equal(bench.wait(1), 1);
  });

  test('does not sleep if a message came while it was about to', (t) => {
    const bench = new Bench(t);
    bench.wait(FEW_WAITS - 1);
    assert.equal(bench.idle.look(true), EMPTY);
    bench.send(2);
    assert.equal(bench.idle.doze(), true);
    assert.deepEqual(bench.dozes, []);
  });

  test('calls who stands in line once half of the room is free; once all is, where looking does not pay', (t) => {
    const bench = new Bench(t);
    assert.equal(bench.leftAtCall(), 16);
    const all = bench.looks();
    assert.equal(bench.leftAtCall(), 0);
    assert.equal(bench.looks(), FEW);
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
      const before = bench.dozes.length;
      for (let n = 0; n < times; n++) {
        room = false;
        bench.during = () => {
          room = after;
        };
        const naps = bench.dozes.length;
        assert.equal(
          patience.nap(bell, () => room),
          after && bench.dozes.length > naps,
        );
      }
      return bench.dozes.length - before;
    };
    return { bench, wait };
  };

  test('blocks its thread for a moment, but not at its first waits', (t) => {
    const { bench, wait } = setUp(t);
    assert.equal(wait(FEW_WAITS, true), 0);
    assert.equal(wait(10, true), 10);
    assert.deepEqual(new Set(bench.dozes), new Set([NAP_MS]));
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
