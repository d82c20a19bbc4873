/** Words that scenarios are written with. */
import type { Program } from './world.js';

/** Positions run through 0 and through the sign. */
export const BELOW_ZERO = -2;
export const BELOW_SIGN = 2 ** 31 - 2;
/** The turn after it is negative. */
export const LAST_TURN = 2 ** 31 - 1;

/** A thread that closes its sender at the end. */
export const tx = (runs: Program) =>
  open(function* (actor, tasks) {
    yield* runs(actor, tasks);
    yield* actor.closeSender();
  });
/** A thread that leaves its sender open. */
export const open = (runs: Program) => ({ has: 'sender', runs }) as const;
export const rx = (runs: Program) => ({ has: 'receiver', runs }) as const;
export const other = (runs: Program) => ({ has: 'nothing', runs }) as const;
