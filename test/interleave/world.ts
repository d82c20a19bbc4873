/**
 * A world: one scenario's threads around one channel, ready to be run again and again, each time in another order.
 */
import { channelIn, type SenderHandle } from '#channel';
import { createMemory } from '#ring';
import { Actor } from './actor.js';
import { promiseOf, runAsync, type Steps, Thread } from './loop.js';
import { Machine, type Scheduler } from './machine.js';
import type { Build, Instance } from './realm.js';
import { type Refusal, Witness } from './witness.js';

/** What one thread does. Generators: `yield*` every call of the actor. */
export type Program = (actor: Actor) => Steps<void>;

export interface Scenario {
  readonly name: string;
  readonly capacity: number;
  readonly cells: number;
  readonly start: number;
  /** By thread name. A thread has a sender, a receiver, both, or makes its own. */
  readonly threads: Readonly<Record<string, { has: 'sender' | 'receiver' | 'nothing'; runs: Program }>>;
  /** These threads may be killed, one of them in each run, before any call. */
  readonly mortal?: readonly string[];
  /** How often a timer or a timed wait may end although others could go on. */
  readonly timeouts?: number;
  /** How sends may fail. Closed is allowed whenever the receiver closes. */
  readonly refusals?: readonly Refusal[];
  /** These threads need not finish. */
  readonly mayWait?: readonly string[];
}

const MAX_BYTES = 64;

export class World {
  readonly scenario: Scenario;
  readonly machine: Machine;
  readonly witness: Witness;
  /** Names of words, for people. */
  readonly layout: Instance['ring'];
  readonly memory: SharedArrayBuffer;
  /** Of the senders, by the index of their threads. */
  readonly handles: ReadonlyMap<number, SenderHandle<number>>;
  readonly #blank: Int32Array;
  readonly #actors: Actor[] = [];
  readonly #quiet: (at: number) => boolean;

  constructor(scenario: Scenario, build: Build) {
    this.scenario = scenario;
    const memory = createMemory(scenario.capacity, MAX_BYTES, scenario.cells, scenario.start);
    this.memory = memory;
    const names = Object.keys(scenario.threads);
    const threads = names.map((name, index) => new Thread(name, index));
    this.machine = new Machine(memory, memory.byteLength / 4, threads);
    const instances = threads.map((thread) =>
      build.instance(this.machine, thread, (value) => this.witness.decodes(thread, value as number)),
    );
    this.layout = instances[0]?.ring ?? ({} as Instance['ring']);
    this.handles = this.#share(threads);
    const { handles } = this;
    const slots = new Map([...handles].map(([index, { slot }]) => [index, slot]));
    this.#quiet = unusedWords(this.layout, new Set(slots.values()));
    this.#blank = this.machine.words.slice();
    this.witness = new Witness(this.machine, this.layout, slots, scenario.start | 0);
    for (const [index, thread] of threads.entries()) {
      const instance = instances[index];
      if (instance !== undefined) this.#actors.push(new Actor(this, thread, instance, handles));
    }
    this.machine.watch = (...write) => this.witness.wrote(...write);
    this.machine.rest = (last) => this.#rest(last);
  }

  /** One run, in the order that `scheduler` decides. What was wrong, or undefined. */
  run(scheduler: Scheduler): string | undefined {
    const { machine } = this;
    machine.reset();
    this.witness.reset();
    machine.words.set(this.#blank);
    machine.scheduler = scheduler;
    machine.quiet = () => true;
    for (const actor of this.#actors) {
      const { thread } = actor;
      thread.reset(() => this.#main(actor));
      drain(actor.prepare(this.#role(thread).has));
      thread.reset(() => this.#main(actor));
    }
    machine.quiet = this.#quiet;
    machine.steps = 0;
    machine.segments = [];
    if (machine.log) machine.log = [];
    machine.run();
    return machine.failure;
  }

  thread(name: string): Thread {
    const thread = this.machine.threads.find((other) => other.name === name);
    if (thread === undefined) throw new RangeError(`Expected a thread of the scenario, got ${name}`);
    return thread;
  }

  #role(thread: Thread): Scenario['threads'][string] {
    return this.scenario.threads[thread.name] as Scenario['threads'][string];
  }

  *#main(actor: Actor): Steps<void> {
    const { thread } = actor;
    const done = yield* runAsync(promiseOf(thread), this.#role(thread).runs(actor));
    done.then(() => {
      thread.finished = true;
      this.machine.exited(thread);
    });
  }

  /** A sender for each thread that has one, made by the shipped code. */
  #share(threads: readonly Thread[]): Map<number, SenderHandle<number>> {
    const [tx, rx] = channelIn<number>(this.memory);
    const senders = threads.filter((thread) => this.#role(thread).has === 'sender');
    const handles = new Map(senders.map(({ index }) => [index, tx.share()]));
    tx.close();
    rx.share();
    return handles;
  }

  #rest(last: boolean): string | undefined {
    const { threads } = this.machine;
    const senders = threads.filter((thread) => this.#role(thread).has === 'sender');
    const receivers = threads.filter((thread) => this.#role(thread).has !== 'sender');
    const receiving = receivers.filter((thread) => this.#actors[thread.index]?.receiving);
    const stuck = this.witness.stuck(senders, receiving);
    if (stuck !== undefined || !last) return stuck;
    const waits = threads.find((t) => !t.finished && !t.killed && !this.scenario.mayWait?.includes(t.name));
    if (waits !== undefined) return `${waits.name} waits for ever`;
    return this.witness.balance();
  }
}

/** Words of senders that nobody opened: only looked at, and all the time the same. */
function unusedWords(layout: Instance['ring'], used: ReadonlySet<number>): (at: number) => boolean {
  const { SENDERS = 0, FIRST_CELL = 0, LINE = 1 } = layout;
  return (at) => at >= SENDERS && at < FIRST_CELL && !used.has(Math.floor((at - SENDERS) / LINE));
}

/** Runs steps that never have to stop. */
function drain(steps: Steps<void>): void {
  if (steps.next().done !== true) throw new Error('Expected to get ready without stopping');
}
