/**
 * Who does what around tiny memories. Names of threads: a, b, c, n send, r receives, h is its heir, u and v bury; the worker
 * w has the receiver, the owner o the sender, x is the next worker.
 */
import {
  asking,
  awaiting,
  cancelling,
  expecting,
  listening,
  meeting,
  owning,
  owningBlocked,
  reporting,
  reportingNext,
  working,
  workingNext,
} from './office.programs.js';
import {
  abortingSenders,
  blocking,
  burying,
  buryingAgain,
  closingAfter,
  closingEarly,
  closingNow,
  discardingAfter,
  draining,
  fickle,
  impatient,
  impatientThenPatient,
  inheriting,
  mixing,
  mixingSenders,
  open,
  other,
  rx,
  sending,
  sendingLate,
  sendingShared,
  sharing,
  succeeding,
  taking,
  takingBack,
  trying,
  tx,
} from './programs.js';
import type { Scenario } from './world.js';

const SMALL = { capacity: 1, start: -1 } as const;

const waiting: readonly Scenario[] = [
  {
    name: 'one waits, and a newcomer tries',
    ...SMALL,
    threads: { a: open(sending(1, 2)), c: open(trying(1, 2)), r: rx(taking(2, 'async')) },
    refusals: ['full'],
    mayWait: ['a', 'r'],
  },
  {
    name: 'room for two, two that wait, and a newcomer',
    capacity: 2,
    start: -1,
    threads: { a: open(sending(1, 2, 3)), b: open(blocking(1)), r: rx(taking(4, 'async')) },
  },
  {
    name: 'one blocked, one async, room for one',
    ...SMALL,
    threads: { a: tx(blocking(1, 2)), b: open(closingEarly(1)), r: rx(draining('blocking')) },
  },
  {
    name: 'long messages, and three cells',
    capacity: 3,
    start: -2,
    long: true,
    threads: { a: tx(blocking(1, 2, 3, 4)), b: tx(sending(1)), r: rx(draining('async')) },
  },
  {
    name: 'looks and naps',
    ...SMALL,
    naps: true,
    threads: { a: open(sending(1, 2)), b: open(blocking(1)), r: rx(taking(3, 'async')) },
  },
  {
    name: 'late wake-ups',
    ...SMALL,
    threads: { a: open(sendingLate), r: rx(taking(3, 'async')) },
  },
  {
    name: 'a blocking send behind async ones gives up',
    ...SMALL,
    timeouts: 1,
    refusals: ['timeout'],
    threads: { a: tx(mixing(5)), r: rx(draining('blocking')) },
  },
  {
    name: 'async and blocking sends in one thread, and another sender',
    ...SMALL,
    threads: { a: open(mixing()), b: open(blocking(1)), r: rx(taking(4, 'blocking')) },
  },
  {
    name: 'three senders in one thread, which is blocked',
    ...SMALL,
    opens: [1, 2],
    threads: { a: open(mixingSenders), r: rx(taking(5, 'blocking')) },
  },
  {
    name: 'a send after those before it timed out',
    ...SMALL,
    timeouts: 2,
    refusals: ['timeout'],
    threads: { a: tx(impatientThenPatient), r: rx(draining('blocking')) },
  },
  {
    name: 'sends of three senders are aborted, and another waits',
    ...SMALL,
    opens: [2, 3],
    refusals: ['aborted'],
    threads: { a: open(abortingSenders), b: open(blocking(1)), r: rx(draining('blocking')) },
    mayWait: ['r'],
  },
  {
    name: 'a blocked send times out, and another waits',
    ...SMALL,
    timeouts: 1,
    refusals: ['timeout'],
    threads: { a: open(sending(1, 2)), b: open(impatient), r: rx(draining('blocking')) },
    mayWait: ['r'],
  },
  {
    name: 'a receiver that is slow, and senders that look',
    capacity: 4,
    start: -1,
    looks: true,
    timeouts: 1,
    threads: { a: open(blocking(1, 2, 3)), b: open(sending(1, 2)), r: rx(taking(1, 'blocking')) },
  },
];

const coming: readonly Scenario[] = [
  {
    name: 'a message is taken back',
    ...SMALL,
    threads: { a: tx(takingBack), b: tx(blocking(1)), r: rx(draining('blocking')) },
  },
  {
    name: 'a sender for another thread',
    ...SMALL,
    opens: [1],
    threads: { a: tx(sharing), n: other(sendingShared('blocking')), r: rx(draining('async')) },
  },
  {
    name: 'the receiver discards what is left while senders write',
    capacity: 2,
    start: -1,
    threads: { a: tx(blocking(1, 2)), b: tx(sending(1, 2)), r: rx(discardingAfter(1)) },
  },
];

const closing: readonly Scenario[] = [
  {
    name: 'the receiver closes, and that is all',
    ...SMALL,
    threads: { a: open(sending(1, 2)), b: open(blocking(1)), r: rx(closingNow) },
  },
];

const deaths: readonly Scenario[] = [
  {
    name: 'a blocked sender is killed, and buried',
    ...SMALL,
    mortal: ['a'],
    threads: {
      a: tx(blocking(1)),
      b: open(blocking(1, 2)),
      r: rx(draining('blocking')),
      u: open(burying('a')),
    },
    mayWait: ['r'],
  },
  {
    name: 'an async sender is killed, and buried',
    ...SMALL,
    mortal: ['a'],
    threads: { a: tx(sending(1)), b: open(sending(1, 2)), r: rx(draining('async')), u: open(burying('a')) },
    mayWait: ['r'],
  },
  {
    name: 'a sender is killed when it gives up, and buried',
    ...SMALL,
    mortal: ['a'],
    timeouts: 1,
    refusals: ['timeout'],
    threads: {
      a: tx(fickle),
      b: open(blocking(1)),
      r: rx(draining('blocking')),
      u: open(burying('a')),
    },
    mayWait: ['r'],
  },
  {
    name: 'two threads bury one sender, and its seat is used again',
    ...SMALL,
    mortal: ['a'],
    opens: [0, 9],
    threads: {
      a: tx(blocking(1)),
      u: open(succeeding('a')),
      r: rx(draining('blocking')),
      v: tx(burying('a')),
    },
  },
  {
    name: 'a seat is used again, and its former sender buried again',
    ...SMALL,
    mortal: ['a'],
    opens: [0],
    threads: {
      a: tx(sending(1)),
      u: open(succeeding('a')),
      r: rx(draining('blocking')),
      v: tx(buryingAgain('a')),
    },
  },
  {
    name: 'the receiver closes, is killed anywhere, and replaced',
    ...SMALL,
    mortal: ['r'],
    threads: {
      a: open(sending(1, 2)),
      b: open(blocking(1)),
      r: rx(closingAfter(1, 'blocking')),
      h: other(inheriting('r', 'blocking')),
    },
    mayWait: ['h'],
  },
  {
    name: 'the receiver is killed anywhere, and replaced',
    ...SMALL,
    mortal: ['r'],
    threads: {
      a: open(sending(1, 2)),
      b: open(blocking(1)),
      r: rx(draining('async')),
      h: other(inheriting('r', 'blocking')),
    },
    mayWait: ['r', 'h'],
  },
];

const ends: readonly Scenario[] = [
  {
    name: 'ends, and an owner who listens',
    capacity: 1,
    start: 0,
    ends: 4,
    threads: { w: other(reporting(5, [3, 2], [5, 4])), o: other(listening) },
  },
  {
    name: 'a full ring, and an owner who asks in the middle of each end',
    capacity: 1,
    start: 0,
    ends: 2,
    threads: { w: other(reporting(4)), o: other(asking) },
  },
  {
    name: 'ends that a caller waits for',
    capacity: 1,
    start: 0,
    ends: 4,
    threads: { w: other(reporting(2, [1, 1])), o: other(awaiting(0, 1)) },
  },
  {
    name: 'the worker is killed while it reports',
    capacity: 1,
    start: 0,
    ends: 2,
    mortal: ['w'],
    threads: { w: other(reporting(3)), x: other(reportingNext(3)), o: other(awaiting(0)) },
    mayWait: ['x'],
  },
];

const tasks: readonly Scenario[] = [
  {
    name: 'tasks, and their worker is killed anywhere',
    ...SMALL,
    ends: 2,
    mortal: ['w'],
    threads: { w: other(working), x: other(workingNext), o: open(owning(2)) },
    mayWait: ['x'],
  },
  {
    name: 'a task is cancelled, and the worker killed anywhere',
    capacity: 2,
    start: -1,
    ends: 2,
    mortal: ['w'],
    threads: { w: other(working), x: other(workingNext), o: open(cancelling(2)) },
    mayWait: ['x'],
  },
  {
    name: 'the owner is blocked in a send, and the ring is full',
    capacity: 6,
    start: -1,
    ends: 1,
    threads: { w: other(working), o: open(owningBlocked(7)) },
  },
  {
    name: 'another thread sends a task, and the owner sees it run',
    ...SMALL,
    ends: 2,
    meets: true,
    threads: { w: other(working), o: open(meeting), a: tx(blocking(1)) },
  },
  {
    name: 'a deadline, against the end of the task',
    ...SMALL,
    ends: 2,
    timeouts: 1,
    threads: { w: other(working), x: other(workingNext), o: open(expecting(2)) },
    mayWait: ['x'],
  },
  {
    name: 'a deadline, and two tasks at once',
    capacity: 2,
    start: -1,
    ends: 2,
    concurrency: 2,
    timeouts: 1,
    threads: { w: other(working), x: other(workingNext), o: open(expecting(2)) },
    mayWait: ['x'],
  },
];

export const scenarios: readonly Scenario[] = [
  ...waiting,
  ...coming,
  ...closing,
  ...deaths,
  ...ends,
  ...tasks,
];
