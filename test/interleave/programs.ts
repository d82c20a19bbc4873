/** What a thread of a scenario does, from its first action to its last. */
import type { Program } from './world.js';

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

/** The blocking send gives up; the async ones go on waiting. */
export const mixingImpatiently: Program = function* (actor) {
  const sends = [];
  for (const n of [1, 2]) sends.push(yield* actor.send(n));
  yield* actor.blockingSend(3, 50);
  yield* actor.settled(...sends);
};

export const trying = (...messages: number[]): Program =>
  function* (actor) {
    for (const n of messages) yield* actor.trySend(n);
  };

/** Fills room for two, and tries again when both have been taken. */
export const tryingLater: Program = function* (actor) {
  for (const n of [1, 2]) yield* actor.trySend(n);
  yield* actor.after('2 are taken');
  yield* actor.trySend(3);
};

/** Has the receiver woken late, in two turns of its event loop. */
export const wakingLate: Program = function* (actor) {
  for (const n of [1, 2]) yield* actor.trySend(n, true);
  yield* actor.after('2 are taken');
  yield* actor.trySend(3, true);
  yield* actor.after('3 are taken');
};

export const blockingLater: Program = function* (actor) {
  yield* actor.after('2 are taken');
  yield* actor.blockingSend(1);
};

/** Waits again when all that it waited for has been given up. */
export const impatientThenPatient: Program = function* (actor) {
  const first = yield* actor.send(1);
  const second = yield* actor.send(2, { timeout: 50 });
  yield* actor.settled(first, second);
  const third = yield* actor.send(3);
  yield* actor.settled(yield* actor.send(4), third);
};

/** Refuses the first position it gets. */
export const choosy: Program = function* (actor) {
  let positions = 0;
  yield* actor.settled(yield* actor.send(1, {}, { claimed: () => ++positions > 1 }));
};

export const aborting: Program = function* (actor) {
  const first = yield* actor.send(1);
  const second = yield* actor.send(2, { signal: actor.abortSometime() });
  yield* actor.settled(first, second);
};

export const draining =
  (how: 'async' | 'blocking'): Program =>
  (actor) =>
    actor.drain(how);

/** Receives so many, and no more. */
export const taking = (messages: number, how: 'async' | 'blocking'): Program =>
  function* (actor) {
    for (let n = 0; n < messages; n++) yield* actor.recv(how);
  };

/** Tells when it has taken each of the first. */
export const counting = (messages: number, how: 'async' | 'blocking'): Program =>
  function* (actor) {
    for (let n = 1; n <= messages; n++) {
      if ((yield* actor.recv(how)) === undefined) return;
      actor.happens(`${n} are taken`);
    }
    yield* actor.drain(how);
  };

/** Receives so many, then closes, then drains what was admitted. */
export const closingAfter = (messages: number, how: 'async' | 'blocking'): Program =>
  function* (actor) {
    for (let n = 0; n < messages; n++) yield* actor.recv(how);
    yield* actor.closeReceiver();
    yield* actor.drain(how);
  };

/** Receives so many, then closes and throws away what is left. */
export const discardingAfter = (messages: number): Program =>
  function* (actor) {
    for (let n = 0; n < messages; n++) yield* actor.recv('blocking');
    yield* actor.discard();
  };

/** Buries `name` if it was killed, and goes on with its number. */
export const succeeding = (name: string, ...messages: number[]): Program =>
  function* (actor) {
    yield* actor.buryIfKilled(name);
    yield* actor.takeNumberOf(name);
    actor.happens('succeeded');
    const sends = [];
    for (const n of messages) sends.push(yield* actor.send(n));
    yield* actor.settled(...sends);
  };

/** As {@link succeeding}, if nobody else is still burying `name`. */
export const succeedingIfFree = (name: string, message: number): Program =>
  function* (actor) {
    yield* actor.buryIfKilled(name);
    if (actor.isFree(name)) {
      yield* actor.takeNumberOf(name);
      yield* actor.blockingSend(message);
    }
  };

/** Buries a life that is long over. */
export const buryingLate = (name: string): Program =>
  function* (actor) {
    yield* actor.after('succeeded');
    yield* actor.bury(name);
  };

export const burying = (name: string): Program =>
  function* (actor) {
    yield* actor.buryIfKilled(name);
  };

/** The next receiver, if all before it were killed. */
export const inheriting = (names: string, how: 'async' | 'blocking'): Program =>
  function* (actor) {
    let needed = true;
    for (const name of names) needed = (yield* actor.outlives(name)) && needed;
    if (!needed) return;
    yield* actor.attachReceiver();
    yield* actor.drain(how);
  };
