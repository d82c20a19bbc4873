/**
 * `Atomics`, as the code of a thread finds it: others may go on before each call. A wait that is only for safety never
 * ends by itself, so a lost wake-up cannot hide behind it.
 */
import { CALLS } from '#channel/memory';
import { SLICE_MS } from '#channel/park';
import { call, type LoopPromise, type Steps, type Thread } from './loop.js';
import type { Change, Machine } from './machine.js';
import type { Seen } from './moment.js';
import { BEGIN } from './shared.js';

type View = Readonly<Record<typeof BEGIN, number>>;

/**
 * Waits that are as long as a sender's look, or longer, never end by themselves, but for two: in a blocked thread that hears
 * no calls of its async waits; in scenarios of looks.
 */
const LOOK_MS = 20;

const same: Change = (before) => before;

/** `machine` is the one that the thread runs on now. */
export function atomicsOf(thread: Thread, machine: () => Machine): Record<string, unknown> {
  /** The answer, or steps that have it at their end. */
  const make = <T extends Seen>(at: number, effect: () => T): T | Steps<T> => {
    const mayStop = !thread.preparing && !machine().isQuiet(at);
    return mayStop ? thread.past.stop(effect) : thread.past.ask(effect);
  };
  const access = (op: string, change: Change) => (view: View, index: number, a: number, b: number) => {
    const at = view[BEGIN] + index;
    const { log, shared } = machine();
    if (op === 'load' && log === undefined && machine().isConstant(at)) return shared.load(at);
    return make(at, () => machine().call(thread, op, at, change, a, b));
  };
  /** It does not see what was there. */
  const store = (view: View, index: number, value: number) => {
    const at = view[BEGIN] + index;
    return make(at, () => {
      machine().call(thread, 'store', at, () => value);
      return value;
    });
  };

  function* notify(view: View, index: number, most = Number.POSITIVE_INFINITY): Steps<number> {
    const at = view[BEGIN] + index;
    const wake = (): string => {
      machine().call(thread, 'notify', at, same);
      return machine().wake(thread, at, most);
    };
    const own = yield* call(make(at, wake));
    const [count = 0, ...numbers] = own.split(' ').map(Number);
    for (const number of numbers) thread.settle(number, 'ok');
    return count;
  }

  function* wait(view: View, index: number, value: number, ms = Number.POSITIVE_INFINITY): Steps<string> {
    const at = view[BEGIN] + index;
    const isLook = ms < SLICE_MS && (thread.listening > 0 || machine().looks);
    const isTimed = ms < LOOK_MS || isLook;
    const park = (): number | undefined => {
      if (machine().call(thread, 'wait', at, same) !== value) return undefined;
      machine().waits(thread, at);
      return isTimed ? machine().clock : 0;
    };
    const begin = yield* call(make(at, park));
    if (begin === undefined) return 'not-equal';
    thread.parked = true;
    thread.until = isTimed ? begin + ms : Number.POSITIVE_INFINITY;
    yield* thread.pause();
    return thread.woken;
  }

  function* waitAsync(
    view: View,
    index: number,
    value: number,
    ms: number,
  ): Steps<{ async: boolean; value: unknown }> {
    const at = view[BEGIN] + index;
    const number = thread.promises.length;
    const promise = thread.promised();
    const park = (): boolean => {
      if (machine().call(thread, 'waitAsync', at, same) !== value) return false;
      machine().waits(thread, at, number);
      return true;
    };
    const parks = yield* call(make(at, park));
    if (parks && at === CALLS) listen(number, promise, ms);
    return parks ? { async: true, value: promise } : { async: false, value: 'not-equal' };
  }

  /** An async wait for room. */
  function listen(number: number, promise: LoopPromise, ms: number): void {
    const look = (): void => {
      if (thread.past.ask(() => machine().stopsWaiting(thread, number))) thread.settle(number, 'timed-out');
    };
    const timer = { at: machine().looks ? thread.past.ask(() => machine().clock) + ms : 0, job: look };
    if (machine().looks) thread.timers.push(timer);
    thread.listening += 1;
    promise.then(() => {
      thread.listening -= 1;
      const at = thread.timers.indexOf(timer);
      if (at >= 0) thread.timers.splice(at, 1);
    });
  }

  return {
    load: access('load', same),
    store,
    add: access('add', (before, a) => before + a),
    and: access('and', (before, a) => before & a),
    or: access('or', (before, a) => before | a),
    exchange: access('exchange', (_, a) => a),
    compareExchange: access('compareExchange', (before, a, b) => (before === a ? b : before)),
    plain: access('plain', same),
    notify,
    wait,
    waitAsync,
  };
}
