/**
 * A world: one scenario's threads around one channel, and perhaps a ring of ends and a table of runs, ready to be run again
 * and again, each time in another order.
 */

import * as layout from '#channel/memory';
import { createEnds } from '#runtime/ends';
import { createRuns } from '#runtime/runs';
import { Actor } from './actor.js';
import { Audit } from './audit.js';
import { Machine, type Step } from './machine.js';
import type { Build, Instance } from './realm.js';
import { Thread } from './thread.js';
import { Witness } from './witness.js';

/** What one thread does. */
export type Program = (actor: Actor) => Promise<unknown>;
export type Role = { readonly has: 'sender' | 'receiver' | 'nothing'; readonly runs: Program };

export interface Scenario {
  readonly name: string;
  /** Default 1. */
  readonly capacity?: number;
  /** The first position, counted from the wrap-around: -2 is two before it. Default -1. */
  readonly start?: number;
  /** By thread name. A thread has a sender, a receiver, or makes its own. */
  readonly threads: Readonly<Record<string, Role>>;
  /** One of these threads may be killed in each run, before any call. */
  readonly mortal?: readonly string[];
  /** The messages are too long for a cell. */
  readonly long?: boolean;
  /** Threads look once, and nap, before they sleep; naps end by themselves. */
  readonly naps?: boolean;
  /** Senders that wait look by themselves from time to time. */
  readonly looks?: boolean;
  /** A ring of ends with so many cells, and a table of runs with so many rows: 1 if nothing is said. */
  readonly ends?: number;
  readonly concurrency?: number;
  /** Another thread sends the tasks: they end when the owner has met them. */
  readonly meets?: boolean;
  /** How often a timer or a timed wait may end although others could go on. */
  readonly timeouts?: number;
  /** These threads need not finish. */
  readonly mayWait?: readonly string[];
}

const MAX_BYTES = 96;
const PHASES = ['FREE', 'WRITING', 'READY', 'ABORTED'];

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

  constructor(scenario: Scenario, build: Build) {
    const { capacity = 1, start = -1, ends, concurrency = 1 } = scenario;
    this.scenario = scenario;
    this.channel = layout.createMemory(capacity, MAX_BYTES, start);
    this.ends = ends === undefined ? new SharedArrayBuffer(0) : createEnds(128, ends);
    this.runs = createRuns(concurrency);
    const { words, limit } = new layout.Memory(this.channel);
    const roles = Object.entries(scenario.threads);
    for (const [seat, [, { has }]] of roles.entries()) {
      if (has !== 'sender') continue;
      words[layout.OPENINGS + seat] = 1;
      words[layout.OPEN] = (words[layout.OPEN] ?? 0) | (1 << seat);
    }
    const threads = roles.map(([name], index) => new Thread(name, index));
    this.machine = new Machine([this.channel, this.ends, this.runs], threads);
    this.limit = limit;
    this.first = (start + limit) % limit;
    this.witness = new Witness(this.machine, this.first);
    const modules = threads.map((thread) => build.instance(thread, this.machine));
    this.audit = new Audit(this, modules[0] as Instance);
    this.machine.checks = [this.witness, this.audit];
    const begin = this.machine.shared.begin(this.ends);
    this.machine.watch = (...write) => (write[1] < begin ? this.witness : this.audit).wrote(...write);
    this.machine.woke = (...woken) => this.witness.woke(...woken);
    this.machine.looks = scenario.looks ?? false;
    this.machine.rest = (last) => this.#rest(last);
    for (const [index, thread] of threads.entries())
      thread.actor = new Actor(this, thread, modules[index] as Instance, roles[index]?.[1] as Role);
  }

  /** Everything is ready for a run. */
  async begin(): Promise<void> {
    for (const thread of this.machine.threads) await thread.begin();
    this.machine.steps.length = 0;
  }

  thread(name: string): Thread {
    const thread = this.machine.threads.find((each) => each.name === name);
    if (thread === undefined) throw new RangeError(`Expected a thread of the scenario, got ${name}`);
    return thread;
  }

  #rest(last: boolean): string | undefined {
    const { threads } = this.machine;
    const naps = ({ at: { stand } }: Thread): boolean => stand.parked && stand.due.length > 0;
    const stuck = threads.some(naps) ? undefined : (this.witness.stuck() ?? this.audit.stuck()); // one that naps will look by itself
    if (stuck !== undefined || !last) return stuck;
    const waits = threads.find(
      (thread) => !this.machine.happened.has(thread) && !this.scenario.mayWait?.includes(thread.name),
    );
    if (waits !== undefined) return `${waits.name} waits for ever`;
    return this.witness.balance() ?? (this.scenario.ends === undefined ? undefined : this.audit.balance());
  }

  // ── For people ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** What is wrong, and every step to it. */
  tell(): string {
    const { taken } = this.witness.state;
    const lines = this.machine.steps.map((step) => this.#describe(step));
    return [this.machine.failure, ...lines, `taken: ${taken.join(', ')}`].join('\n');
  }

  #describe({ thread, op, at, value }: Step): string {
    if (at < 0) return `${thread}  ${op}`;
    const [cells, end] = [new layout.Memory(this.channel).cell(0), this.machine.shared.begin(this.ends)];
    const table = this.machine.shared.begin(this.runs);
    const constant = Object.entries(layout).find(([, value]) => value === at)?.[0];
    let [name, text]: [string, string] = [constant ?? `word ${at}`, String(value)];
    if (at >= table) name = `word ${at - table} of the table`;
    else if (at >= end) name = `word ${at - end} of the ends`;
    else if (at === layout.TAIL)
      text = `${value >>> 2}${(value & layout.WAITS) !== 0 ? ', WAITS' : ''}${(value & layout.CLOSED) !== 0 ? ', CLOSED' : ''}`;
    else if (at >= cells) {
      name = `cell ${(at - cells) / 16}`;
      text = `lap ${value >>> 7}, seat ${(value >>> 2) & 31}, ${PHASES[value & 3]}`;
    } else if (at >= layout.OPENINGS) name = `opening of seat ${at - layout.OPENINGS}`;
    return `${thread}  ${op.padEnd(16)}${name.padEnd(26)}${text}`;
  }
}
