/**
 * Does instrumenting change anything? Two programs, run by the shipped modules with the real `Atomics` listened to, and
 * by the instrumented ones: both have to make the same calls.
 */
import { Receiver, type ReceiverHandle, Sender, type SenderHandle } from '#channel';
import { Collector, Reporter } from '#runtime/ends';
import { Runs } from '#runtime/runs';
import { exploreAll } from './explore.js';
import { Await, call, type Steps } from './loop.js';
import type { Step } from './machine.js';
import {
  Build,
  type InstrumentedCollector,
  type InstrumentedReceiver,
  type InstrumentedReporter,
  type InstrumentedRuns,
  type InstrumentedSender,
} from './realm.js';
import { type Scenario, World } from './world.js';

/** What a program works with: instrumented, or as shipped. */
interface Parts {
  readonly tx: InstrumentedSender;
  receiver(): unknown;
  reporter(): unknown;
  collector(onEnd: () => void): unknown;
  runs(): InstrumentedRuns;
}
type ProgramOf = (parts: Parts) => Steps<void>;

/** Goes through every way of sending and receiving, through waiting, giving up, taking back and closing. */
function* channelProgram({ tx, receiver }: Parts): Steps<void> {
  yield* call(tx.blockingSend(1));
  yield* refused(() => tx.blockingSend(2, { timeout: 0 }));
  yield* call(tx.trySend(3));
  const sends = [];
  for (const n of [4, 5, 6]) sends.push(yield* call(tx.send(n)));
  const late = yield* call(tx.send(7, { timeout: 5 }));
  yield* refused(() => new Await(late));
  const rx = (yield* call(receiver())) as InstrumentedReceiver;
  yield new Await(yield* call(rx.recv()));
  yield* call(rx.tryRecv());
  for (const sent of sends) {
    yield new Await(sent);
    yield* call(rx.blockingRecv());
  }
  const waiting = yield* call(rx.recv());
  yield* call(tx.trySend(8));
  yield new Await(waiting);
  const waitingLate = yield* call(rx.recv());
  yield* call(tx.send(9, {}, undefined, true));
  yield new Await(waitingLate);
  yield* call(tx.trySend(12));
  yield* call(tx.takeBack(tx.position));
  yield* call(rx.tryRecv());
  yield* call(tx.send(10));
  const last = yield* call(tx.send(11));
  yield* call(rx.close());
  yield* refused(() => new Await(last));
  yield new Await(yield* call(rx.recv()));
  yield new Await(yield* call(rx.recv()));
  const handle = yield* call(tx.share());
  yield* call(tx.bury(handle));
  yield* call(tx.close());
}

/** Goes through all that the ring of ends and the table of runs do. */
function* officeProgram(parts: Parts): Steps<void> {
  const reporter = (yield* call(parts.reporter())) as InstrumentedReporter;
  const collector = (yield* call(parts.collector(() => undefined))) as InstrumentedCollector;
  const runs = parts.runs();
  const outcome = { words: new Int32Array(32), bytes: new Uint8Array(128) };
  let eager = false;
  yield* call(
    collector.listen(
      () => eager,
      () => collector.drain(),
    ),
  );
  for (const size of [8, 120]) {
    yield* call(runs.start(0, size, 1));
    runs.name(0, 1);
    yield* call(reporter.look());
    yield* call(runs.list());
    yield* call(
      reporter.report({ id: size, key: 0, state: 'succeeded', started: 1, finished: 2 }, outcome, size),
    );
    yield* call(runs.end(0));
  }
  yield* call(collector.drain());
  eager = true;
  yield* call(collector.beEager());
  yield* call(reporter.report({ id: 3, key: 0, state: 'succeeded', started: 1, finished: 2 }, outcome, 0));
  yield* call(runs.start(0, 5, 1));
  const [run = { entry: 0, position: 5, key: undefined }] = yield* call(runs.list());
  yield* call(runs.revoke({ ...run, position: 6 }));
  yield* call(runs.revoke(run));
  yield* call(runs.list());
  yield* call(runs.giveBack());
  yield* call(runs.end(0));
  yield* call(runs.reset());
  yield* call(collector.wake());
  yield* call(collector.stop());
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

const programs: readonly ProgramOf[] = [channelProgram, officeProgram];

/** A world in which one thread runs a program. */
function worldOf(program: ProgramOf, build: Build): World {
  const scenario: Scenario = {
    name: program.name,
    capacity: 1,
    start: -2,
    ends: 4,
    opens: [1],
    threads: {
      a: {
        has: 'sender',
        *runs({ sender: tx, seat: { instance }, world }) {
          const { Reporter, Collector } = instance.ends;
          yield* program({
            tx,
            receiver: () => instance.receiver.Receiver.attach({ kind: 'receiver', memory: world.channel }),
            reporter: () => new Reporter().$construct(world.ends, () => undefined),
            collector: (onEnd) => new Collector().$construct(world.ends, scratch(), onEnd),
            runs: () => new instance.runs.Runs(world.runs),
          });
        },
      },
    },
  };
  return new World(scenario, build);
}

function scratch(): { words: Int32Array; bytes: Uint8Array } {
  const words = new Int32Array(32);
  return { words, bytes: new Uint8Array(words.buffer) };
}

type Call = Pick<Step, 'op' | 'at' | 'value'>;
const text = ({ op, at, value }: Call): string => `${op} word ${at}: ${value}`;

/** The calls of the instrumented modules, with as many looks as shipped. Nobody checks what they do. */
export function instrumentedCalls(): string[] {
  return programs.flatMap((program) => {
    const world = worldOf(program, new Build([], 'as shipped'));
    const { machine } = world;
    machine.log = [];
    machine.maxSteps = Number.POSITIVE_INFINITY;
    machine.watch = () => undefined;
    machine.rest = () => undefined;
    machine.fail = () => undefined;
    exploreAll(world, { preemptions: 0 });
    return machine.log.map(text);
  });
}

/** The calls of the shipped modules. */
export async function shippedCalls(): Promise<string[]> {
  const calls: Call[] = [];
  const original = globalThis.Atomics;
  performance.now = () => 0; // how long to look depends on it
  try {
    for (const program of programs) {
      const world = worldOf(program, new Build());
      const [handle] = world.handles.values();
      const tx = Sender.attach(handle as SenderHandle<number>) as unknown as InstrumentedSender;
      globalThis.Atomics = listened(original, world, calls);
      const steps = program({
        tx,
        receiver: () =>
          Receiver.attach({ kind: 'receiver', memory: world.channel } as ReceiverHandle<number>),
        reporter: () => new Reporter(world.ends, () => undefined),
        collector: (onEnd) => new Collector(world.ends, scratch(), onEnd),
        runs: () => new Runs(world.runs) as unknown as InstrumentedRuns,
      });
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

function listened(original: Atomics, { machine }: World, calls: Call[]): Atomics {
  return new Proxy(original, {
    get(target, op: Exclude<keyof Atomics, symbol>) {
      const method = target[op] as (...args: unknown[]) => unknown;
      return (words: Int32Array, index: number, ...rest: unknown[]) => {
        if (op === 'waitAsync') rest.splice(1); // as in the machine, it never ends by itself
        const result = method.call(target, words, index, ...rest);
        const at = machine.shared.begin(words.buffer as SharedArrayBuffer) + index;
        calls.push({ op, at, value: op === 'load' ? (result as number) : target.load(words, index) });
        return result;
      };
    },
  });
}
