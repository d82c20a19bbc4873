/**
 * Does instrumenting change anything? One program, run by the shipped modules with the real `Atomics` listened to, and
 * by the instrumented ones: both have to make the same calls.
 */
import { Receiver, type ReceiverHandle, Sender, type SenderHandle } from '#channel';
import { exploreAll } from './explore.js';
import { Await, call, type Steps } from './loop.js';
import type { Step } from './machine.js';
import { Build, type InstrumentedReceiver, type InstrumentedSender } from './realm.js';
import { type Scenario, World } from './world.js';

/** Goes through every way of sending and receiving, through waiting, giving up, standing in line and closing. */
export function* program(tx: InstrumentedSender, attach: () => unknown): Steps<void> {
  yield* call(tx.blockingSend(1));
  yield* refused(() => tx.blockingSend(2, { timeout: 0 }));
  yield* call(tx.trySend(3));
  const sends = [];
  for (const n of [4, 5]) sends.push(yield* call(tx.send(n)));
  sends.push(yield* call(tx.send(6, { claimed: () => true })));
  const late = yield* call(tx.send(7, { timeout: 5 }));
  yield* refused(() => new Await(late));
  const rx = (yield* call(attach())) as InstrumentedReceiver;
  yield new Await(yield* call(rx.recv()));
  yield* call(rx.tryRecv());
  yield new Await(sends[0]);
  const received = yield* call(rx.recv());
  yield new Await(received);
  yield* call(rx.blockingRecv());
  const waiting = yield* call(rx.recv());
  yield* call(tx.trySend(8));
  yield new Await(waiting);
  yield* call(tx.send(9));
  const last = yield* call(tx.send(10));
  yield* call(rx.close());
  yield* refused(() => new Await(last));
  yield new Await(yield* call(rx.recv()));
  yield new Await(yield* call(rx.recv()));
  yield* call(tx.close());
}

function* refused(act: () => unknown): Steps<void> {
  try {
    const made = yield* call(act());
    if (made instanceof Await) yield made;
  } catch {
    return;
  }
  throw new Error('Expected this to fail');
}

const scenario: Scenario = {
  name: 'faithful',
  capacity: 1,
  cells: 2,
  start: -2,
  threads: { a: { has: 'sender', runs: (actor) => actor.both(program) } },
};

type Call = Pick<Step, 'op' | 'at' | 'value'>;
const text = ({ op, at, value }: Call): string => `${op} word ${at}: ${value}`;

/** The calls of the instrumented modules, with as many looks as shipped. */
export function instrumentedCalls(): string[] {
  const world = new World(scenario, new Build([], 'as shipped'));
  world.machine.log = [];
  world.machine.maxSteps = Number.POSITIVE_INFINITY;
  const { failure } = exploreAll(world, { preemptions: 0 });
  if (failure !== undefined) throw new Error(failure.what);
  return world.machine.log.map(text);
}

/** The calls of the shipped modules. */
export async function shippedCalls(): Promise<string[]> {
  const world = new World(scenario, new Build());
  const [handle] = world.handles.values();
  const calls: Call[] = [];
  const original = globalThis.Atomics;
  const tx = Sender.attach(handle as SenderHandle<number>);
  globalThis.Atomics = listened(original, calls);
  performance.now = () => 0; // how long to spin depends on it
  try {
    const attach = () =>
      Receiver.attach({ kind: 'receiver', memory: world.memory } as ReceiverHandle<number>);
    const steps = program(tx as unknown as InstrumentedSender, attach);
    let step = steps.next();
    while (step.done !== true) step = await enter(steps, step.value as Await);
  } finally {
    globalThis.Atomics = original;
    Reflect.deleteProperty(performance, 'now');
  }
  return calls.map(text);
}

function enter(steps: Steps<void>, { value }: Await): Promise<IteratorResult<unknown, void>> {
  return Promise.resolve(value).then(
    (settled) => steps.next(settled),
    (error) => steps.throw(error),
  );
}

function listened(original: Atomics, calls: Call[]): Atomics {
  return new Proxy(original, {
    get(target, op: Exclude<keyof Atomics, symbol>) {
      const method = target[op] as (...args: unknown[]) => unknown;
      return (words: Int32Array, at: number, ...rest: unknown[]) => {
        const result = method.call(target, words, at, ...rest);
        calls.push({ op, at, value: op === 'load' ? (result as number) : target.load(words, at) });
        return result;
      };
    },
  });
}
