/**
 * What worker and owner do around the ring of ends and the table of runs: as executor.ts and runner.ts, and as ledger.ts,
 * deadlines.ts and supervisor.ts do, without all that is not shared.
 */
import type { Ring } from '#channel/ring';
import type { Collector, Reporter } from '#runtime/ends';
import type { Row, Running, Runs } from '#runtime/runs';
import type { Actor } from './actor.js';
import { sizeOf } from './audit.js';

/** Room for an outcome, which says whose it is. */
class Scratch {
  readonly words = new Int32Array(32);
  readonly bytes = new Uint8Array(this.words.buffer);

  constructor(id: number) {
    this.words.fill(id);
  }
}

export class Worker {
  readonly #actor: Actor;
  readonly #reporter: Reporter;
  readonly #free: Row[];
  /** The row of the task that was taken last, until it is started. */
  #row: Row | undefined;
  #running = 0;
  #id = 0;
  #whenEnded: () => void = () => {};

  constructor(actor: Actor, whenFull: () => void = () => {}) {
    const { runs, ends } = actor.world;
    this.#actor = actor;
    this.#reporter = new actor.modules.ends.Reporter(ends, whenFull);
    this.#free = [...new actor.modules.runs.Runs(runs).rows];
  }

  report(id: number): void {
    const end = { id, key: 0, state: 'succeeded', started: 0, finished: 0 } as const;
    this.#reporter.report(end, new Scratch(id), sizeOf(id));
  }

  taking(position: number): void {
    const { first, limit } = this.#actor.world;
    this.#id = position - first;
    this.#row ??= this.#free.pop() as Row;
    this.#row.start(position % limit, 0);
  }

  /** Runs tasks until the channel is closed and drained. */
  async work(): Promise<void> {
    const actor = this.#actor;
    const { concurrency, meets } = actor.world.scenario;
    const most = concurrency ?? 1;
    for (;;) {
      while (this.#running === most) await this.#oneEnded();
      const value = actor.tryRecv() ?? (await actor.recv('async'));
      if (value === undefined) break;
      const id = this.#id;
      const row = this.#row as Row;
      this.#row = undefined;
      this.#running += 1;
      actor.audit.starts(id);
      row.name(1);
      if (meets) {
        actor.happens('named');
        await actor.after('met'); // the owner has looked
      }
      if (concurrency === undefined) this.#end(id, row);
      else
        Promise.resolve()
          .then(() => this.#end(id, row), undefined)
          .catch(actor.thread.threw);
    }
    while (this.#running > 0) await this.#oneEnded();
  }

  #oneEnded(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEnded = resolve;
    });
  }

  #end(id: number, row: Row): void {
    this.report(id);
    row.end();
    this.#free.push(row);
    this.#running -= 1;
    this.#whenEnded();
  }
}

export class Owner {
  readonly #actor: Actor;
  readonly #runs: Runs;
  readonly #collector: Collector;
  readonly #ring: Ring;
  /** Tasks that it knows, and that have ended. */
  readonly #known = new Set<number>();
  readonly #over = new Set<number>();
  readonly #waiters = new Map<number, () => void>();

  /** Listens. `onEnd`: what else is done at each end. */
  constructor(actor: Actor, onEnd: () => void = () => {}) {
    const { channel, ends, runs } = actor.world;
    const outcome = new Scratch(-1);
    this.#actor = actor;
    this.#runs = new actor.modules.runs.Runs(runs);
    this.#ring = new actor.modules.ring.Ring(channel);
    this.#collector = new actor.modules.ends.Collector(ends, outcome, ({ id }, size) => {
      const whose = outcome.words[0] ?? -1;
      actor.audit.drains(id, size, whose);
      this.#finish(id);
      onEnd();
    });
    actor.modules.park.duties.add(() => this.drain());
    this.#collector
      .listen(
        () => this.#waiters.size > 0,
        () => this.running(),
      )
      .catch(actor.thread.threw);
  }

  drain(): void {
    this.#collector.drain();
  }

  stop(): void {
    this.#collector.stop();
  }

  #finish(id: number): void {
    this.#over.add(id);
    this.#waiters.get(id)?.();
    if (this.#waiters.delete(id)) this.#actor.audit.awaits(id, true);
  }

  /** Resolves when the task has ended. */
  async end(id: number): Promise<void> {
    this.drain();
    if (this.#over.has(id)) return;
    const ended = new Promise<void>((resolve) => this.#waiters.set(id, resolve));
    this.#actor.audit.awaits(id, false);
    this.#collector.beEager();
    await ended;
  }

  /** Sends a task. Returns its position, as the channel counts. */
  async enqueue(n: number): Promise<number> {
    await this.#actor.send(n);
    const { position } = this.#actor;
    this.#known.add(this.idOf(position));
    return position;
  }

  idOf(position: number): number {
    const { first, limit } = this.#actor.world;
    return (position - first + limit) % limit;
  }

  /** Cancels a task that is still queued. */
  cancel(n: number, position: number): void {
    this.drain();
    if (this.#over.has(this.idOf(position))) return;
    if (this.#actor.takeBack(n, position)) this.#finish(this.idOf(position));
  }

  /** As the ledger does it. */
  running(isDead = false): readonly Running[] {
    this.drain();
    const running: Running[] = [];
    for (const run of this.#runs.list()) {
      const id = this.idOf(run.position);
      if (this.#ring.isHere(run.position)) continue;
      const isKnown = this.#known.has(id) || this.#over.has(id);
      if (!isKnown && run.key === undefined && !isDead) continue;
      if (!isKnown) this.#meet(id);
      running.push(run);
    }
    this.drain();
    return running.filter(({ position }) => !this.#over.has(this.idOf(position)));
  }

  /** A task that another thread has sent is seen for the first time. */
  #meet(id: number): void {
    this.#actor.audit.meets(id);
    this.#known.add(id);
    if (this.#actor.world.scenario.meets) this.#actor.happens('met');
  }

  /** A task is past its deadline: its thread is ended, unless it has just ended. */
  endLate(worker: string): void {
    const [run] = this.running();
    if (run === undefined) return;
    const { world } = this.#actor;
    this.#runs.shut();
    this.#actor.audit.shuts(true);
    this.drain();
    if (!this.#over.has(this.idOf(run.position)))
      this.#actor.thread.ask(() => world.machine.doom(world.thread(worker)));
    else {
      this.#actor.audit.shuts(false);
      this.#runs.open();
    }
  }

  /** Waits for the death of a worker; buries it, and lets the next one begin. */
  async supervise(worker: string): Promise<void> {
    const isDead = await this.#actor.outlives(worker);
    this.drain();
    if (!isDead) return;
    this.#collector.bell.ringAlways();
    const victims = this.running(true).map(({ position }) => this.idOf(position));
    this.#actor.audit.dies(victims);
    for (const id of victims) this.#finish(id);
    this.#actor.audit.shuts(false);
    this.#runs.reset();
    this.#actor.audit.clears();
    this.#actor.happens('the next worker');
  }
}
