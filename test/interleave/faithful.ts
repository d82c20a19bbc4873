/**
 * Does instrumenting change anything? Two programs, run by the shipped modules with the real `Atomics` listened to, and
 * by the instrumented ones: both have to make the same calls.
 */
import { Receiver, type ReceiverHandle, Sender, type SenderHandle } from '#channel';
import { runTask } from '#runtime/handle';
import { Ledger } from '#runtime/ledger';
import { Task } from '#runtime/task';
import { exploreAll } from './explore.js';
import { Await, call, type Steps } from './loop.js';
import type { Step } from './machine.js';
import {
  Build,
  type InstrumentedHandle,
  type InstrumentedLedger,
  type InstrumentedReceiver,
  type InstrumentedSender,
} from './realm.js';
import { type Scenario, World } from './world.js';

/** Goes through every way of sending and receiving, through waiting, giving up, standing in line and closing. */
function* channelProgram(tx: InstrumentedSender, attach: () => unknown): Steps<void> {
  yield* call(tx.blockingSend(1));
  yield* refused(() => tx.blockingSend(2, { timeout: 0 }));
  yield* call(tx.trySend(3));
  const sends = [];
  for (const n of [4, 5]) sends.push(yield* call(tx.send(n)));
  sends.push(yield* call(tx.send(6, {}, { claimed: () => true })));
  const late = yield* call(tx.send(7, { timeout: 5 }));
  yield* refused(() => new Await(late));
  const rx = (yield* call(attach())) as InstrumentedReceiver;
  yield new Await(yield* call(rx.recv()));
  yield* call(rx.tryRecv());
  yield new Await(sends[0]);
  const received = yield* call(rx.recv());
  yield new Await(received);
  yield new Await(sends[1]);
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

type RunTask = (task: Task, tx: InstrumentedSender) => unknown;

/** Goes through every way a task can end, and all that can be asked about it. */
function* taskProgram(
  tx: InstrumentedSender,
  attach: () => unknown,
  ledger: InstrumentedLedger,
  run: RunTask,
): Steps<void> {
  const task = (n: number): Task => new Task('sync', n, 0, [n]);
  const accept = (_: unknown, position: number): unknown => ledger.start(position, 1);
  const first = (yield new Await(yield* call(run(task(1), tx)))) as InstrumentedHandle;
  const waiting = yield* call(run(task(2), tx));
  const rx = (yield* call(attach())) as InstrumentedReceiver;
  yield* call(rx.tryRecv(accept));
  const second = (yield new Await(waiting)) as InstrumentedHandle;
  const ended = yield* call(first.finished());
  yield* call(ledger.running());
  yield* call(ledger.begin(first.id, 2, 3));
  yield* call(ledger.progress(first.id, 0.5));
  yield* call(first.cancel());
  yield* call(ledger.cancelRequested(first.id));
  yield* call(ledger.finish(first.id, 'succeeded', 'done', 4));
  yield new Await(ended);
  yield* call(second.cancel());
  yield* call(rx.tryRecv(accept));
  yield* refused(function* () {
    return new Await(yield* call(second.finished()));
  });
  yield* call(second.status());
  yield* call(ledger.endOverdue(first.id));
  yield* call(ledger.fail(first.id, 'crashed'));
  yield* call(ledger.handOver());
  yield* call(second.withdraw());
  yield* call(rx.close());
  yield* refused(function* () {
    return new Await(yield* call(run(task(3), tx)));
  });
  yield* call(ledger.close());
  yield* call(ledger.open());
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

const programs: readonly Scenario[] = [
  {
    name: 'all that a channel does',
    capacity: 1,
    cells: 1,
    start: -2,
    threads: { a: { has: 'sender', runs: (actor) => actor.both(channelProgram) } },
  },
  {
    name: 'all that a ledger does',
    capacity: 1,
    cells: 1,
    start: -2,
    tasks: 'one at a time',
    skips: true,
    threads: {
      a: {
        has: 'sender',
        runs: (actor, tasks) =>
          actor.both((tx, attach) => taskProgram(tx, attach, tasks.ledger, tasks.runTask)),
      },
    },
  },
];

type Call = Pick<Step, 'op' | 'at' | 'value'>;
const text = ({ op, at, value }: Call): string => `${op} word ${at}: ${value}`;

/** The calls of the instrumented modules, with as many looks as shipped. */
export function instrumentedCalls(): string[] {
  return programs.flatMap((scenario) => {
    const world = new World(scenario, new Build([], 'as shipped'));
    world.machine.log = [];
    world.machine.maxSteps = Number.POSITIVE_INFINITY;
    const { failure } = exploreAll(world, { preemptions: 0 });
    if (failure !== undefined) throw new Error(failure.what);
    return world.machine.log.map(text);
  });
}

/** The calls of the shipped modules. */
export async function shippedCalls(): Promise<string[]> {
  const calls: Call[] = [];
  const original = globalThis.Atomics;
  performance.now = () => 0; // how long to spin depends on it
  try {
    for (const scenario of programs) {
      const world = new World(scenario, new Build());
      const { memory, ledger: records } = world;
      const [handle] = world.handles.values();
      const tx = Sender.attach(handle as SenderHandle<number>) as unknown as InstrumentedSender;
      const attach = () => Receiver.attach({ kind: 'receiver', memory } as ReceiverHandle<number>);
      globalThis.Atomics = listened(original, world, calls);
      const ledger = () => new Ledger(records) as unknown as InstrumentedLedger;
      const steps =
        scenario.tasks === undefined
          ? channelProgram(tx, attach)
          : taskProgram(tx, attach, ledger(), runTask as unknown as RunTask);
      let step = steps.next();
      while (step.done !== true) step = await enter(steps, step.value as Await);
      globalThis.Atomics = original;
    }
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

function listened(original: Atomics, { machine, ledger }: World, calls: Call[]): Atomics {
  return new Proxy(original, {
    get(target, op: Exclude<keyof Atomics, symbol>) {
      const method = target[op] as (...args: unknown[]) => unknown;
      return (words: Int32Array, index: number, ...rest: unknown[]) => {
        if (op === 'waitAsync') rest.pop(); // as in the machine, a nap never ends by itself
        const result = method.call(target, words, index, ...rest);
        const at = words.buffer === ledger ? machine.words.length + index : index;
        calls.push({ op, at, value: op === 'load' ? (result as number) : target.load(words, index) });
        return result;
      };
    },
  });
}
