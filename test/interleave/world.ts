/**
 * A world: one scenario's threads around one channel, and perhaps a ledger, ready to be run again and again, each time in
 * another order.
 */
import { channelIn, type SenderHandle } from '#channel';
import { createMemory } from '#channel/memory';
import { Ledger } from '#runtime/ledger';
import * as record from '#runtime/record';
import { createLedgerMemory } from '#runtime/records';
import { Actor } from './actor.js';
import {
  Audit,
  crashOf,
  DROPPED_AT,
  ENQUEUED_AT,
  FINISHED_AT,
  kindOf,
  resultOf,
  STARTED_AT,
} from './audit.js';
import { LAST_TURN } from './cast.js';
import { call, promiseOf, runAsync, type Steps, type Thread } from './loop.js';
import { Machine, type Snapshot as MachineSnapshot, type Scheduler } from './machine.js';
import { Past } from './past.js';
import type { Build, Instance } from './realm.js';
import { TaskActor } from './taskactor.js';
import { type Refusal, Witness } from './witness.js';

/** What one thread does. Generators: `yield*` every call of the actors. */
export type Program = (actor: Actor, tasks: TaskActor) => Steps<void>;

export interface Scenario {
  readonly name: string;
  readonly capacity: number;
  readonly cells: number;
  readonly start: number;
  /** By thread name. A thread has a sender, a receiver, both, or makes its own. */
  readonly threads: Readonly<Record<string, { has: 'sender' | 'receiver' | 'nothing'; runs: Program }>>;
  /** These threads may be killed, `kills` of them in each run (default 1), before any call. */
  readonly mortal?: readonly string[];
  readonly kills?: number;
  /** The messages are too long for a cell. */
  readonly long?: boolean;
  /** The messages are tasks, recorded in a ledger. */
  readonly tasks?: 'one at a time' | 'overlapping';
  /** No task was run before, so `start` is 0: nothing has been counted yet. */
  readonly fresh?: boolean;
  /** Tasks are withdrawn after their end, as never is the case: they are not counted. */
  readonly skips?: boolean;
  /** How often a timer or a timed wait may end although others could go on. */
  readonly timeouts?: number;
  /** How sends may fail. Closed is allowed whenever the receiver closes. */
  readonly refusals?: readonly Refusal[];
  /** These threads need not finish. */
  readonly mayWait?: readonly string[];
}

/** All that changes in a run, as it was at one moment. */
export interface Snapshot {
  readonly machine: MachineSnapshot;
  readonly witness: Witness['state'];
  readonly audit: Audit['state'];
}

const MAX_BYTES = 64;
const RESULT_BYTES = 64;

export class World {
  readonly scenario: Scenario;
  readonly machine: Machine;
  readonly witness: Witness;
  readonly patient: boolean;
  /** Names of words, for people. */
  readonly layout: Instance['memory'];
  readonly records: Instance['ledger'];
  readonly memory: SharedArrayBuffer;
  /** Empty, if the scenario has none. */
  readonly ledger: SharedArrayBuffer;
  readonly audit: Audit;
  /** Of the senders, by the index of their threads. */
  readonly handles: ReadonlyMap<number, SenderHandle<number>>;
  readonly #seats: readonly ReturnType<Build['seat']>[];
  /** Before any thread got ready, and when all are. */
  readonly #blank: Snapshot;
  #ready: Snapshot | undefined;
  #pasts: readonly Past[] = [];
  readonly #actors: (readonly [Actor, TaskActor])[] = [];

  constructor(scenario: Scenario, build: Build) {
    this.scenario = scenario;
    this.patient = build.patient;
    const memory = createMemory(scenario.capacity, MAX_BYTES, scenario.cells, scenario.start);
    this.memory = memory;
    const { tasks } = scenario;
    // The least that the rules allow: twice the cells, all of them in use.
    this.ledger =
      tasks === undefined
        ? new SharedArrayBuffer(0)
        : createLedgerMemory(2 * scenario.cells, RESULT_BYTES, tasks === 'overlapping', 1);
    const names = Object.keys(scenario.threads);
    this.#seats = names.map((_, index) => build.seat(index));
    const threads = this.#seats.map(({ thread }) => thread);
    for (const thread of threads) thread.killed = thread.finished = false;
    const instances = this.#seats.map(({ instance }) => instance);
    this.machine = new Machine(memory, this.ledger, threads);
    this.#sit();
    this.layout = { ...instances[0]?.line, ...instances[0]?.memory } as Instance['memory'];
    this.records = {
      ...instances[0]?.line,
      ...record,
      ...instances[0]?.ledger,
    } as unknown as Instance['ledger'];
    this.handles = this.#share(threads);
    const { handles } = this;
    const slots = new Map([...handles].map(([index, { slot }]) => [index, slot]));
    this.machine.quieten(unusedWords(this, new Set(slots.values())));
    this.audit = new Audit(this.machine, this.records, scenario.start | 0);
    this.witness = new Witness(this.machine, this.layout, slots, scenario.start | 0);
    for (const [index, thread] of threads.entries()) {
      const instance = instances[index];
      if (instance === undefined) continue;
      const actor = new Actor(this, thread, instance, handles);
      this.#actors.push([actor, new TaskActor(this, actor, instance)]);
    }
    const records = this.machine.words.length;
    this.machine.watch = (thread, at, before, now) =>
      at < records
        ? this.witness.wrote(thread, at, before, now)
        : this.audit.wrote(at - records, before, now);
    if (tasks !== undefined && !scenario.fresh && instances[0] !== undefined) this.#fillLedger(instances[0]);
    this.#blank = this.snapshot();
    this.forget();
    this.machine.rest = (last) => this.#rest(last);
  }

  /** One run, in the order that `scheduler` decides. What was wrong, or undefined. */
  run(scheduler: Scheduler): string | undefined {
    this.begin();
    this.machine.run(scheduler);
    return this.machine.failure;
  }

  /** Everything is ready for a run. */
  begin(): void {
    this.#sit();
    if (this.#ready === undefined) {
      this.restore(this.#blank);
      for (const past of this.#pasts) past.begin();
      this.machine.steps = 0;
      this.#ready = this.snapshot();
    } else this.restore(this.#ready);
    if (this.machine.log !== undefined) this.machine.log = [];
  }

  /** Everything that changes in a run, as it is now. */
  snapshot(): Snapshot {
    return { machine: this.machine.snapshot(), witness: this.witness.state, audit: this.audit.state };
  }

  restore({ machine, witness, audit }: Snapshot): void {
    this.machine.restore(machine);
    this.witness.state = witness;
    this.audit.state = audit;
  }

  /** What threads have seen in former runs is no longer of use, or too much. */
  forget(): void {
    this.#ready = undefined;
    this.#pasts = this.#actors.map((actors) => {
      const { thread } = actors[0];
      const threw = (error: unknown): undefined => {
        const what = error instanceof Error ? error.stack : String(error);
        this.machine.fail(`thread ${thread.name} threw ${what}`);
      };
      return new Past(thread, () => this.#prepare(actors), threw);
    });
  }

  #prepare(actors: readonly [Actor, TaskActor]): void {
    const [actor, tasks] = actors;
    const { thread } = actor;
    thread.preparing = true;
    thread.reset(() => {});
    tasks.prepare();
    drain(actor.prepare(this.#role(thread).has));
    thread.reset(() => this.#main(actors));
    thread.preparing = false;
  }

  /** The build's threads are this world's now. */
  #sit(): void {
    for (const [index, name] of Object.keys(this.scenario.threads).entries()) {
      const seat = this.#seats[index];
      if (seat === undefined) continue;
      const { thread } = seat;
      const past = this.#pasts[index] ?? new Past(thread);
      if (thread.past !== past) thread.past.leave();
      thread.past = past;
      thread.name = name;
      seat.machine = this.machine;
      seat.decoded = (value) => thread.past.ask(() => this.witness.decodes(thread, value));
    }
  }

  thread(name: string): Thread {
    const thread = this.machine.threads[Object.keys(this.scenario.threads).indexOf(name)];
    if (thread === undefined) throw new RangeError(`Expected a thread of the scenario, got ${name}`);
    return thread;
  }

  #role(thread: Thread): Scenario['threads'][string] {
    return this.scenario.threads[thread.name] as Scenario['threads'][string];
  }

  *#main([actor, tasks]: readonly [Actor, TaskActor]): Steps<void> {
    const { thread } = actor;
    const done = yield* runAsync(promiseOf(thread), this.#role(thread).runs(actor, tasks));
    done.then(() => thread.past.ask(() => this.machine.finish(thread)));
  }

  /** A former task in every record: succeeded, failed, or cancelled before it was started. */
  #fillLedger({ ledger: { Ledger: Instrumented } }: Instance): void {
    const { audit } = this;
    const [thread] = this.machine.threads;
    if (thread !== undefined) thread.preparing = true;
    const ledger = new Instrumented(this.ledger);
    for (let order = -(this.machine.records[0] ?? 0); thread !== undefined && order < 0; order++) {
      const message = 90 - order;
      const position = audit.position(order);
      thread.date = ENQUEUED_AT + message;
      drain(call(ledger.enqueue(position, message, kindOf(message))));
      thread.date = DROPPED_AT + order;
      if (order % 3 === 0) drain(call(ledger.cancel(audit.id(order))));
      else {
        const [state, outcome] =
          order % 3 === -1 ? ['succeeded', resultOf(message)] : ['failed', crashOf(order)];
        drain(call(ledger.tally.reach(position)));
        drain(call(ledger.start(position, STARTED_AT + order)));
        drain(call(ledger.finish(position, state as string, outcome, FINISHED_AT + order)));
      }
    }
    audit.keep();
  }

  /** A sender for each thread that has one, made by the shipped code. */
  #share(threads: readonly Thread[]): Map<number, SenderHandle<number>> {
    const [tx, rx] = channelIn<number>(this.memory);
    tx.link.annex = this.ledger;
    const senders = threads.filter((thread) => this.#role(thread).has === 'sender');
    const handles = new Map(senders.map(({ index }) => [index, tx.share()]));
    tx.close();
    rx.share();
    // Nobody gets the numbers that are left, as if whoever had them were about to close them: it is known who is next.
    const used = new Set([...handles.values()].map(({ slot }) => slot));
    const { SENDERS = 0, STRIDE = 1, LIFE = 0, MAX_SENDERS = 0, NEXT_TURN = 0 } = this.layout;
    this.machine.words[NEXT_TURN] = LAST_TURN;
    for (let slot = 0; slot < MAX_SENDERS; slot++)
      if (!used.has(slot)) this.machine.words[SENDERS + slot * STRIDE + LIFE] = 1;
    return handles;
  }

  #rest(last: boolean): string | undefined {
    const { threads } = this.machine;
    const senders = threads.filter((thread) => this.#role(thread).has === 'sender');
    const naps = ({ past: { at } }: Thread): boolean => at.parked && at.ends < Number.POSITIVE_INFINITY;
    if (threads.some((thread) => !senders.includes(thread) && naps(thread))) return undefined; // it will look by itself
    const stuck = this.witness.stuck(senders) ?? this.audit.stuck();
    if (stuck !== undefined || !last) return stuck;
    const waits = threads.find((t) => !t.finished && !t.killed && !this.scenario.mayWait?.includes(t.name));
    if (waits !== undefined) return `${waits.name} waits for ever`;
    const wrong = this.witness.balance() ?? this.audit.balance(this.witness.state.delivered);
    const { tasks, skips = false } = this.scenario;
    if (wrong !== undefined || tasks === undefined || skips) return wrong;
    return this.audit.differsFrom(new Ledger(this.ledger).tally.read());
  }
}

/** Words of senders that nobody opened. Those of the line are constant; nobody looks at those of the watchers. */
function unusedWords(
  { layout, records, machine }: World,
  used: ReadonlySet<number>,
): (at: number) => boolean {
  const { SENDERS = 0, LINE_WORDS = 0, STRIDE = 1 } = layout;
  const { WATCHERS = 0, LABELS = 0 } = records;
  const end = machine.words.length;
  return (at) => {
    const [index, from, to] = at < end ? [at, SENDERS, LINE_WORDS] : [at - end, WATCHERS, LABELS];
    return index >= from && index < to && !used.has(Math.floor((index - from) / STRIDE));
  };
}

/** Runs steps that never have to stop. */
function drain(steps: Steps): void {
  if (steps.next().done !== true) throw new Error('Expected to get ready without stopping');
}
