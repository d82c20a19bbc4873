/** What a thread of a scenario with a ledger can do; each action tells the audit how it came out. */
import type { TaskRecord, TaskState } from '#runtime/record';
import { Task } from '#runtime/task';
import type { Actor } from './actor.js';
import {
  type Audit,
  crashOf,
  DROPPED_AT,
  ENQUEUED_AT,
  FINISHED_AT,
  kindOf,
  progressOf,
  resultOf,
  STARTED_AT,
  stoppedWith,
  TIMEOUT,
} from './audit.js';
import { Await, call, type LoopPromise, promiseOf, type Steps } from './loop.js';
import type { Seen } from './moment.js';
import type { Instance, InstrumentedHandle, InstrumentedLedger, InstrumentedSender } from './realm.js';
import type { World } from './world.js';

export interface Execution {
  /** The first tasks end when so many run, the others too if there is nothing to do. Default 1. */
  readonly overlap?: number;
  /** A task takes its time. */
  readonly slow?: boolean;
}

export class TaskActor {
  readonly #world: World;
  readonly #actor: Actor;
  readonly #instance: Instance;
  #own: InstrumentedLedger | undefined;

  constructor(world: World, actor: Actor, instance: Instance) {
    this.#world = world;
    this.#actor = actor;
    this.#instance = instance;
  }

  /** Before the run: a view of the ledger that knows nothing of the run before. */
  prepare(): void {
    if (this.#world.scenario.tasks === undefined) return;
    this.#own = new this.#instance.ledger.Ledger(this.#world.ledger);
    this.#actor.onSkip = (position) => this.ledger.skip(position);
  }

  get ledger(): InstrumentedLedger {
    if (this.#own === undefined) throw new TypeError('Expected a scenario with tasks');
    return this.#own;
  }

  get #audit(): Audit {
    return this.#world.audit;
  }

  #ask<T extends Seen>(effect: (audit: Audit) => T): T {
    const { audit } = this.#world;
    return this.#actor.thread.past.ask(() => effect(audit));
  }

  #fail(what: string): void {
    const { machine } = this.#world;
    this.#ask(() => machine.fail(what));
  }

  readonly runTask = (task: Task, tx: InstrumentedSender): unknown => this.#instance.handle.runTask(task, tx);

  // ── Whoever sends ──────────────────────────────────────────────────────────────────────────────────────────────

  #task(message: number): Task {
    this.#actor.thread.date = ENQUEUED_AT + message;
    return new Task(kindOf(message), message, 0, [message]);
  }

  /** `undefined`: it was refused. */
  *run(n: number, options: object = {}): Steps<InstrumentedHandle | undefined> {
    const { handle } = this.#instance;
    const message = this.#actor.message(n);
    const task = this.#task(message);
    return yield* this.#sends(message, function* (tx) {
      return (yield new Await(yield* call(handle.runTask(task, tx, options)))) as InstrumentedHandle;
    });
  }

  *blockingRun(n: number, options: object = {}): Steps<InstrumentedHandle | undefined> {
    const { handle } = this.#instance;
    const message = this.#actor.message(n);
    const task = this.#task(message);
    return yield* this.#sends(message, (tx) =>
      call(handle.blockingRunTask(task, tx, options) as Steps<InstrumentedHandle>),
    );
  }

  /** Sends by the last of so many positions, and gives the others up. */
  *runFar(n: number, positions: number): Steps<InstrumentedHandle | undefined> {
    const { handle } = this.#instance;
    const message = this.#actor.message(n);
    const task = this.#task(message);
    let left = positions;
    return yield* this.#sends(message, function* (tx) {
      const made = new handle.TaskHandle(task, yield* call(handle.enqueuerOf(tx)), {});
      const claimed = function* (position: number): Steps<boolean> {
        left -= 1;
        return left <= 0 && (yield* call(made.claimed(position)));
      };
      yield new Await(yield* call(tx.send(task, {}, { claimed })));
      return made;
    });
  }

  *#sends(
    message: number,
    send: (tx: Actor['sender']) => Steps<InstrumentedHandle>,
  ): Steps<InstrumentedHandle | undefined> {
    const mustFail = this.#actor.sends(message);
    try {
      const handle = yield* send(this.#actor.sender);
      this.#actor.admitted(message, mustFail);
      const { id } = handle;
      this.#ask((audit) => audit.accepted(message, id));
      return handle;
    } catch (error) {
      this.#actor.refused(message, error);
      this.#ask((audit) => audit.refused(message));
      return undefined;
    }
  }

  /** Waits for the ends of tasks, of all at once, and reads in that order how they came out. */
  *finished(...handles: (InstrumentedHandle | undefined)[]): Steps<void> {
    const ends = [];
    for (const handle of handles) if (handle !== undefined) ends.push(yield* this.#awaits(handle));
    for (const end of ends) yield* end();
  }

  *#awaits(handle: InstrumentedHandle): Steps<() => Steps<void>> {
    const { thread } = this.#actor;
    const order = this.#audit.order(handle.id | 0);
    const done = (yield* call(handle.finished())) as LoopPromise;
    this.#ask((audit) => audit.awaits(thread, order, true));
    const settled = new (promiseOf(thread))();
    const settle = (): void => {
      this.#ask((audit) => audit.awaits(thread, order, false));
      settled.settle('resolved', undefined);
    };
    done.then(settle, settle);
    return () => this.#ended(handle, order, settled);
  }

  *#ended(handle: InstrumentedHandle, order: number, settled: LoopPromise): Steps<void> {
    yield new Await(settled);
    if (!this.#ask((audit) => audit.hasEnded(order))) this.#fail(`task ${order} was finished before its end`);
    this.#read(order, yield* call(handle.status()), 3);
  }

  // ── Whoever asks ───────────────────────────────────────────────────────────────────────────────────────────────

  *read(order: number): Steps<void> {
    const before = this.#ask((audit) => audit.rank(order));
    this.#read(order, yield* call(this.ledger.read(this.#audit.id(order))), before);
  }

  #read(order: number, record: TaskRecord | undefined, before: number): void {
    this.#ask((audit) => audit.read(order, record, before));
  }

  *cancel(order: number): Steps<void> {
    const { thread } = this.#actor;
    const now = thread.date;
    thread.date = DROPPED_AT + order;
    const was = (yield* call(this.ledger.cancel(this.#audit.id(order)))) as TaskState | undefined;
    this.#ask((audit) => audit.cancelled(order, was));
    thread.date = now;
  }

  /** What the runtime does with a task that it takes out of the queue. */
  *cancelAt(position: number): Steps<void> {
    const id = yield* call(this.ledger.idAt(position));
    const order = this.#audit.order(position);
    if (id !== this.#audit.id(order)) this.#fail(`task ${order} has another id: ${id}`);
    yield* this.cancel(order);
  }

  *close(): Steps<void> {
    yield* call(this.ledger.close());
  }

  *expectNothingOpen(): Steps<void> {
    const open = yield* call(this.ledger.open());
    for (const id of open) this.#fail(`task ${this.#audit.order(id | 0)} is queued for ever`);
  }

  // ── The executor ───────────────────────────────────────────────────────────────────────────────────────────────

  /** What executor.ts does. */
  *execute({ overlap = 1, slow = false }: Execution = {}): Steps<void> {
    this.prepare(); // as a new thread does
    const running: [number, number][] = [];
    for (let most = 0; ; ) {
      const task = yield* this.#next(most < overlap ? [] : running);
      if (task === undefined) break;
      running.push(task);
      if (slow) yield* this.#actor.thread.pause();
      if (running.length === overlap) {
        most = overlap;
        yield* this.#finish(running);
      }
    }
    yield* this.#finish(running);
    this.#actor.tells('ended');
  }

  /** Receives the next task, and starts it; ends those that run before it waits for that. */
  *#next(running: [number, number][]): Steps<[order: number, message: number] | undefined> {
    const { ledger } = this;
    const audit = this.#audit;
    let order = Number.NaN;
    const accept = function* (_: Task, position: number): Steps<boolean> {
      order = audit.order(position);
      yield* call(ledger.tally.reach(position));
      return yield* call(ledger.start(position, STARTED_AT + order));
    };
    let task = (yield* call(this.#actor.receiver.tryRecv(accept))) as Task | undefined;
    if (task === undefined) {
      yield* this.#finish(running);
      this.#actor.receives(true);
      task = (yield new Await(yield* call(this.#actor.receiver.recv(accept, this.#world.patient)))) as
        | Task
        | undefined;
      this.#actor.receives(false);
    }
    if (task === undefined) return undefined;
    const [started, { number }] = [order, task];
    this.#ask((audit) => audit.received(started, number));
    const position = this.#audit.position(order);
    yield* call(this.ledger.begin(position, STARTED_AT + order, TIMEOUT));
    yield* call(this.ledger.progress(position, progressOf(order)));
    return [order, task.number];
  }

  *executeOne(): Steps<void> {
    const task = yield* this.#next([]);
    if (task !== undefined) yield* this.#finish([task]);
  }

  *#finish(running: [number, number][]): Steps<void> {
    for (const [order, message] of running.splice(0)) {
      const position = this.#audit.position(order);
      const stopped = yield* call(this.ledger.cancelRequested(position));
      const [state, outcome] = stopped
        ? (['cancelled', stoppedWith(message)] as const)
        : (['succeeded', resultOf(message)] as const);
      yield* call(this.ledger.finish(position, state, outcome, FINISHED_AT + order));
    }
  }

  // ── The supervisor ─────────────────────────────────────────────────────────────────────────────────────────────

  /** What supervisor.ts does after the worker thread's end. */
  *failRunning(): Steps<void> {
    const { thread } = this.#actor;
    for (const id of yield* call(this.ledger.running())) {
      const order = this.#audit.order(id | 0);
      const before = this.#ask((audit) => audit.rank(order));
      this.#read(order, yield* call(this.ledger.read(id)), before);
      thread.date = FINISHED_AT + order;
      yield* call(this.ledger.fail(id, crashOf(order)));
    }
    this.#ask((audit) => audit.threadEnded());
    yield* call(this.ledger.handOver());
  }

  *endOverdue(order: number): Steps<boolean> {
    const id = this.#audit.id(order);
    if ((yield* call(this.ledger.read(id)))?.deadline === undefined) return false;
    this.#actor.thread.date = FINISHED_AT + order;
    return yield* call(this.ledger.endOverdue(id));
  }

  /** What deadlines.ts does with a task that is past its deadline: true if the thread has been ended over it. */
  *endOver(order: number, name: string): Steps<boolean> {
    const id = this.#audit.id(order);
    if (!(yield* call(this.ledger.running())).includes(id)) return false;
    if (!(yield* this.endOverdue(order))) return false;
    yield* this.#actor.thread.pause(); // terminate() takes its time
    const { machine } = this.#world;
    const thread = this.#world.thread(name);
    if (this.#ask(() => thread.finished)) this.#fail(`${name} went on to its end without task ${order}`);
    else this.#ask(() => machine.kill(thread));
    return true;
  }
}
