/**
 * A world: one scenario's threads around one channel, and perhaps a ring of ends and a table of runs, ready to be run again
 * and again, each time in another order.
 */

import { MAX_SENDERS, type SenderHandle } from '#channel';
import { createMemory, Memory, OPENINGS, RECEIVER_THREAD } from '#channel/memory';
import { openSeat } from '#channel/seats';
import { createRing } from '#runtime/ends';
import { createRuns } from '#runtime/runs';
import { Actor } from './actor.js';
import { Audit, type Places } from './audit.js';
import { promiseOf, runAsync, type Steps, type Thread } from './loop.js';
import { Machine, type Snapshot as MachineSnapshot, type Scheduler } from './machine.js';
import { Past } from './past.js';
import type { Build, ThreadSeat } from './realm.js';
import { type Refusal, Witness } from './witness.js';

/** What one thread does. Generators: `yield*` every call of the actors. */
export type Program = (actor: Actor) => Steps<void>;
export type Role = { readonly has: 'sender' | 'receiver' | 'nothing'; readonly runs: Program };

export interface Scenario {
  readonly name: string;
  readonly capacity: number;
  /** The first position, counted from the wrap-around: -2 is two before it. */
  readonly start: number;
  /** By thread name. A thread has a sender, a receiver, or makes its own. */
  readonly threads: Readonly<Record<string, Role>>;
  /** These threads may be killed, `kills` of them in each run (default 1), before any call. */
  readonly mortal?: readonly string[];
  readonly kills?: number;
  /** The messages are too long for a cell. */
  readonly long?: boolean;
  /** Threads look once, and nap, before they sleep; naps end by themselves. */
  readonly naps?: boolean;
  /** Senders that wait look by themselves from time to time. */
  readonly looks?: boolean;
  /** A ring of ends with so many cells, and a table of runs with so many entries: 1 if nothing is said. */
  readonly ends?: number;
  readonly concurrency?: number;
  /** Another thread sends the tasks: they end when the owner has met them. */
  readonly meets?: boolean;
  /** How often a timer or a timed wait may end although others could go on. */
  readonly timeouts?: number;
  /** Seats that are opened during the run. */
  readonly opens?: readonly number[];
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

const MAX_BYTES = 96;

export class World {
  readonly scenario: Scenario;
  readonly machine: Machine;
  readonly witness: Witness;
  readonly audit: Audit;
  readonly channel: SharedArrayBuffer;
  readonly ends: SharedArrayBuffer;
  readonly runs: SharedArrayBuffer;
  /** The first position of the run, and how many there are. */
  readonly first: number;
  readonly limit: number;
  /** Of the senders, by the index of their threads. */
  readonly handles: ReadonlyMap<number, SenderHandle<number>>;
  readonly #seats: readonly ThreadSeat[];
  /** Before any thread got ready, and when all are. */
  readonly #blank: Snapshot;
  #ready: Snapshot | undefined;
  #pasts: readonly Past[] = [];
  readonly #actors: readonly Actor[];

  constructor(scenario: Scenario, build: Build) {
    this.scenario = scenario;
    this.channel = createMemory(scenario.capacity, MAX_BYTES, scenario.start);
    this.ends = scenario.ends === undefined ? new SharedArrayBuffer(0) : createRing(scenario.ends, 128);
    this.runs = createRuns(scenario.concurrency ?? 1);
    const names = Object.keys(scenario.threads);
    this.#seats = names.map((_, index) => build.seat(index));
    const threads = this.#seats.map(({ thread }) => thread);
    for (const thread of threads) thread.killed = thread.finished = false;
    this.handles = this.#share();
    this.machine = new Machine([this.channel, this.ends, this.runs], threads);
    // All other seats are taken, as if their senders were about to be closed: the next that is free is known.
    const used = [...this.handles.values()].map(({ seat }) => seat);
    for (let seat = 0; seat < MAX_SENDERS; seat++)
      if (!used.includes(seat) && !scenario.opens?.includes(seat))
        this.machine.quieten(OPENINGS + seat, 'constant');
    this.machine.quieten(RECEIVER_THREAD, 'quiet');
    this.#sit();
    this.limit = new Memory(this.channel).limit;
    this.first = (scenario.start + this.limit) % this.limit;
    this.witness = new Witness(this.machine, this.first);
    this.audit = new Audit(this.machine, this.witness, this.#places());
    this.#actors = this.#seats.map((seat) => new Actor(this, seat));
    const end = this.machine.shared.begin(this.ends);
    this.machine.watch = (thread, at, before, now) =>
      (at < end ? this.witness : this.audit).wrote(thread, at, before, now);
    this.machine.woke = (threads, at, by) => this.witness.woke(threads, at, by);
    this.machine.looks = scenario.looks ?? false;
    this.machine.rest = (last) => this.#rest(last);
    this.#blank = this.snapshot();
    this.forget();
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
    this.#pasts = this.#actors.map((actor) => {
      const { thread } = actor;
      const threw = (error: unknown): undefined => {
        const what = error instanceof Error ? error.stack : String(error);
        this.machine.fail(`thread ${thread.name} threw ${what}`);
      };
      return new Past(thread, () => this.#prepare(actor), threw);
    });
  }

  #prepare(actor: Actor): void {
    const { thread } = actor;
    thread.preparing = true;
    thread.reset(() => {});
    drain(actor.prepare(this.#role(thread).has));
    thread.reset(() => this.#main(actor));
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

  /** The name of a word behind the channel's. */
  nameOf(at: number): string | undefined {
    const { tail, head, entries } = this.#places();
    if (entries.includes(at)) return `WHO of entry ${entries.indexOf(at)}`;
    return new Map([
      [tail, 'TAIL of the ends'],
      [head, 'HEAD of the ends'],
      [head + 32, 'BELL of the ends'],
    ]).get(at);
  }

  #places(): Places {
    const [ends, runs] = [this.ends, this.runs].map((memory) => this.machine.shared.begin(memory));
    const { ends: layout, runs: table } = this.#seats[0]?.instance ?? {};
    const entries = Array.from(
      { length: this.scenario.concurrency ?? 1 },
      (_, entry) => (runs ?? 0) + (table?.['FIRST'] ?? 0) + entry * (table?.['ENTRY_WORDS'] ?? 0),
    );
    const at = (name: string): number =>
      this.scenario.ends === undefined ? Number.NaN : (ends ?? 0) + (layout?.[name] ?? 0);
    return {
      tail: at('TAIL'),
      head: at('HEAD'),
      firstCell: at('FIRST'),
      cells: this.scenario.ends ?? 0,
      entries,
    };
  }

  thread(name: string): Thread {
    const thread = this.machine.threads[Object.keys(this.scenario.threads).indexOf(name)];
    if (thread === undefined) throw new RangeError(`Expected a thread of the scenario, got ${name}`);
    return thread;
  }

  #role(thread: Thread): Role {
    return this.scenario.threads[thread.name] as Role;
  }

  *#main(actor: Actor): Steps<void> {
    const { thread } = actor;
    const done = yield* runAsync(promiseOf(thread), this.#role(thread).runs(actor));
    done.then(() => thread.past.ask(() => this.machine.finish(thread)));
  }

  /** A sender for each thread that has one. */
  #share(): Map<number, SenderHandle<number>> {
    const { words } = new Memory(this.channel);
    const roles = [...Object.values(this.scenario.threads).entries()].filter(
      ([, { has }]) => has === 'sender',
    );
    const memory = this.channel;
    const handles = new Map(
      roles.map(([index]) => [index, { kind: 'sender', memory, ...openSeat(words) } as const]),
    );
    for (let seat = handles.size; seat < MAX_SENDERS; seat++)
      if (!this.scenario.opens?.includes(seat)) words[OPENINGS + seat] = 1;
    return handles;
  }

  #rest(last: boolean): string | undefined {
    const { threads } = this.machine;
    const naps = ({ past: { at } }: Thread): boolean => at.parked && at.ends < Number.POSITIVE_INFINITY;
    const stuck = threads.some(naps) ? undefined : (this.witness.stuck() ?? this.audit.stuck()); // one that naps will look by itself
    if (stuck !== undefined || !last) return stuck;
    const waits = threads.find((t) => !t.finished && !t.killed && !this.scenario.mayWait?.includes(t.name));
    if (waits !== undefined) return `${waits.name} waits for ever`;
    return this.witness.balance() ?? (this.scenario.ends === undefined ? undefined : this.audit.balance());
  }
}

/** Runs steps that never have to stop. */
function drain(steps: Steps): void {
  if (steps.next().done !== true) throw new Error('Expected to get ready without stopping');
}
