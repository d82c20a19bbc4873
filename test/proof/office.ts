/**
 * What worker and owner do around the ring of ends and the table of runs: as executor.ts and runner.ts, and as ledger.ts,
 * deadlines.ts and supervisor.ts do, without all that is not shared.
 */
import type { Actor } from './actor.js';
import { sizeOf } from './audit.js';
import { Await, call, type LoopPromise, promiseOf, runAsync, type Steps } from './loop.js';
import type { InstrumentedCollector, InstrumentedReporter, InstrumentedRuns, Running } from './realm.js';

/** Room for an outcome, which says whose it is. */
class Scratch {
  readonly words = new Int32Array(32);
  readonly bytes = new Uint8Array(this.words.buffer);
  readonly id: number;

  constructor(id: number) {
    this.id = id;
    this.words.fill(id);
  }
}

export class Worker {
  readonly #actor: Actor;
  readonly #reporter: InstrumentedReporter;
  readonly #runs: InstrumentedRuns;
  readonly #free: number[];
  #id = 0;
  #ended: LoopPromise | undefined;

  private constructor(actor: Actor, reporter: InstrumentedReporter) {
    this.#actor = actor;
    this.#reporter = reporter;
    const { runs, scenario } = actor.world;
    this.#runs = new actor.seat.instance.runs.Runs(runs);
    this.#free = Array.from({ length: scenario.concurrency ?? 1 }, (_, entry) => entry);
  }

  static *start(actor: Actor, whenFull: () => unknown): Steps<Worker> {
    const reporter = yield* call(
      new actor.seat.instance.ends.Reporter().$construct(actor.world.ends, whenFull),
    );
    return new Worker(actor, reporter);
  }

  *report(id: number): Steps<void> {
    yield* call(
      this.#reporter.report(
        { id, key: 0, state: 'succeeded', started: 0, finished: 0 },
        new Scratch(id),
        sizeOf(id),
      ),
    );
  }

  *taking(position: number): Steps<void> {
    const { world } = this.#actor;
    this.#id = position - world.first;
    yield* call(this.#runs.start(this.#free.at(-1) ?? 0, position % world.limit, 0));
  }

  /** Runs tasks until the channel is closed and drained. */
  *work(): Steps<void> {
    const actor = this.#actor;
    const Kind = promiseOf(actor.thread);
    for (;;) {
      while (this.#free.length === 0) yield* this.#oneEnded();
      const value = (yield* actor.tryRecv()) ?? (yield* actor.recv('async'));
      if (value === undefined) break;
      const id = this.#id;
      const entry = this.#free.pop() ?? 0;
      actor.ask(() => actor.world.audit.starts(id));
      this.#runs.name(entry, 1);
      yield* this.#named();
      if (actor.world.scenario.concurrency === undefined) yield* this.#end(id, entry);
      else yield* runAsync(Kind, this.#endLater(id, entry));
    }
    while (this.#free.length < (actor.world.scenario.concurrency ?? 1)) yield* this.#oneEnded();
  }

  /** The owner, who may not know of the task, is told; where the scenario wants it, its end waits for that. */
  *#named(): Steps<void> {
    if (!this.#actor.world.scenario.meets) return;
    yield* call(this.#reporter.look());
    yield* this.#actor.after('met');
  }

  *#oneEnded(): Steps<void> {
    this.#ended = new (promiseOf(this.#actor.thread))();
    yield new Await(this.#ended);
  }

  *#endLater(id: number, entry: number): Steps<void> {
    yield new Await(undefined);
    yield* this.#end(id, entry);
  }

  *#end(id: number, entry: number): Steps<void> {
    yield* this.report(id);
    yield* call(this.#runs.end(entry));
    this.#free.push(entry);
    this.#ended?.settle('resolved', undefined);
  }
}

type Fate = 'open' | 'ended' | 'cancelled' | 'failed';

export class Owner {
  readonly #actor: Actor;
  readonly #runs: InstrumentedRuns;
  readonly #outcome = new Scratch(-1);
  readonly #fates = new Map<number, Fate>();
  readonly #waiters = new Map<number, LoopPromise>();
  /** The task whose end was drained last. */
  #last = -1;
  #collector: InstrumentedCollector | undefined;
  #idle: (() => void) | undefined;

  private constructor(actor: Actor) {
    this.#actor = actor;
    this.#runs = new actor.seat.instance.runs.Runs(actor.world.runs);
  }

  /** Listens. `onEnd`: what else is done at each end. */
  static *start(actor: Actor, onEnd: (owner: Owner) => unknown = () => undefined): Steps<Owner> {
    const owner = new Owner(actor);
    const take = function* ({ id }: { readonly id: number }, size: number): Steps<void> {
      const outcome = owner.#outcome.words[0] ?? -1;
      actor.ask(() => actor.world.audit.drains(id, size, outcome));
      owner.#last = id;
      owner.#finish(id, 'ended');
      yield* call(onEnd(owner));
    };
    const Collector = actor.seat.instance.ends.Collector;
    owner.#collector = yield* call(new Collector().$construct(actor.world.ends, owner.#outcome, take));
    const duty = (): unknown => owner.drain();
    actor.seat.instance.park.duties.add(duty);
    yield* call(
      owner.#ring.listen(
        () => owner.#waiters.size > 0 || owner.#idle !== undefined,
        () => owner.running(),
      ),
    );
    return owner;
  }

  get #ring(): InstrumentedCollector {
    return this.#collector as InstrumentedCollector;
  }

  drain(): unknown {
    return this.#ring.drain();
  }

  *stop(): Steps<void> {
    yield* call(this.#ring.stop());
  }

  #finish(id: number, fate: Fate): void {
    if ((this.#fates.get(id) ?? 'open') !== 'open') return;
    this.#fates.set(id, fate);
    this.#idle?.();
    this.#waiters.get(id)?.settle('resolved', undefined);
    if (this.#waiters.delete(id)) this.#actor.ask(() => this.#actor.world.audit.awaits(id, true));
  }

  /** Resolves when the task has ended. */
  *end(id: number): Steps<void> {
    yield* call(this.drain());
    if ((this.#fates.get(id) ?? 'open') !== 'open') return;
    const ended = new (promiseOf(this.#actor.thread))();
    this.#waiters.set(id, ended);
    this.#actor.ask(() => this.#actor.world.audit.awaits(id, false));
    yield* call(this.#ring.beEager());
    yield new Await(ended);
  }

  /** Resolves when so many tasks have ended. */
  *idle(tasks: number): Steps<void> {
    yield* call(this.drain());
    const idle = new (promiseOf(this.#actor.thread))();
    this.#idle = () => {
      const ended = [...this.#fates.values()].filter((fate) => fate !== 'open');
      if (ended.length < tasks) return;
      this.#idle = undefined;
      idle.settle('resolved', undefined);
    };
    this.#idle();
    yield* call(this.#ring.beEager());
    yield new Await(idle);
  }

  /** Sends a task. Returns its position, as the channel counts. */
  *enqueue(n: number): Steps<number> {
    yield* this.#actor.settled(yield* this.#actor.send(n));
    const { position } = this.#actor.sender;
    this.#fates.set(this.idOf(position), this.#fates.get(this.idOf(position)) ?? 'open');
    return position;
  }

  idOf(position: number): number {
    const { first, limit } = this.#actor.world;
    return (position - first + limit) % limit;
  }

  /** Cancels a task that is still queued. */
  *cancel(n: number, position: number): Steps<void> {
    yield* call(this.drain());
    if (this.#fates.get(this.idOf(position)) !== 'open') return;
    if (yield* this.#actor.takeBack(n, position)) this.#finish(this.idOf(position), 'cancelled');
  }

  /** As a ledger without a history does it: of what has ended, only the last is known. */
  *running(isDead = false): Steps<readonly Running[]> {
    yield* call(this.drain());
    const running: Running[] = [];
    for (const run of yield* call(this.#runs.list())) {
      const id = this.idOf(run.position);
      if (id === this.#last || (yield* call(this.#actor.sender.isHere(run.position)))) continue;
      const isKnown = this.#fates.get(id) === 'open';
      if (!isKnown && run.key === undefined && !isDead) continue;
      if (!isKnown) this.#meet(id);
      running.push(run);
    }
    yield* call(this.drain());
    return running.filter(({ position }) => this.#fates.get(this.idOf(position)) === 'open');
  }

  /** A task that another thread has sent is seen for the first time. */
  #meet(id: number): void {
    this.#actor.ask(() => this.#actor.world.audit.meets(id));
    this.#fates.set(id, this.#fates.get(id) ?? 'open');
    if (this.#actor.world.scenario.meets) this.#actor.happens('met');
  }

  /** A task is past its deadline: its thread is ended, unless it has just ended. */
  *endLate(worker: string): Steps<void> {
    const [run] = yield* this.running();
    if (run === undefined || !(yield* call(this.#runs.revoke(run)))) return;
    const { world } = this.#actor;
    this.#actor.ask(() => world.audit.revokes());
    yield* call(this.drain());
    if (this.#fates.get(this.idOf(run.position)) === 'open')
      this.#actor.ask(() => world.machine.doom(world.thread(worker)));
    else yield* call(this.#runs.giveBack());
  }

  /** Waits for the death of a worker; buries it, and lets the next one begin. */
  *supervise(worker: string): Steps<void> {
    const isDead = yield* this.#actor.outlives(worker);
    yield* call(this.drain());
    if (!isDead) return;
    yield* call(this.#ring.wake());
    const victims = (yield* this.running(true)).map(({ position }) => this.idOf(position));
    this.#actor.ask(() => this.#actor.world.audit.dies(victims));
    for (const id of victims) this.#finish(id, 'failed');
    yield* call(this.#runs.reset());
    this.#actor.happens('the next worker');
  }
}
