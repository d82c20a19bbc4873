/**
 * The channel against a model of plain arrays: random sequences of calls, on one thread, with small capacities and tiny
 * rings. After each call everything that the model says is decided must have settled so, and nothing else.
 *
 * A failing run prints its seed and path; MODEL_SEED and MODEL_PATH give them back, MODEL_RUNS asks for more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { ChannelClosedError, channelIn, Receiver, Sender, SendTimeoutError } from '#channel';
import { createMemory } from '#channel/memory';
import { describeState } from './support/state.js';
import { endWithTests, seedFrom } from './support/wait.js';

endWithTests();

const SEED: number = seedFrom('MODEL_SEED');
const RUNS: number = Number(process.env['MODEL_RUNS'] ?? 800);

/** A send or a recv, and how it came out. */
class Call {
  state = 'pending';
  result: unknown;
  readonly value: number;
  readonly sender: number;
  readonly done: Promise<void>;
  readonly abort: AbortController = new AbortController();

  constructor(value: number, sender: number, start: (signal: AbortSignal) => Promise<unknown>) {
    this.value = value;
    this.sender = sender;
    const settle = (state: string) => (result: unknown) => {
      this.state = state;
      this.result = result;
    };
    this.done = start(this.abort.signal).then(settle('resolved'), settle('rejected'));
  }
}

/** What the channel should be. */
interface Model {
  capacity: number;
  admitted: number[];
  waiting: Call[];
  /** When each sender that waits came into line, or was last served. */
  turns: (number | undefined)[];
  nextTurn: number;
  open: boolean[];
  closed: boolean;
  receiving: Call | undefined;
  next: number;
}

interface Real {
  txs: Sender<number>[];
  rx: Receiver<number>;
  /** Calls that are decided, by the model, with what they must come to. */
  decided: { call: Call; state: string; check(result: unknown): void }[];
}

type Command = fc.AsyncCommand<Model, Real>;

function command(
  name: string,
  run: (m: Model, r: Real) => Promise<void>,
  check = (_: Model) => true,
): Command {
  const runAndSettle = async (m: Model, r: Real) => {
    await run(m, r);
    await settle(m, r);
  };
  return { check, run: runAndSettle, toString: () => name };
}

/** Moves the model on: waiting sends get room, a waiting recv gets a message, closing gives up the rest. */
function step(m: Model, r: Real): void {
  if (m.closed) {
    for (const call of m.waiting.splice(0)) {
      const check = (error: unknown) => {
        assert.ok(error instanceof ChannelClosedError);
        assert.equal(error.value, call.value);
      };
      r.decided.push({ call, state: 'rejected', check });
    }
  }
  for (let moved = true; moved; ) {
    moved = false;
    while (m.admitted.length < m.capacity && m.waiting.length > 0) {
      const call = nextInTurn(m);
      m.admitted.push(call.value);
      r.decided.push({ call, state: 'resolved', check: (result) => assert.equal(result, undefined) });
    }
    const call = m.receiving;
    if (call !== undefined && (m.admitted.length > 0 || hasEnded(m))) {
      m.receiving = undefined;
      const expected = m.admitted.shift();
      r.decided.push({ call, state: 'resolved', check: (result) => assert.equal(result, expected) });
      moved = true;
    }
  }
}

/** The oldest send of the sender whose turn it is, which goes behind the others then. */
function nextInTurn(m: Model): Call {
  const turnOf = ({ sender }: Call) => m.turns[sender] ?? Number.POSITIVE_INFINITY;
  const call = m.waiting.reduce((first, other) => (turnOf(other) < turnOf(first) ? other : first));
  m.waiting.splice(m.waiting.indexOf(call), 1);
  m.turns[call.sender] = m.nextTurn++;
  leaveLine(m, call.sender);
  return call;
}

function leaveLine(m: Model, sender: number): void {
  if (!m.waiting.some((call) => call.sender === sender)) m.turns[sender] = undefined;
}

function hasEnded(m: Model): boolean {
  return m.admitted.length === 0 && (m.closed || (m.waiting.length === 0 && !m.open.includes(true)));
}

async function settle(m: Model, r: Real): Promise<void> {
  step(m, r);
  for (let next = r.decided.shift(); next !== undefined; next = r.decided.shift()) {
    await inTime(next.call, m, r);
    assert.equal(next.call.state, next.state, `send of ${next.call.value}`);
    next.check(next.call.result);
    step(m, r);
  }
  for (const call of m.waiting) assert.equal(call.state, 'pending', `send of ${call.value}`);
  if (m.receiving !== undefined) assert.equal(m.receiving.state, 'pending');
  assert.equal(r.rx.length, m.admitted.length);
}

async function inTime(call: Call, m: Model, r: Real): Promise<void> {
  const late = new AbortController();
  const watchdog = setTimeout(2000, undefined, { signal: late.signal, ref: true }).then(
    () =>
      assert.fail(`still pending: ${call.value}\n${JSON.stringify(m)}\n${describeState(r.rx.link.memory)}`),
    () => {},
  );
  await Promise.race([call.done, watchdog]);
  late.abort();
}

function hasRoom(m: Model): boolean {
  return m.admitted.length < m.capacity && m.waiting.length === 0;
}

/** A new value of that sender: even ones are the first sender's. */
function value(m: Model, sender: number): number {
  m.next += 2;
  return m.next + sender;
}

const send = (sender: number) =>
  command(`send ${sender}`, async (m, r) => {
    const tx = r.txs[sender] as Sender<number>;
    const call = new Call(value(m, sender), sender, (signal) => tx.send(m.next + sender, { signal }));
    if (m.closed || !m.open[sender]) {
      const check = (error: unknown) => assert.ok(error instanceof ChannelClosedError);
      r.decided.push({ call, state: 'rejected', check });
    } else {
      m.waiting.push(call);
      m.turns[sender] ??= m.nextTurn++;
    }
  });

const sendWithTimeout = (sender: number, timeout: number) =>
  command(`send ${sender} for ${timeout} ms`, async (m, r) => {
    const room = hasRoom(m);
    const tx = r.txs[sender] as Sender<number>;
    const call = new Call(value(m, sender), sender, () => tx.send(m.next + sender, { timeout }));
    await call.done;
    if (m.closed || !m.open[sender]) assert.ok(call.result instanceof ChannelClosedError);
    else if (room) {
      assert.equal(call.state, 'resolved');
      m.admitted.push(call.value);
    } else {
      assert.ok(call.result instanceof SendTimeoutError);
      assert.equal(call.result.value, call.value);
    }
  });

const abort = (which: number) =>
  command(
    `abort ${which}`,
    async (m, r) => {
      const [call] = m.waiting.splice(which % m.waiting.length, 1);
      call?.abort.abort('enough');
      if (call !== undefined) leaveLine(m, call.sender);
      const check = (reason: unknown) => assert.equal(reason, 'enough');
      if (call !== undefined) r.decided.push({ call, state: 'rejected', check });
    },
    (m) => m.waiting.length > 0,
  );

const trySend = (sender: number) =>
  command(`trySend ${sender}`, async (m, r) => {
    const tx = r.txs[sender] as Sender<number>;
    const message = value(m, sender);
    if (m.closed || !m.open[sender]) assert.throws(() => tx.trySend(message), ChannelClosedError);
    else {
      assert.equal(tx.trySend(message), hasRoom(m));
      if (hasRoom(m)) m.admitted.push(message);
    }
  });

const tryRecv = command('tryRecv', async (m, r) => {
  if (m.receiving !== undefined) {
    assert.throws(() => r.rx.tryRecv(), /one `recv` at a time/);
    return;
  }
  assert.equal(r.rx.tryRecv(), m.admitted.shift());
});

const recv = command('recv', async (m, r) => {
  if (m.receiving !== undefined) await assert.rejects(r.rx.recv(), /one `recv` at a time/);
  else m.receiving = new Call(-1, -1, () => r.rx.recv());
});

/** The receiver's thread might have died: another goes on. */
const replace = command(
  'replace the receiver',
  async (_, r) => {
    r.rx = Receiver.attach<number>({ kind: 'receiver', memory: r.rx.link.memory });
  },
  (m) => m.receiving === undefined,
);

const closeSender = (sender: number) =>
  command(`close sender ${sender}`, async (m, r) => {
    r.txs[sender]?.close();
    m.open[sender] = false;
  });

const closeReceiver = command('close receiver', async (m, r) => {
  r.rx.close();
  m.closed = true;
});

const look = command('length', async (m, r) => {
  for (const tx of r.txs) assert.equal(tx.length, m.admitted.length);
});

function commandsFor(senders: number): fc.Arbitrary<Iterable<Command>> {
  const by = fc.nat(senders - 1);
  const often = (weight: number, arbitrary: fc.Arbitrary<Command>) => ({ weight, arbitrary });
  const one = fc.oneof(
    often(6, by.map(send)),
    often(
      2,
      fc.tuple(by, fc.constantFrom(0, 1)).map(([sender, timeout]) => sendWithTimeout(sender, timeout)),
    ),
    often(3, fc.nat(20).map(abort)),
    often(4, by.map(trySend)),
    often(6, fc.constant(tryRecv)),
    often(3, fc.constant(recv)),
    often(1, fc.constant(replace)),
    often(1, fc.constant(look)),
  );
  const closing = fc.oneof(often(1, by.map(closeSender)), often(1, fc.constant(closeReceiver)));
  return fc.commands([one, one, one, one, one, one, one, closing], { maxCommands: 80, size: 'max' });
}

/** Ends what is still open, and takes out what is still in. */
async function finish(m: Model, r: Real): Promise<void> {
  for (const command of [...r.txs.map((_, i) => closeSender(i)), closeReceiver]) await command.run(m, r);
  while (m.admitted.length > 0) await tryRecv.run(m, r);
  assert.equal(await r.rx.recv(), undefined);
}

async function agree(
  senders: number,
  cells: number,
  capacity: number,
  start: number,
  run: Iterable<Command>,
) {
  const [tx, rx] = channelIn<number>(createMemory(capacity, 64, cells, start));
  const txs = [tx];
  while (txs.length < senders) txs.push(Sender.attach<number>(tx.share()));
  const open = txs.map(() => true);
  const model: Model = {
    capacity,
    admitted: [],
    waiting: [],
    turns: [],
    nextTurn: 0,
    open,
    closed: false,
    receiving: undefined,
    next: 0,
  };
  const real: Real = { txs, rx, decided: [] };
  await fc.asyncModelRun(() => ({ model, real }), run);
  await finish(model, real);
}

const starts = fc.constantFrom(0, -3, 2 ** 31 - 3);

/** With room for more than two, a thread in line may have to look for itself, so these runs are slow, and fewer. */
function property(title: string, senders: number, capacities: number[], runs: number): void {
  test(title, { timeout: 120_000 }, async (t) => {
    t.diagnostic(`MODEL_SEED=${SEED}`);
    const ring = fc
      .tuple(fc.constantFrom(...capacities), fc.constantFrom(1, 2))
      .chain(([capacity, spare]) =>
        fc.tuple(fc.constant(spare * 2 ** Math.ceil(Math.log2(capacity))), fc.constant(capacity), starts),
      );
    await fc.assert(
      fc.asyncProperty(ring, commandsFor(senders), ([cells, capacity, start], run) =>
        agree(senders, cells, capacity, start, run),
      ),
      {
        seed: SEED,
        numRuns: runs,
        interruptAfterTimeLimit: 60_000,
        ...(process.env['MODEL_PATH'] && { path: process.env['MODEL_PATH'] }),
      },
    );
  });
}

property('one sender agrees with the model, call by call', 1, [1, 2], RUNS);
property('two senders agree with the model', 2, [1, 2], RUNS);
property('three senders agree with the model', 3, [1, 2], RUNS);
property('two senders agree with the model on larger rings', 2, [3, 4, 5], RUNS / 20);
