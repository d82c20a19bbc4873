/** What a thread of a scenario does, from its first action to its last. */
import type { How } from './actor.js';
import type { Program, Role } from './world.js';

/** A thread that closes its sender at the end. */
export const tx = (runs: Program): Role =>
  open(function* (actor) {
    yield* runs(actor);
    yield* actor.closeSender();
  });
/** A thread that leaves its sender open. */
export const open = (runs: Program): Role => ({ has: 'sender', runs });
export const rx = (runs: Program): Role => ({ has: 'receiver', runs });
export const other = (runs: Program): Role => ({ has: 'nothing', runs });

export const blocking = (...messages: number[]): Program =>
  function* (actor) {
    for (const n of messages) yield* actor.blockingSend(n);
  };

export const sending = (...messages: number[]): Program =>
  function* (actor) {
    const sends = [];
    for (const n of messages) sends.push(yield* actor.send(n));
    yield* actor.settled(...sends);
  };

export const trying = (...messages: number[]): Program =>
  function* (actor) {
    for (const n of messages) yield* actor.trySend(n);
  };

/** The receiver is woken when this thread's event loop has had its turn; or before it blocks. */
export const sendingLate: Program = function* (actor) {
  yield* actor.settled(yield* actor.send(1, {}, true));
  yield* actor.after('1 taken');
  yield* actor.settled(yield* actor.send(2, {}, true));
  yield* actor.blockingSend(3);
};

/** Closes while its sends wait. */
export const closingEarly = (...messages: number[]): Program =>
  function* (actor) {
    const sends = [];
    for (const n of messages) sends.push(yield* actor.send(n));
    yield* actor.closeSender();
    yield* actor.settled(...sends);
  };

/** Sends a message, and takes it back, which may be too late. */
export const takingBack: Program = function* (actor) {
  yield* actor.settled(yield* actor.send(1));
  yield* actor.takeBack(1, actor.sender.position);
};

/** Makes a sender for another thread, and closes its own. */
export const sharing: Program = (actor) => actor.share('shared');

/** Sends with the sender that another thread has made. */
export const sendingShared = (how: How): Program =>
  function* (actor) {
    yield* actor.attachShared('shared');
    yield* (how === 'async' ? sending(1) : blocking(1))(actor);
    yield* actor.closeSender();
  };

/** Async sends wait, and a blocking one behind them, which may give up. */
export const mixing = (timeout?: number): Program =>
  function* (actor) {
    const sends = [];
    for (const n of [1, 2]) sends.push(yield* actor.send(n));
    yield* actor.blockingSend(3, timeout);
    yield* actor.settled(...sends);
  };

/** Several senders of one thread wait async, then it is blocked with one of them, and hears no call of the others. */
export const mixingSenders: Program = function* (actor) {
  yield* actor.blockingSend(1);
  const sends = [yield* actor.send(2)];
  for (const n of [1, 2]) {
    yield* actor.share(`sender ${n}`);
    yield* actor.attachShared(`sender ${n}`);
    sends.push(yield* actor.send(30 * n));
  }
  yield* actor.blockingSend(61);
  yield* actor.settled(...sends);
};

/** Sends of several senders of one thread are given up; the thread still waits to be called for them. */
export const abortingSenders: Program = function* (actor) {
  yield* actor.blockingSend(1);
  const signal = actor.signal();
  const options = { signal };
  const sends = [yield* actor.send(2, options)];
  for (const n of [1, 2]) {
    yield* actor.share(`sender ${n}`);
    yield* actor.attachShared(`sender ${n}`);
    sends.push(yield* actor.send(30 * n, options));
  }
  yield* signal.abort();
  yield* actor.settled(...sends);
};

/** Waits again when all that it waited for has been given up. */
export const impatientThenPatient: Program = function* (actor) {
  const first = yield* actor.send(1);
  const second = yield* actor.send(2, { timeout: 50 });
  yield* actor.settled(first, second);
  const third = yield* actor.send(3);
  yield* actor.settled(yield* actor.send(4), third);
};

export const impatient: Program = function* (actor) {
  yield* actor.blockingSend(1, 5);
  yield* actor.blockingSend(2);
};

/** The second message may be given up. */
export const fickle: Program = function* (actor) {
  yield* actor.blockingSend(1);
  yield* actor.blockingSend(2, 5);
};

export const closingNow: Program = (actor) => actor.closeReceiver();

export const draining =
  (how: How): Program =>
  (actor) =>
    actor.drain(how);

/** Receives so many, and no more. */
export const taking = (messages: number, how: How): Program =>
  function* (actor) {
    for (let n = 1; n <= messages; n++) {
      yield* actor.recv(how);
      actor.happens(`${n} taken`);
    }
  };

/** Receives so many, then closes, then drains what was sent. */
export const closingAfter = (messages: number, how: How): Program =>
  function* (actor) {
    yield* taking(messages, how)(actor);
    yield* actor.closeReceiver();
    yield* actor.drain(how);
  };

/** Receives so many, then closes and throws away what is left. */
export const discardingAfter = (messages: number): Program =>
  function* (actor) {
    yield* taking(messages, 'blocking')(actor);
    yield* actor.discard();
  };

export const burying = (name: string): Program =>
  function* (actor) {
    if (yield* actor.outlives(name)) yield* actor.bury(name);
  };

/** Buries `name`, and then sends with a sender that has the dead one's seat. */
export const succeeding = (name: string): Program =>
  function* (actor) {
    if (yield* actor.outlives(name)) yield* actor.bury(name);
    yield* actor.share('shared');
    yield* actor.closeSender();
    yield* actor.attachShared('shared');
    actor.happens('succeeded');
    yield* actor.blockingSend(1);
    yield* actor.closeSender();
  };

/** Buries `name` again, long after its death. */
export const buryingAgain = (name: string): Program =>
  function* (actor) {
    yield* actor.after('succeeded');
    yield* actor.bury(name);
  };

/** The next receiver, if all before it were killed. */
export const inheriting = (names: string, how: How): Program =>
  function* (actor) {
    for (const name of names) if (!(yield* actor.outlives(name))) return;
    yield* actor.attachReceiver();
    yield* actor.drain(how);
  };
