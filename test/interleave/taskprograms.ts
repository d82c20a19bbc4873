/** What a thread of a scenario with a ledger does, from its first action to its last. */
import type { Execution } from './taskactor.js';
import type { Program } from './world.js';

/** One task after the other, each awaited to its end. */
export const running = (...messages: number[]): Program =>
  function* (_, tasks) {
    for (const n of messages) yield* tasks.finished(yield* tasks.run(n));
  };

/** All are queued before the first is awaited. */
export const queueing = (...messages: number[]): Program =>
  function* (_, tasks) {
    const handles = [];
    for (const n of messages) handles.push(yield* tasks.blockingRun(n));
    for (const handle of handles) yield* tasks.finished(handle);
  };

/** Two are queued, and the end of the second is awaited first. */
export const awaitingBackwards: Program = function* (_, tasks) {
  const first = yield* tasks.blockingRun(1);
  yield* tasks.finished(yield* tasks.blockingRun(2), first);
};

/** Closes its sender while it waits for the end. */
export const closingEarly: Program = function* (actor, tasks) {
  const handle = yield* tasks.run(1);
  const other = yield* tasks.run(2);
  yield* actor.closeSender();
  actor.happens('closed');
  yield* tasks.finished(handle);
  yield* tasks.finished(other);
};

/** Runs a task with the number of `name`'s sender, which has been closed. */
export const runningAs = (name: string): Program =>
  function* (actor, tasks) {
    yield* actor.after('closed');
    yield* actor.takeNumberOf(name);
    yield* tasks.finished(yield* tasks.run(1));
  };

/** Runs one task, and gives up so many positions before it gets one for the next. */
export const runningFar = (positions: number): Program =>
  function* (_, tasks) {
    yield* tasks.run(1);
    yield* tasks.finished(yield* tasks.runFar(2, positions));
  };

/** Runs three tasks; the last has the record of the first. */
export const runningThree: Program = function* (_, tasks) {
  yield* tasks.run(1);
  yield* tasks.runFar(2, 7);
  yield* tasks.finished(yield* tasks.run(3));
};

export const cancelling = (...orders: number[]): Program =>
  function* (_, tasks) {
    for (const order of orders) yield* tasks.cancel(order);
  };

export const reading = (...orders: number[]): Program =>
  function* (_, tasks) {
    for (const order of orders) yield* tasks.read(order);
  };

export const executing =
  (how: Execution = {}): Program =>
  (_, tasks) =>
    tasks.execute(how);

/** Ends a task over its deadline, and does not come to end its thread. */
export const expiring = (order: number): Program =>
  function* (_, tasks) {
    yield* tasks.endOverdue(order);
  };

/** Never takes a task. */
export const busy: Program = function* () {};

/** Runs so many tasks, then cancels what is queued and closes channel and ledger, as the runtime does. */
export const givingUp = (count: number): Program =>
  function* (actor, tasks) {
    for (let n = 0; n < count; n++) yield* tasks.executeOne();
    yield* actor.discard((position) => tasks.cancelAt(position));
    yield* tasks.close();
    actor.happens('given up');
  };

/** Buries `name`; when the queue has been given up, no record is open any more. */
export const expectingNothingOpen = (name: string): Program =>
  function* (actor, tasks) {
    yield* actor.buryIfKilled(name);
    yield* actor.after('given up');
    yield* tasks.expectNothingOpen();
  };

/** The supervisor and the next worker, one after the other as in the runtime. */
export const restarting = (name: string): Program =>
  function* (actor, tasks) {
    if (!(yield* actor.outlives(name))) return;
    yield* tasks.failRunning();
    yield* actor.attachReceiver();
    yield* tasks.execute();
  };

/** Ends the worker over the first tasks that it sees running. */
export const enforcing = (name: string, ...orders: number[]): Program =>
  function* (actor, tasks) {
    let ended = false;
    for (const order of orders) ended ||= yield* tasks.endOver(order, name);
    if (ended || (yield* actor.outlives(name))) {
      yield* tasks.failRunning();
      yield* actor.attachReceiver();
      yield* tasks.execute();
    }
  };
