/** Words that scenarios are written with. */
import type { Program } from './world.js';

/** Positions run through 0 and through the sign. */
export const BELOW_ZERO = -2;
export const BELOW_SIGN = 2 ** 31 - 2;

export const tx = (runs: Program) => ({ has: 'sender', runs }) as const;
export const rx = (runs: Program) => ({ has: 'receiver', runs }) as const;
export const other = (runs: Program) => ({ has: 'nothing', runs }) as const;
