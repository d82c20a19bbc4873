/**
 * Who does what around a tiny channel and a tiny ledger. Names of threads: a, b send and wait for the end, r executes,
 * h supervises and is the next worker, k cancels, q asks.
 */
import {
  busy,
  cancelling,
  cancellingItsOwn,
  enforcing,
  executing,
  givingUp,
  impatientlyRunning,
  queueing,
  reading,
  restarting,
  running,
  runningFar,
  runningThree,
  skipping,
} from './taskprograms.js';
import type { Program, Scenario } from './world.js';

const BELOW_ZERO = -2;
const BELOW_SIGN = 2 ** 31 - 2;

const tx = (runs: Program) => ({ has: 'sender', runs }) as const;
const rx = (runs: Program) => ({ has: 'receiver', runs }) as const;
const other = (runs: Program) => ({ has: 'nothing', runs }) as const;

export const taskScenarios: readonly Scenario[] = [
  {
    name: 'tasks are run, and awaited',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'one at a time',
    threads: { a: tx(running(1, 2)), b: tx(queueing(1, 3)), r: rx(executing()) },
  },
  {
    name: 'a task is cancelled against its start and its end',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'one at a time',
    threads: { a: tx(queueing(1, 2)), r: rx(executing()), k: other(cancelling(0, 1)) },
  },
  {
    name: 'a task is cancelled while the worker does something else',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'one at a time',
    threads: { a: tx(queueing(1)), r: rx(busy), k: other(cancelling(0, 0, 0)) },
    mayWait: ['a'],
  },
  {
    name: 'two threads cancel a task',
    capacity: 1,
    cells: 4,
    start: BELOW_SIGN,
    tasks: 'one at a time',
    threads: {
      a: tx(cancellingItsOwn),
      r: rx(executing()),
      k: other(cancelling(0)),
      q: other(reading(0, 0)),
    },
  },
  {
    name: 'records are read while they are used again',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'one at a time',
    threads: { a: tx(running(1, 2)), r: rx(executing()), q: other(reading(-8, 0, -7, 0, 1)) },
  },
  {
    name: 'the worker is killed, and another goes on',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    mortal: ['r'],
    tasks: 'one at a time',
    threads: { a: tx(running(1, 3)), b: tx(queueing(1)), r: rx(executing()), h: other(restarting('r')) },
  },
  {
    name: 'the worker is killed while tasks are cancelled',
    capacity: 2,
    cells: 4,
    start: BELOW_SIGN,
    mortal: ['r'],
    tasks: 'one at a time',
    threads: {
      a: tx(queueing(1, 2)),
      r: rx(executing()),
      h: other(restarting('r')),
      k: other(cancelling(0, 1)),
    },
  },
  {
    name: 'whoever cancels a task is killed',
    capacity: 2,
    cells: 4,
    start: BELOW_ZERO,
    mortal: ['k'],
    tasks: 'one at a time',
    threads: { a: tx(queueing(1)), r: rx(executing()), k: other(cancelling(0)) },
  },
  {
    name: 'the worker is ended over a task that may just have ended',
    capacity: 2,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'one at a time',
    threads: { a: tx(queueing(1, 2)), r: rx(executing({ slow: true })), h: other(enforcing('r', 0)) },
  },
  {
    name: 'the runtime gives up what is queued while tasks are sent',
    capacity: 2,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'one at a time',
    threads: { a: tx(queueing(1, 2)), b: tx(running(1)), r: rx(givingUp(1)), q: other(reading(0, 1, 2)) },
  },
  {
    name: 'messages that are no tasks any more are skipped while they are cancelled',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'one at a time',
    threads: { a: tx(queueing(1, 2)), r: rx(skipping), k: other(cancelling(0, 1)) },
  },
  {
    name: 'tasks that find no room in time',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    timeouts: 1,
    refusals: ['timeout'],
    tasks: 'one at a time',
    threads: {
      a: tx(impatientlyRunning(1, 2)),
      b: tx(queueing(1)),
      r: rx(executing()),
      k: other(cancelling(1)),
    },
  },
  {
    name: 'a task is cancelled late, when its record is used again',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'one at a time',
    threads: { a: tx(runningFar(8)), r: rx(executing()), k: other(cancelling(0)) },
  },
  {
    name: 'tasks overlap, and a record in use is passed over',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'overlapping',
    threads: { a: tx(runningFar(8)), r: rx(executing({ overlap: 2 })), q: other(reading(0, 8)) },
  },
  {
    name: 'tasks overlap, and a record is used again as soon as its task has ended',
    capacity: 1,
    cells: 4,
    start: BELOW_ZERO,
    tasks: 'overlapping',
    threads: { a: tx(runningThree), r: rx(executing({ overlap: 2 })) },
  },
];
