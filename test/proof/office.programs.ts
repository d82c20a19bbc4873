/** What workers and owners of a scenario do. The owner is called o. */
import type { Actor } from './actor.js';
import { call, type LoopPromise, promiseOf, runAsync, type Steps } from './loop.js';
import { Owner, Worker } from './office.js';
import type { Program } from './world.js';

// ── The ring of ends alone ───────────────────────────────────────────────────────────────────────────────────────────

/**
 * Reports so many ends, in all: the next worker goes on where the last one stopped. `pauses`: after so many it does something
 * else, until the owner has been told of so many.
 */
export const reporting = (ends: number, ...pauses: (readonly [after: number, told: number])[]): Program =>
  function* (actor) {
    const worker = yield* Worker.start(actor, () => undefined);
    for (let id = actor.ask(() => actor.world.audit.count); id < ends; id++) {
      yield* worker.report(id);
      for (const [after, told] of pauses) if (after === id + 1) yield* actor.after(`${told} told`);
    }
  };

/** The same, when the worker before it has died. */
export const reportingNext = (ends: number): Program =>
  function* (actor) {
    yield* actor.after('the next worker');
    yield* reporting(ends)(actor);
  };

/** Learns of ends when it is woken, and tells of each. */
export const listening: Program = function* (actor) {
  let told = 0;
  const owner = yield* Owner.start(actor, () => actor.happens(`${++told} told`));
  yield* supervised(actor, owner, 'w');
};

/** Asks in the middle of each end. */
export const asking: Program = function* (actor) {
  yield* supervised(actor, yield* Owner.start(actor, (owner) => owner.drain()), 'w');
};

/** Waits for the ends of some tasks, one after the other. */
export const awaiting = (...ids: number[]): Program =>
  function* (actor) {
    const owner = yield* Owner.start(actor);
    const supervision = yield* supervised(actor, owner, 'w');
    for (const id of ids) {
      yield* owner.end(id);
      actor.happens(`${id + 1} told`);
    }
    yield* actor.settled(supervision);
  };

function* supervised(actor: Actor, owner: Owner, worker: string): Steps<LoopPromise> {
  return yield* runAsync(promiseOf(actor.thread), owner.supervise(worker));
}

// ── Tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A worker that runs tasks until the channel is closed and drained. */
export const working: Program = function* (actor) {
  const worker = yield* Worker.start(actor, () => call(actor.receiver.callAll()));
  yield* actor.attachReceiver({
    taking: (position) => worker.taking(position),
  });
  yield* worker.work();
};

export const workingNext: Program = function* (actor) {
  yield* actor.after('the next worker');
  yield* working(actor);
};

/** Sends so many tasks, waits for their ends, closes. `before`: what else is done when all have been sent. */
export const owning = (
  tasks: number,
  before: (actor: Actor, owner: Owner, positions: readonly number[]) => Steps<void> = function* () {},
): Program =>
  function* (actor) {
    const owner = yield* Owner.start(actor);
    const supervision = yield* supervised(actor, owner, 'w');
    const positions = [];
    for (let n = 1; n <= tasks; n++) positions.push(yield* owner.enqueue(n));
    yield* before(actor, owner, positions);
    for (const position of positions) yield* owner.end(owner.idOf(position));
    yield* actor.closeSender();
    yield* actor.settled(supervision);
    yield* owner.stop();
  };

/** Sends tasks with the thread blocked, while their ends fill the ring. */
export const owningBlocked = (tasks: number): Program =>
  function* (actor) {
    const owner = yield* Owner.start(actor);
    for (let n = 1; n <= tasks; n++) yield* actor.blockingSend(n);
    yield* owner.idle(tasks);
    yield* actor.closeSender();
    yield* owner.stop();
  };

/** Cancels the task that it has sent last. */
export const cancelling = (tasks: number): Program =>
  owning(tasks, function* (_, owner, positions) {
    yield* owner.cancel(tasks, positions.at(-1) ?? 0);
  });

/** Sends nothing, but sees what others have sent. */
export const meeting: Program = function* (actor) {
  const owner = yield* Owner.start(actor);
  yield* actor.closeSender();
  yield* owner.idle(1);
  yield* owner.stop();
};

/** Looks once whether a task is past its deadline, when the scheduler lets the timer fire. */
export const expecting = (tasks: number): Program =>
  owning(tasks, function* (actor, owner) {
    actor.thread.timers.push({ at: 0, job: () => owner.endLate('w') });
  });
