/**
 * The audit: sees every change of the ledger and every record that is read in one run, and says what breaks a promise.
 *
 * A task is known by its `order`: the distance of its position from the first one of the run. The ledger is full of
 * former tasks when the run begins: -HISTORY to -1. All that a record says follows from its order and its message, so a
 * record made of parts of two is noticed.
 */
import { TaskTimeoutError } from '#runtime/errors';
import type { TaskRecord, TaskState } from '#runtime/record';
import type { Totals } from '#runtime/totals';
import type { Thread } from './loop.js';
import type { Machine } from './machine.js';
import type { LedgerLayout } from './realm.js';

/** What the clock says when a task is … */
export const ENQUEUED_AT = 1_000_000; // + message
export const STARTED_AT = 2_000_000; // + order, like the others
export const FINISHED_AT = 3_000_000;
export const DROPPED_AT = 4_000_000;
export const TIMEOUT = 100;

export const kindOf = (message: number): 'sync' | 'async' => (message % 2 === 1 ? 'async' : 'sync');
/** The third task of each sender has a result that is too large for the ledger. */
export const resultOf = (message: number): unknown => (message % 10 === 3 ? 'x'.repeat(99) : 7 * message);
export const stoppedWith = (message: number): number => -message;
export const crashOf = (order: number): string => `crashed ${order}`;
const EXPIRY = new TaskTimeoutError(TIMEOUT).message;
export const progressOf = (order: number): number => (order + 50) / 100;

const RANK = { queued: 1, running: 2, succeeded: 3, failed: 3, cancelled: 3 } as const;

/** Never changed, but replaced: so it can be kept. */
interface Knowledge {
  /** Order → message. */
  readonly tasks: ReadonlyMap<number, number>;
  /** Order → final state. */
  readonly ends: ReadonlyMap<number, number>;
  readonly started: readonly number[];
  readonly accepted: readonly number[];
  readonly refused: readonly number[];
  /** Who waits for the end of which task. */
  readonly awaited: readonly { readonly thread: Thread; readonly order: number }[];
  /** A task has been ended over its deadline, and its thread is not dead yet. */
  readonly ending: boolean;
}

export class Audit {
  readonly #machine: Machine;
  readonly #layout: LedgerLayout;
  readonly #history: number;
  readonly #start: number;
  /** What it knows. */
  state: Knowledge = {
    tasks: new Map(),
    ends: new Map(),
    started: [],
    accepted: [],
    refused: [],
    awaited: [],
    ending: false,
  };

  constructor(machine: Machine, layout: LedgerLayout, start: number) {
    this.#machine = machine;
    this.#layout = layout;
    this.#history = machine.records[0] ?? 0;
    this.#start = start;
    const offset = this.#name('OFFSET'); // times are compared as they are written
    if (this.#history > 0) machine.records.fill(0, offset, offset + 2);
  }

  /** What the ledger says now is about former tasks. */
  keep(): void {
    this.#machine.records[this.#name('LEASE')] = 0;
    const { tasks, ends } = this.state;
    const { DROPPED = 0 } = this.#layout.State;
    this.#now({
      ends: new Map([...tasks.keys()].map((order) => [order, ends.get(order) ?? DROPPED])),
      started: [],
    });
  }

  #now(changes: Partial<Knowledge>): undefined {
    this.state = { ...this.state, ...changes };
  }

  // ── Numbers ────────────────────────────────────────────────────────────────────────────────────────────────────

  position(order: number): number {
    return (this.#start + order) | 0;
  }

  order(position: number): number {
    return (position - this.#start) | 0;
  }

  /** Positions below zero are those of the first round, epoch 0; see `World` for what was there before. */
  id(order: number): number {
    const position = this.position(order);
    return this.#start < 0 && position >= 0 ? 2 ** 32 + position : position >>> 0;
  }

  #word(at: number): number {
    return this.#machine.records[at] ?? 0;
  }

  #name(name: string): number {
    return this.#layout[name] ?? Number.NaN;
  }

  #record(order: number): number {
    return this.position(order) & (this.#history - 1);
  }

  #labelAt(order: number): number {
    return this.#name('LABELS') + this.#record(order) * this.#name('LABEL_WORDS');
  }

  get #runs(): number {
    return this.#name('LABELS') + this.#history * this.#name('LABEL_WORDS');
  }

  /** A word with a lap is about this task. */
  #orderOf(record: number, word: number): number {
    return this.order(((word >>> 3) * this.#history + record) | 0);
  }

  // ── Every write ────────────────────────────────────────────────────────────────────────────────────────────────

  wrote(at: number, before: number, now: number): string | undefined {
    const runs = this.#runs;
    if (at >= runs && (at - runs) % this.#name('RUN_WORDS') === 0)
      return this.#ran((at - runs) / this.#name('RUN_WORDS'), before, now);
    const labels = this.#name('LABELS');
    if (at < labels || at >= runs || (at - labels) % this.#name('LABEL_WORDS') !== 0) return undefined;
    const order = this.#orderOf((at - labels) / this.#name('LABEL_WORDS'), now);
    const last = order - this.#history;
    if (this.#isRunning(last)) return `the record of task ${last} was used again while it ran`;
    if ((now & 7) === this.#layout.Label['QUEUED']) {
      const message = this.#word(at + this.#name('TASK')) >> 1;
      this.#now({ tasks: new Map([...this.state.tasks, [order, message]]) });
    }
    return undefined;
  }

  #isRunning(order: number): boolean {
    return this.state.started.includes(order) && !this.state.ends.has(order);
  }

  #ran(record: number, before: number, now: number): string | undefined {
    const { RUNNING, DROPPED, OVERDUE } = this.#layout.State;
    const [last, order, state] = [this.#orderOf(record, before), this.#orderOf(record, now), now & 7];
    const same = last === order && (before & 7) !== 0;
    if (order < last) return `the record of task ${last} was changed for task ${order}`;
    if (state !== RUNNING && state !== DROPPED && !(same && (before & 7) === RUNNING))
      return `task ${order} ended, and was not running`;
    if ((state === RUNNING || state === DROPPED) && same)
      return `task ${order} was ${state === RUNNING ? 'started' : 'dropped'} after it was started or dropped`;
    if (state === RUNNING && this.state.ending)
      return `task ${order} was started in a thread that is being ended`;
    const { started, ends, ending } = this.state;
    if (state === RUNNING) this.#now({ started: [...started, order] });
    else this.#now({ ends: new Map([...ends, [order, state ?? 0]]), ending: ending || state === OVERDUE });
    return undefined;
  }

  /** Tasks that run now. */
  running(): number[] {
    return this.state.started.filter((order) => !this.state.ends.has(order));
  }

  // ── Every outcome ──────────────────────────────────────────────────────────────────────────────────────────────

  accepted(message: number, id: number): undefined {
    const order = this.order(id | 0);
    this.#now({ accepted: [...this.state.accepted, order] });
    if (id !== this.id(order) || this.state.tasks.get(order) !== message)
      this.#machine.fail(`${message} was accepted as task ${id}, whose record is another's`);
  }

  refused(message: number): undefined {
    this.#now({ refused: [...this.state.refused, message] });
  }

  /** A message that was received as that task. */
  received(order: number, message: number): undefined {
    if (this.state.tasks.get(order) !== message)
      this.#machine.fail(`${message} was received, the record says ${this.state.tasks.get(order)}`);
  }

  /** `thread` begins to wait for the end of a task, or has been told of it. */
  awaits(thread: Thread, order: number, now: boolean): undefined {
    const { awaited } = this.state;
    const others = awaited.filter((wait) => wait.thread !== thread || wait.order !== order);
    this.#now({ awaited: now ? [...awaited, { thread, order }] : others });
  }

  cancelled(order: number, was: TaskState | undefined): undefined {
    const { DROPPED } = this.#layout.State;
    if (was === 'queued' && this.state.ends.get(order) !== DROPPED)
      this.#machine.fail(`task ${order} was cancelled while queued, and is not`);
    if (
      was !== 'queued' &&
      was !== undefined &&
      !this.state.started.includes(order) &&
      !this.state.ends.has(order)
    )
      this.#machine.fail(`task ${order} was ${was} when it was cancelled, and had not been started`);
  }

  hasEnded(order: number): boolean {
    return this.state.ends.has(order);
  }

  /** The thread that was ended over a deadline is dead. */
  threadEnded(): undefined {
    this.#now({ ending: false });
  }

  /** How far a task is: 0 no task, 1 queued, 2 running, 3 ended; 4 its record is another task's. */
  rank(order: number): number {
    if (this.#orderOf(this.#record(order), this.#word(this.#labelAt(order))) > order) return 4;
    if (this.state.ends.has(order)) return 3;
    if (this.state.started.includes(order)) return 2;
    const queued = (this.#word(this.#labelAt(order)) & 7) === this.#layout.Label['QUEUED'];
    return queued && this.state.tasks.has(order) ? 1 : 0;
  }

  /** A record that was read; `before`: the task's rank before that. */
  read(order: number, record: TaskRecord | undefined, before: number): undefined {
    const wrong = record === undefined ? this.#missing(order, before) : this.#differs(order, record, before);
    if (wrong !== undefined) this.#machine.fail(`the record of task ${order}: ${wrong}`);
  }

  #missing(order: number, before: number): string | undefined {
    const now = this.rank(order);
    if (before === 0 || before === 4 || now === 4 || now === 0) return undefined;
    // The queue has ended, and this one neither ran nor was dropped: its send has failed, or will.
    if (now === 1 && this.#word(this.#name('CLOSED')) === 1) return undefined;
    return 'not found';
  }

  #differs(order: number, record: TaskRecord, before: number): string | undefined {
    const message = this.state.tasks.get(order) ?? Number.NaN;
    const rank = RANK[record.state];
    if (rank < before) return `${record.state}, but it had been further`;
    const ran = rank > 1 && record.started !== undefined;
    const fields: [string, unknown, ...unknown[]][] = [
      ['id', record.id, this.id(order)],
      ['fn', record.fn, message],
      ['kind', record.kind, kindOf(message)],
      ['sender', Math.floor((record.enqueued - ENQUEUED_AT) / 10), Math.floor(message / 10)],
      ['started', record.started, ran ? STARTED_AT + order : undefined],
      ['deadline', record.deadline, undefined, ran ? STARTED_AT + order + TIMEOUT : undefined],
      ['progress', record.progress, ...this.#progresses(order, record)],
      ['outcome', shown(record.outcome), ...this.#outcomes(order, message, record)],
      ['omitted', (record.omittedBytes ?? 0) > 99, this.#isOmitted(message, record)],
    ];
    if (rank < 3) fields.push(['finished', record.finished, undefined]);
    else if (ran) fields.push(['finished', record.finished, FINISHED_AT + order]);
    // One that tries to cancel the record's former task, and comes too late for that, may leave its own time.
    else if (!((record.finished ?? 0) >= DROPPED_AT - this.#history)) return `finished at ${record.finished}`;
    if (!ran && rank > 1 && record.state !== 'cancelled') return `${record.state}, and never started`;
    const wrong = fields.find(([, is, ...may]) => !may.includes(is));
    return (
      wrong && `${record.state}, ${wrong[0]} ${String(wrong[1])}, not ${wrong.slice(2).map(String).join()}`
    );
  }

  #progresses(order: number, { state, started }: TaskRecord): unknown[] {
    if (state === 'succeeded') return [1];
    return [undefined, started === undefined ? undefined : progressOf(order)];
  }

  #isOmitted(message: number, { state }: TaskRecord): boolean {
    return state === 'succeeded' && typeof resultOf(message) === 'string';
  }

  #outcomes(order: number, message: number, record: TaskRecord): unknown[] {
    if (record.state === 'succeeded')
      return [this.#isOmitted(message, record) ? undefined : resultOf(message)];
    if (record.state === 'failed')
      return [this.state.ends.get(order) === this.#layout.State['OVERDUE'] ? EXPIRY : crashOf(order)];
    if (record.state === 'cancelled')
      return [record.started === undefined ? undefined : stoppedWith(message)];
    return [undefined];
  }

  // ── At rest ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Nobody can go on: does anybody wait for the end of a task that has ended? */
  stuck(): string | undefined {
    for (const { thread, order } of this.state.awaited)
      if (!thread.killed && this.state.ends.has(order))
        return `${thread.name} waits for the end of task ${order}, which has ended`;
    return undefined;
  }

  /** The end of the run. `delivered`: the messages that left the channel. */
  balance(delivered: readonly number[]): string | undefined {
    for (const order of this.state.accepted) {
      const message = this.state.tasks.get(order) ?? Number.NaN;
      if (delivered.includes(message) && !this.state.ends.has(order))
        return `${message} left the channel and never ended`;
    }
    for (const [order, message] of this.state.tasks)
      if (this.state.refused.includes(message) && this.rank(order) === 1)
        return `${message} was refused, and its record stands`;
    if (this.running().length > 0) return `task ${this.running()} is running for ever`;
    return undefined;
  }

  /** What the tally says of all tasks, those of former rounds included. */
  differsFrom(totals: readonly Totals[]): string | undefined {
    const names = this.#layout['STATE_NAMES'] as unknown as readonly string[];
    const ends = [...this.state.ends.values()].map((state) => names[state]);
    for (const state of ['succeeded', 'failed', 'cancelled'] as const) {
      const counted = totals.reduce((sum, each) => sum + each[state], 0);
      const ended = ends.filter((each) => each === state).length;
      if (counted !== ended) return `${ended} tasks have ${state}, ${counted} are counted`;
    }
    return undefined;
  }
}

function shown(outcome: unknown): unknown {
  return outcome instanceof Error ? outcome.message : outcome;
}
