/** What a thread of a scenario with a ledger does, from its first action to its last. */
import type { Execution } from './taskactor.js';
import type { Program } from './world.js';

/** One task after the other, each awaited to its end. */
export const running = (...messages: number[]): Program =>
  function* (actor, tasks) {
    for (const n of messages) yield* tasks.finished(yield* tasks.run(n));
    yield* actor.closeSender();
  };

/** All are queued before the first is awaited. */
export const queueing = (...messages: number[]): Program =>
  function* (actor, tasks) {
    const handles = [];
    for (const n of messages) handles.push(yield* tasks.blockingRun(n));
    for (const handle of handles) yield* tasks.finished(handle);
    yield* actor.closeSender();
  };

export const impatientlyRunning = (...messages: number[]): Program =>
  function* (actor, tasks) {
    for (const n of messages) yield* tasks.finished(yield* tasks.run(n, { timeout: 50 }));
    yield* actor.closeSender();
  };

/** Runs one task, and gives up so many positions before it gets one for the next. */
export const runningFar = (positions: number): Program =>
  function* (actor, tasks) {
    yield* tasks.run(1);
    yield* tasks.finished(yield* tasks.runFar(2, positions));
    yield* actor.closeSender();
  };

/** Runs three tasks; the last has the record of the first. */
export const runningThree: Program = function* (actor, tasks) {
  yield* tasks.run(1);
  yield* tasks.runFar(2, 7);
  yield* tasks.finished(yield* tasks.run(3));
  yield* actor.closeSender();
};

/** Runs one task, and cancels it at once. */
export const cancellingItsOwn: Program = function* (actor, tasks) {
  const handle = yield* tasks.run(1);
  yield* tasks.cancel(0);
  yield* tasks.finished(handle);
  yield* actor.closeSender();
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

/** Never takes a task. */
export const busy: Program = function* () {};

/** Finds every message corrupt. */
export const skipping: Program = function* (_, tasks) {
  while (yield* tasks.skip());
};

/** Runs so many tasks, then cancels what is queued and closes, as the runtime does. */
export const givingUp = (count: number): Program =>
  function* (actor, tasks) {
    for (let n = 0; n < count; n++) yield* tasks.executeOne();
    yield* actor.discard((position) => tasks.cancelAt(position));
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
