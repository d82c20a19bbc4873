/**
 * Who does what around tiny memories. Names of threads: a, b, c send, r receives, h is its heir, u and v bury; the worker
 * w has the receiver, the owner o the sender, x is the next worker.
 */
import type { Actor, How } from './actor.js';
import { Owner, Worker } from './office.js';
import type { Program, Role, Scenario } from './world.js';

/** A thread that leaves its sender open; one that closes it at the end. */
const open = (runs: Program): Role => ({ has: 'sender', runs });
const tx = (runs: Program): Role =>
  open(async (actor) => {
    await runs(actor);
    actor.sender.close();
  });
const rx = (runs: Program): Role => ({ has: 'receiver', runs });
const other = (runs: Program): Role => ({ has: 'nothing', runs });

// ── Senders ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function blocking(...messages: number[]): Program {
  return async (actor) => {
    for (const n of messages) actor.blockingSend(n);
  };
}

function sending(...messages: number[]): Program {
  return (actor) => Promise.all(messages.map((n) => actor.send(n)));
}

/** Buries `name` if it was killed. */
function burying(name: string): Program {
  return async (actor) => {
    if (await actor.outlives(name)) actor.bury(name);
  };
}

// ── Receivers ────────────────────────────────────────────────────────────────────────────────────────────────────────

function draining(how: How): Program {
  return (actor) => actor.drain(how);
}

/** Receives so many, and no more. */
function taking(messages: number, how: How): Program {
  return async (actor) => {
    for (let n = 1; n <= messages; n++) {
      await actor.recv(how);
      actor.happens(`${n} taken`);
    }
  };
}

// ── Workers and owners ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Reports so many ends, in all: the next worker goes on where the last one stopped. `pauses`: after so many it does something
 * else, until the owner has been told of so many.
 */
function reporting(ends: number, ...pauses: (readonly [after: number, told: number])[]): Program {
  return async (actor) => {
    const worker = new Worker(actor);
    for (let id = actor.audit.count(); id < ends; id++) {
      worker.report(id);
      for (const [after, told] of pauses) if (after === id + 1) await actor.after(`${told} told`);
    }
  };
}

/** Does what the worker before it did, when that one has died. */
const next = (runs: Program): Role =>
  other(async (actor) => {
    await actor.after('the next worker');
    await runs(actor);
  });

/** A worker that runs tasks until the channel is closed and drained. */
const working: Program = async (actor) => {
  const worker = new Worker(actor, () => actor.receiver.callAll());
  actor.attachReceiver((position) => worker.taking(position));
  await worker.work();
};

/** Sends two tasks, waits for their ends, closes. `before`: what else is done when both have been sent. */
function owning(count: number, before: (actor: Actor, owner: Owner, last: number) => unknown): Program {
  return async (actor) => {
    const owner = new Owner(actor);
    const supervision = owner.supervise('w');
    supervision.catch(actor.thread.threw);
    const positions: number[] = [];
    for (let n = 1; n <= count; n++) positions.push(await owner.enqueue(n));
    before(actor, owner, positions.at(-1) ?? 0);
    for (const position of positions) await owner.end(owner.idOf(position));
    actor.sender.close();
    await supervision;
    owner.stop();
  };
}

// ── Scenarios ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const scenarios: readonly Scenario[] = [
  {
    name: 'one waits, and a newcomer tries',
    capacity: 2,
    threads: {
      a: open(sending(1, 2, 3)),
      c: open(async (actor) => {
        for (const n of [1, 2]) actor.trySend(n);
      }),
      r: rx(taking(2, 'async')),
    },
    mayWait: ['a', 'r'],
  },
  {
    name: 'one blocked, one async, which closes early',
    threads: {
      a: tx(blocking(1, 2)),
      b: open(async (actor) => {
        const sent = actor.send(1);
        actor.sender.close();
        await sent;
      }),
      r: rx(draining('blocking')),
    },
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
    naps: true,
    threads: { a: open(sending(1, 2)), b: open(blocking(1)), r: rx(taking(3, 'async')) },
  },
  {
    name: 'late wake-ups',
    threads: {
      a: open(async (actor) => {
        await actor.send(1, {}, true);
        await actor.after('1 taken');
        await actor.send(2, {}, true);
        actor.blockingSend(3);
      }),
      r: rx(taking(3, 'async')),
    },
  },
  {
    name: 'a blocking send behind async ones gives up',
    timeouts: 1,
    threads: {
      a: tx(async (actor) => {
        const sends = [actor.send(1), actor.send(2)];
        actor.blockingSend(3, 5);
        await Promise.all(sends);
      }),
      r: rx(draining('blocking')),
    },
  },
  {
    name: 'a send after those before it timed out',
    timeouts: 2,
    threads: {
      a: tx(async (actor) => {
        await Promise.all([actor.send(1), actor.send(2, { timeout: 50 })]);
        await sending(3, 4)(actor);
      }),
      r: rx(draining('blocking')),
    },
  },
  {
    name: 'sends of three senders are aborted, and another waits',
    threads: {
      a: open(async (actor) => {
        actor.blockingSend(1);
        const aborter = new AbortController();
        const { signal } = aborter;
        const sends = [actor.send(2, { signal })];
        for (const n of [1, 2]) {
          actor.share();
          sends.push(actor.send(30 * n, { signal }));
        }
        aborter.abort({ code: 'aborted' });
        await Promise.all(sends);
      }),
      b: open(blocking(1)),
      r: rx(draining('blocking')),
    },
    mayWait: ['r'],
  },
  {
    name: 'a receiver that is slow, and senders that look',
    capacity: 4,
    looks: true,
    timeouts: 1,
    threads: { a: open(blocking(1, 2, 3)), b: open(sending(1, 2)), r: rx(taking(1, 'blocking')) },
  },
  {
    name: 'a message is taken back',
    threads: {
      a: tx(async (actor) => {
        await actor.send(1);
        actor.takeBack(1, actor.position);
      }),
      b: tx(blocking(1)),
      r: rx(draining('blocking')),
    },
  },
  {
    name: 'the receiver discards what is left while senders write',
    capacity: 2,
    threads: {
      a: tx(blocking(1, 2)),
      b: tx(sending(1, 2)),
      r: rx(async (actor) => {
        await actor.recv('blocking');
        actor.discard();
      }),
    },
  },
  {
    name: 'the receiver closes, and that is all',
    threads: {
      a: open(sending(1, 2)),
      b: open(blocking(1)),
      r: rx(async (actor) => actor.closeReceiver()),
    },
  },
  {
    name: 'an async sender is killed, and buried',
    mortal: ['a'],
    threads: { a: tx(sending(1)), b: open(sending(1, 2)), r: rx(draining('async')), u: open(burying('a')) },
    mayWait: ['r'],
  },
  {
    name: 'a sender is killed when it gives up, and buried',
    mortal: ['a'],
    timeouts: 1,
    threads: {
      a: tx(async (actor) => {
        actor.blockingSend(1);
        actor.blockingSend(2, 5);
      }),
      b: open(blocking(1)),
      r: rx(draining('blocking')),
      u: open(burying('a')),
    },
    mayWait: ['r'],
  },
  {
    name: 'two threads bury one sender, and its seat is used again',
    mortal: ['a'],
    threads: {
      a: tx(blocking(1)),
      // Sends with a sender that has the dead one's seat.
      u: open(async (actor) => {
        await burying('a')(actor);
        const first = actor.sender;
        actor.share();
        first.close();
        actor.blockingSend(1);
        actor.sender.close();
      }),
      r: rx(draining('blocking')),
      v: tx(burying('a')),
    },
  },
  {
    name: 'the receiver closes, is killed anywhere, and replaced',
    mortal: ['r'],
    threads: {
      a: open(sending(1, 2)),
      b: open(blocking(1)),
      r: rx(async (actor) => {
        await actor.recv('async');
        actor.closeReceiver();
        await actor.drain('blocking');
      }),
      h: other(async (actor) => {
        if (!(await actor.outlives('r'))) return;
        actor.attachReceiver();
        await actor.drain('blocking');
      }),
    },
    mayWait: ['h'],
  },
  {
    name: 'ends, and an owner who listens',
    ends: 4,
    threads: {
      w: other(reporting(5, [3, 2], [5, 4])),
      o: other(async (actor) => {
        let told = 0;
        await new Owner(actor, () => actor.happens(`${++told} told`)).supervise('w');
      }),
    },
  },
  {
    name: 'ends that a caller waits for',
    ends: 4,
    threads: {
      w: other(reporting(2, [1, 1])),
      o: other(async (actor) => {
        const owner = new Owner(actor);
        for (const id of [0, 1]) {
          await owner.end(id);
          actor.happens(`${id + 1} told`);
        }
        await owner.supervise('w');
      }),
    },
  },
  {
    name: 'the worker is killed while it reports',
    ends: 2,
    mortal: ['w'],
    threads: {
      w: other(reporting(3)),
      x: next(reporting(3)),
      o: other(async (actor) => {
        const owner = new Owner(actor);
        await Promise.all([owner.supervise('w'), owner.end(0)]);
      }),
    },
    mayWait: ['x'],
  },
  {
    name: 'a task is cancelled, and the worker killed anywhere',
    capacity: 2,
    ends: 2,
    mortal: ['w'],
    threads: {
      w: other(working),
      x: next(working),
      o: open(owning(2, (_, owner, last) => owner.cancel(2, last))),
    },
    mayWait: ['x'],
  },
  {
    name: 'the owner is blocked in a send, and the ring is full',
    capacity: 6,
    ends: 1,
    threads: {
      w: other(working),
      o: open(async (actor) => {
        const owner = new Owner(actor);
        await blocking(1, 2, 3, 4, 5, 6, 7)(actor);
        for (let id = 0; id < 7; id++) await owner.end(id);
        actor.sender.close();
        owner.stop();
      }),
    },
  },
  {
    name: 'another thread sends a task, and the owner sees it run',
    ends: 2,
    meets: true,
    threads: {
      w: other(working),
      o: open(async (actor) => {
        const owner = new Owner(actor);
        actor.sender.close();
        await actor.after('named');
        owner.running();
        await owner.end(0);
        owner.stop();
      }),
      a: tx(blocking(1)),
    },
  },
  {
    name: 'a deadline, against the end of its task, and another one',
    capacity: 3,
    ends: 2,
    concurrency: 2,
    timeouts: 1,
    threads: {
      w: other(working),
      x: next(working),
      // Looks once whether a task is past its deadline, when the scheduler lets the timer fire.
      o: open(owning(3, ({ thread }, owner) => thread.timers.push({ at: 0, job: () => owner.endLate('w') }))),
    },
    mayWait: ['x'],
  },
];
