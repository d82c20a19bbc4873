/**
 * `Atomics`, as the code of a thread finds it: others may go on before each call. A wait of one slice (100 ms, repeated)
 * never ends by itself, so a lost wake-up cannot hide behind it.
 */
import { call, type Steps, type Thread } from './loop.js';
import type { Change, Machine } from './machine.js';
import type { Seen } from './moment.js';
import { BEGIN } from './shared.js';

type View = Readonly<Record<typeof BEGIN, number>>;

const SLICE_MS = 100;

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

  function* notify(view: View, index: number, count = Number.POSITIVE_INFINITY): Steps<number> {
    const at = view[BEGIN] + index;
    const wake = (): string => {
      machine().call(thread, 'notify', at, same);
      return machine().wake(thread, at, count);
    };
    const own = yield* call(make(at, wake));
    for (const number of own.split(' ')) if (number !== '') thread.settle(Number(number), 'ok');
    return 0; // how many it has woken is nothing to anybody
  }

  function* wait(view: View, index: number, value: number, ms = Number.POSITIVE_INFINITY): Steps<string> {
    const at = view[BEGIN] + index;
    const isTimed = ms < SLICE_MS;
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

  /** It never ends by itself, either. */
  function* waitAsync(view: View, index: number, value: number): Steps<{ async: boolean; value: unknown }> {
    const at = view[BEGIN] + index;
    const number = thread.promises.length;
    const promise = thread.promised();
    const park = (): boolean => {
      if (machine().call(thread, 'waitAsync', at, same) !== value) return false;
      machine().waits(thread, at, number);
      return true;
    };
    const parks = yield* call(make(at, park));
    return parks ? { async: true, value: promise } : { async: false, value: 'not-equal' };
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
